/** Tables that the kernel fills itself: which kinds a unit takes. VT-d §9.7, §9.8; Linux 7.2, drivers/iommu/intel/iommu.c. */
import type { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import type { TableKind } from "../table_domain.ts";

type Has = RemappingUnit["has"];

const FIRST_STAGE_BITS = 48;
const USER_HALF = (1n << 47n) - 1n;
/** Input bits of second-stage tables, by the bit of CAP.SAGAW. */
const WIDTHS = [30, 39, 48, 57];
/** Every unit has tables of this width or a wider one. */
const NARROWEST = 39;
/** Where SAGAW names none that the unit's addresses have. */
const USUAL = 48;

/** First-stage tables, for the user's half of addresses. */
export function firstStageTables(has: Has): TableKind {
  const maker = x86Entries(4, has("CAP", "FS1GP") === 1, false);
  return { maker, shape: { level: 3, inputBits: FIRST_STAGE_BITS }, aperture: { start: 0n, last: USER_HALF } };
}

/** Second-stage tables, as wide as they can be. @param writableOnly mappings without write permission are refused */
export function secondStageTables(has: Has, writableOnly: boolean): TableKind {
  const snoop = has("ECAP", "SC") === 1;
  const features = { largePages: has("CAP", "SSLPS"), snoop, transientMapping: false };
  const bits = secondStageBits(has);
  return {
    maker: vtdSecondEntries(features, snoop),
    shape: { level: (bits - 12) / 9 - 1, inputBits: bits },
    aperture: { start: 0n, last: (1n << BigInt(bits)) - 1n },
    writableOnly,
  };
}

/** The widest second stage that both the unit's tables and its addresses have. */
function secondStageBits(has: Has): number {
  const offered = has("CAP", "SAGAW");
  const widest = Math.max(has("CAP", "MGAW") + 1, NARROWEST);
  return (
    WIDTHS.filter((width, i) => ((offered >>> i) & 1) === 1 && width >= NARROWEST && width <= widest).at(-1) ?? USUAL
  );
}

/** Code of AW for tables of that many input bits. */
export const addressWidthCode = (inputBits: number): number => WIDTHS.indexOf(inputBits);
