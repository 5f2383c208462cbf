/** Where the recorder of the AMD-Vi vectors is known to write an event record otherwise than 48882 §2.5 says. */
import type { Expected, RecordQuirks } from "../record_quirks.ts";

const same = (a: Expected, b: Expected): boolean => a.record.every((byte, i) => byte === b.record[i]);

const withoutRepeats = (records: readonly Expected[]): readonly Expected[] =>
  records.filter((one, i) => i === 0 || !same(one, records[i - 1]!));

export const AMDVI_QUIRKS: RecordQuirks = {
  captures: ["quirk:event-fields"],
  fields: {
    // Address, domain, flags and the bus number are not filled in: what counts is the code and the device and function.
    "quirk:event-fields": (d) => d.keep([63, 60], [7, 0]),
  },
  list: {
    // §2.5: one transaction makes one record; the recorder splits transactions.
    "quirk:event-repeat": withoutRepeats,
    // §2.5.4: a table that cannot be read makes one record, not a page fault besides.
    "quirk:hw-error-and-fault": (records) => records.filter((_, i) => i % 2 === 0),
    // §2.5.2: an entry is recorded when a transaction needs it, not when a command names it.
    "quirk:dte-at-inval": (records, afterTransfer) => (afterTransfer ? records : []),
  },
};
