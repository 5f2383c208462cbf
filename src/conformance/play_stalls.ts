/** Plays the steps of `iommu-vectors/1` that are about stalled transactions. */
import type { Machine } from "../machine/machine.ts";
import type { TransferResult } from "../machine/unit.ts";
import { hex, hexBytes } from "./text.ts";
import type { Step } from "./vectors.ts";

/** What became of a transaction, in words. */
export function resultText(result: TransferResult): string {
  if (result.ok) return result.pa === null ? "an interrupt" : `physical address ${hex(result.pa)}`;
  if (result.stalled !== undefined) return `stall ${result.stalled}`;
  if (result.unknown !== undefined) return `memory at ${hex(result.unknown)} that is unknown`;
  return result.razwi ? "RAZ/WI" : "an abort";
}

/** Put the tag of a stall where a command lies. The difference, or null when it could be done. */
export function playStag(machine: Machine, { at, stall }: Step & { type: "stag" }): string | null {
  const tag = machine.unit.stalls?.tagOf(stall) ?? null;
  if (tag === null) return `stall ${stall} has no tag: it is not waiting for a command`;
  const written = machine.writeMemory(at, Uint8Array.of(tag & 0xff, tag >>> 8));
  return written ? null : `memory at ${hex(at)} could not be written`;
}

/** Compare what became of a stalled transaction. */
export function playResolved(machine: Machine, { stall, expect }: Step & { type: "resolved" }): string | null {
  const got = machine.unit.stalls?.resultOf(stall) ?? null;
  const expected = expect.stalled
    ? "another stall"
    : expect.ok
      ? `physical address ${hex(expect.pa ?? 0n)}`
      : expect.razwi
        ? "RAZ/WI"
        : "an abort";
  const differs = (what: string): string => `stall ${stall}: expected ${expected}; got ${what}`;
  if (got === null) return differs("no answer");
  const isStalled = !got.ok && got.stalled !== undefined;
  if (got.ok !== expect.ok || isStalled !== expect.stalled) return differs(resultText(got));
  if (!got.ok) return got.razwi === expect.razwi ? null : differs(resultText(got));
  if (expect.pa !== null && got.pa !== expect.pa) return differs(resultText(got));
  if (expect.data === null) return null;
  const read = got.data === undefined ? "nothing" : hexBytes(got.data);
  const data = hexBytes(expect.data);
  return read === data ? null : `stall ${stall}: expected data ${data}; got ${read}`;
}
