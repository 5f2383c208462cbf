/** Plays the steps of `iommu-vectors/1` that are transactions. */
import type { Machine } from "../machine/machine.ts";
import type { TransferResult } from "../machine/unit.ts";
import { resultText } from "./play_stalls.ts";
import { hex, hexBytes, placeText } from "./text.ts";
import type { MemoryAttributes, Step } from "./vectors.ts";

type DmaStep = Step & { type: "dma" };

function accessText({ dma }: DmaStep): string {
  const kind = `${dma.privileged ? "privileged " : ""}${dma.instruction ? "instruction " : ""}${dma.write ? "write" : "read"}`;
  const by = `by stream ${hex(dma.sid)}${dma.ssid === null ? "" : ` substream ${hex(dma.ssid)}`}`;
  return `${kind} of ${dma.length} bytes at ${hex(dma.iova)} ${by}`;
}

function expectedText({ expect }: DmaStep): string {
  if (expect.stalled) return "a stall";
  if (expect.razwi) return "RAZ/WI";
  return expect.ok ? `physical address ${expect.pa === null ? "any" : hex(expect.pa)}` : "no translation";
}

/** A transaction. The difference, or null when it agrees. */
export function playTransfer(machine: Machine, step: DmaStep): string | null {
  const { dma, expect } = step;
  const { data, ats: _ats, more: _more, ...access } = dma;
  const got = machine.unit.transfer(dma.write && data !== null ? { ...access, data } : access);
  if (expect.ok === null) return null;
  const difference = got.ok ? passedDiffers(machine, step, got) : refusedDiffers(machine, step, got);
  return difference === null ? null : `${accessText(step)}: expected ${difference}`;
}

function refusedDiffers(machine: Machine, step: DmaStep, got: TransferResult & { ok: false }): string | null {
  const { dma, expect } = step;
  const expected = expectedText(step);
  if (expect.stalled || got.stalled !== undefined) {
    return expect.stalled && got.stalled !== undefined ? null : `${expected}; got ${resultText(got)}`;
  }
  if (!expect.ok && expect.razwi === got.razwi) return null;
  if (got.unknown !== undefined) return `${expected}; got none: memory at ${hex(got.unknown)} is unknown`;
  const reach = machine.unit.reach(dma);
  const why = reach.end === "refused" ? `: ${reach.why}` : "";
  return `${expected}; got none${got.razwi ? " (RAZ/WI)" : ""}${why}`;
}

function passedDiffers(machine: Machine, step: DmaStep, got: TransferResult & { ok: true }): string | null {
  const { dma, expect } = step;
  if (!expect.ok || (expect.pa !== null && got.pa !== expect.pa))
    return `${expectedText(step)}; got ${placeText(got.pa)}`;
  if (expect.attributes !== null) {
    const reach = machine.unit.reach(dma);
    const attributes = reach.end === "ok" ? (reach.attributes ?? null) : null;
    const [a, b] = [attributesText(expect.attributes), attributesText(attributes)];
    if (a !== b) return `${a}; got ${b}`;
  }
  if (dma.write || dma.data === null) return null;
  const read = got.data === undefined ? "nothing" : hexBytes(got.data);
  return read === hexBytes(dma.data) ? null : `data ${hexBytes(dma.data)}; got ${read}`;
}

const attributesText = (a: MemoryAttributes | null): string =>
  a === null ? "no attributes" : `type ${hex(a.mair)}, shareability ${a.sh}`;
