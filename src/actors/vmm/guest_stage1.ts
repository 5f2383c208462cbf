/**
 * Stage 1 of a guest on an SMMUv3 as a VMM follows it: tables of TTB0 with a 4 KiB granule. IHI 0070 §5.4; Arm ARM (DDI
 * 0487) §D8.3, §D8.4.
 *
 * UNMODELLED: TTB1, other granules, and pages that only privileged requests may use, which are not mapped.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { S1_PAGE, S1_TABLE } from "../../arch/smmuv3/descriptors.ts";
import { locate } from "../../base/layout.ts";
import { addressBits } from "../../engine/smmuv3/capabilities.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import type { ScanRoot } from "../../pagetable/scan.ts";
import type { GuestTables } from "./shadow_tables.ts";

const FORMAT = vmsav8Format(12, false);
const GRANULE_4K = 0;
const LEAST_INPUT_BITS = 25;
const MOST_INPUT_BITS = 48;
/** AP[1] lets unprivileged requests in, AP[2] makes a leaf read-only. */
const AP_USER = 1 << locate(S1_PAGE, "AP").shift;
const AP_READ_ONLY = AP_USER << 1;
const AF = 1 << locate(S1_PAGE, "AF").shift;
/** Of tables above: the low bit keeps unprivileged requests out, the high one writes. In the high half. */
const APTABLE_NO_USER = 1 << locate(S1_TABLE, "APTable").shift;
const APTABLE_READ_ONLY = APTABLE_NO_USER << 1;

/** The tables that a context descriptor leads to; null where there are none that a VMM follows. */
export function guestStage1(cd: Uint32Array): GuestTables | null {
  const { f } = CD;
  const root = rootOf(cd);
  if (root === null) return null;
  const accessFlagFaults = f.AFFD.get(cd, 0) === 0;
  const hierarchy = f.HAD0.get(cd, 0) === 0;
  return {
    root,
    rights: ({ lo, inherited }) => {
      const imposed = hierarchy ? inherited : 0;
      const read = (lo & AP_USER) !== 0 && (imposed & APTABLE_NO_USER) === 0 && !(accessFlagFaults && (lo & AF) === 0);
      return { read, write: read && (lo & AP_READ_ONLY) === 0 && (imposed & APTABLE_READ_ONLY) === 0 };
    },
  };
}

function rootOf(cd: Uint32Array): ScanRoot | null {
  const { f } = CD;
  const inputBits = 64 - f.T0SZ.get(cd, 0);
  const followed = f.V.get(cd, 0) === 1 && f.AA64.get(cd, 0) === 1 && f.EPD0.get(cd, 0) === 0;
  if (!followed || f.ENDI.get(cd, 0) === 1 || f.TG0.get(cd, 0) !== GRANULE_4K) return null;
  if (inputBits < LEAST_INPUT_BITS || inputBits > MOST_INPUT_BITS) return null;
  const level = Math.ceil((inputBits - FORMAT.granuleLg2) / FORMAT.strideLg2) - 1;
  const entries = 2 ** (inputBits - entrySizeLg2(FORMAT, level));
  const table = f.TTB0.address(cd, 0);
  const at = table - (table % (8 * entries));
  return { fmt: FORMAT, at, level, entries, outputBits: addressBits(f.IPS.get(cd, 0), false) };
}
