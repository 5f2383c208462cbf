/** Where the recorder of the VT-d vectors is known to write a fault record otherwise than the specification says. */
import type { RecordQuirks } from "../record_quirks.ts";

export const VTD_QUIRKS: RecordQuirks = {
  captures: ["capture:record-before-f"],
  fields: {
    // A capture has the record as it was before F, bit 127, was set.
    "capture:record-before-f": (d) => d.ignore(127, 127),
    // §7.1.3: under a scalable-mode root table there are codes of their own for every structure. FR is bits 103:96.
    "quirk:legacy-code-in-sm": (d) => d.ignore(103, 96),
  },
};
