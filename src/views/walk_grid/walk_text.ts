/**
 * Words of the walk: what a record says in a cell, in a tooltip and in the table for readers. Rules and their sections
 * come from the architecture's list of reasons; only the short forms that fit a cell are written here.
 */
import { isTableStep, type StepHit, type StepReason, type TraceStep } from "../geometry/trace_step.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";

/** A few words for a cell, longest first, by the name of the rule. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  INVALID: ["invalid, bit 0 is 0", "invalid"],
  RESERVED_TYPE: ["reserved type", "reserved"],
  TABLE_ADDRESS_SIZE: ["table beyond size", "too large"],
  OUTPUT_ADDRESS_SIZE: ["output beyond size", "too large"],
  ACCESS_FLAG: ["AF is 0"],
  S1_UNPRIVILEGED: ["privileged only", "no access"],
  S1_READ_ONLY: ["read-only"],
  S1_EXECUTE: ["no execute"],
  S1_PAN: ["PAN forbids", "PAN"],
  S2_READ: ["no read"],
  S2_WRITE: ["no write"],
  S2_EXECUTE: ["no execute"],
  S2_FETCH_READ: ["no read here", "no read"],
  S2PTW: ["Device, S2PTW 1", "S2PTW"],
  WALK_ABORT: ["nothing answered", "abort"],
  STE_FETCH: ["nothing answered", "abort"],
  CD_FETCH: ["nothing answered", "abort"],
  VA_RANGE: ["outside T0SZ, T1SZ", "out of range"],
  IPA_RANGE: ["outside S2T0SZ", "out of range"],
  IPA_BEYOND_IAS: ["beyond IAS", "too large"],
  EPD: ["EPD is 1"],
  E0PD: ["E0PD is 1"],
  SID_RANGE: ["SID out of range", "SID"],
  STE_ABORT: ["stream disabled", "abort"],
  STE_V: ["V is 0"],
  CD_V: ["V is 0"],
  L1CD_V: ["V is 0"],
};

/** Fields that say whether the rest is there at all, whatever the structure: 0 is legal, and ends the walk. */
const PRESENT_BITS: ReadonlySet<string> = new Set(["P", "LP", "UP", "V", "PR"]);

/** Short forms of what ended a step, longest first, always at least one. */
export function shortReason(why: StepReason | null): readonly string[] {
  if (why === null) return ["refused"];
  const short = SHORT[why.id];
  if (short !== undefined) return short;
  if (PRESENT_BITS.has(why.field)) return [`${why.field} is 0`];
  return why.field === "" ? ["refused"] : [`${why.field} is ILLEGAL`, why.field, "refused"];
}

/** What kind of thing a step leads to. */
export function leadsTo(step: TraceStep): "table" | "block" | "page" | "context" | "output" | "array" {
  switch (step.kind) {
    case "L1STD":
      return "array";
    case "STE":
    case "L1CD":
      return "context";
    case "CD":
    case "GCR3":
    case "PasidEntry":
    case "DTE":
      return "table";
    case "RootEntry":
    case "PasidDirectoryEntry":
      return "array";
    case "ContextEntry":
      return "context";
    case "Output":
      return "output";
    default:
      return !step.leaf ? "table" : step.height === 0 ? "page" : "block";
  }
}

/** "access 17" as the grid counts, "configuration access 3", or "check". */
export function ordinalText(steps: readonly TraceStep[], record: number): string {
  const step = steps[record];
  if (step !== undefined && step.hit !== "none") return cacheName(step.hit);
  if (step === undefined || step.access === 0) return "check";
  const mine = steps.filter((s) => s.access > 0 && isTableStep(s) === isTableStep(step));
  return `${isTableStep(step) ? "access" : "configuration access"} ${mine.indexOf(step) + 1}`;
}

/** The cache that stood in for an access, in words. */
export function cacheName(hit: StepHit): string {
  switch (hit) {
    case "none":
      return "";
    case "config":
      return "configuration cache";
    case "walk":
      return "walk cache";
    case "tlb":
      return "TLB";
  }
}

/** What the hardware writes back to the descriptor, in words; empty for nothing. */
export function updateText(update: number): string {
  return ["", "sets AF", "marks it dirty", "sets AF, marks it dirty"][update & 3] ?? "";
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What came of a step, a sentence without its address space. */
export function stepMeaning(step: TraceStep): string {
  switch (step.verdict) {
    case "fault":
      return step.why?.text ?? "Refused.";
    case "unknown":
      return "The session does not hold this memory.";
    case "next":
      return `${leadsTo(step)} at ${hex(step.out)}`;
    case "done": {
      // What the structure says is no address.
      if (step.kind === "VMS") return "valid";
      if (step.kind !== "Output" && step.kind !== "Descriptor") return `valid, leads to ${hex(step.out)}`;
      if (step.kind === "Output") return `PA ${hex(step.out)}`;
      const run = step.contiguous ? ", part of a contiguous run" : "";
      const update = step.update === 0 ? "" : `; the hardware ${updateText(step.update)}`;
      return `${leadsTo(step)} of ${sizeText(step.sizeLg2)} at ${hex(step.out)}, ${permissionText(step.permissions)}${run}${update}`;
    }
  }
}
