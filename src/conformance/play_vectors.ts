/** Plays `iommu-vectors/1` files for Arm SMMUv3 through the machine's registers, memory and transactions. */
import { eventByNumber } from "../arch/smmuv3/events.ts";
import { REASONS } from "../arch/smmuv3/reasons.ts";
import { End } from "../engine/smmuv3/translation.ts";
import { Machine } from "../machine/machine.ts";
import { playAts, playPageRequest, playResponses } from "./play_ats.ts";
import { playResolved, playStag, resultText } from "./play_stalls.ts";
import { corrected } from "./quirks.ts";
import { type CaseResult, type FileReport, ReportBuilder, unreadable } from "./report.ts";
import { outcomeText, specificationAnswers } from "./specification_notes.ts";
import { needs } from "./unplayed.ts";
import {
  Malformed,
  type MemoryAttributes,
  readVectorCase,
  readVectorFile,
  type Step,
  type VectorCase,
  type VectorFile,
} from "./vectors.ts";

/** Names of the architectures that are not played yet. */
const NOT_YET: Readonly<Record<string, string>> = { vtd: "Intel VT-d", amdvi: "AMD-Vi" };

/** Tags that take a case out of the count, the weightier first. */
const APART = ["oracle-quirk", "impl-cache"];

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const hexBytes = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** A record as eight 32-bit words, lowest first, with its name. */
function recordText(bytes: Uint8Array): string {
  const name = eventByNumber(bytes[0] ?? 0)?.name ?? "reserved event";
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => hexBytes(bytes.slice(4 * i, 4 * i + 4).reverse()));
  return `${name} [${words.join(" ")}]`;
}

/** Runs of bits, numbered over the whole record, in which two records differ under a mask. */
function differingBits(a: Uint8Array, b: Uint8Array, mask: Uint8Array): string {
  const runs: [number, number][] = [];
  for (let bit = 0; bit < 8 * Math.max(a.length, b.length); bit++) {
    const byte = bit >> 3;
    const differ = ((a[byte] ?? 0) ^ (b[byte] ?? 0)) & (mask[byte] ?? 0xff) & (1 << (bit & 7));
    if (differ === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === bit - 1) last[1] = bit;
    else runs.push([bit, bit]);
  }
  return runs.map(([lo, hi]) => (lo === hi ? `${lo}` : `${hi}:${lo}`)).join(", ");
}

function playEvents(
  step: Step & { type: "events" },
  tags: readonly string[],
  got: readonly Uint8Array[],
): string | null {
  if (got.length !== step.records.length) {
    const list = (records: readonly Uint8Array[]) =>
      records.length === 0 ? "none" : records.map(recordText).join(", ");
    return `events: expected ${list(step.records)}; got ${list(got)}`;
  }
  for (const [i, recorded] of step.records.entries()) {
    const mask = step.masks?.[i] ?? new Uint8Array(recorded.length).fill(0xff);
    const expected = corrected(tags, { record: recorded, mask });
    const bits = differingBits(expected.record, got[i]!, expected.mask);
    if (bits !== "") {
      return `event ${i}: bits ${bits} differ: expected ${recordText(expected.record)}; got ${recordText(got[i]!)}`;
    }
  }
  return null;
}

function playDma(machine: Machine, { dma, expect }: Step & { type: "dma" }): string | null {
  const { data, ats: _ats, more: _more, ...access } = dma;
  const kind = `${dma.privileged ? "privileged " : ""}${dma.instruction ? "instruction " : ""}${dma.write ? "write" : "read"}`;
  const what = `${kind} of ${dma.length} bytes at ${hex(dma.iova)} by stream ${hex(dma.sid)}${dma.ssid === null ? "" : ` substream ${hex(dma.ssid)}`}`;
  const got = machine.dma(dma.write && data !== null ? { ...access, data } : access);
  const expected = expect.ok ? `physical address ${expect.pa === null ? "any" : hex(expect.pa)}` : "no translation";
  if (!got.ok && (expect.stalled || got.stalled !== undefined)) {
    const agrees = expect.stalled && got.stalled !== undefined;
    return agrees ? null : `${what}: expected ${expect.stalled ? "a stall" : expected}; got ${resultText(got)}`;
  }
  if (!got.ok) {
    if (!expect.ok && expect.razwi === got.razwi) return null;
    const t = machine.translate(dma, null);
    const reason = REASONS[t.reason];
    const why =
      got.unknown === undefined ? `${reason?.text} (${reason?.section})` : `memory at ${hex(got.unknown)} is unknown`;
    return `${what}: expected ${expect.razwi ? "RAZ/WI" : expected}; got none${got.razwi ? " (RAZ/WI)" : ""}: ${why}`;
  }
  if (!expect.ok) return `${what}: expected ${expected}; got ${hex(got.pa)}`;
  if (expect.pa !== null && got.pa !== expect.pa) return `${what}: expected ${expected}; got ${hex(got.pa)}`;
  const { attributes } = expect;
  if (attributes !== null) {
    const { mair, sh } = machine.attributes();
    const name = (a: MemoryAttributes): string => `type ${hex(a.mair)}, shareability ${a.sh}`;
    if (mair !== attributes.mair || sh !== attributes.sh)
      return `${what}: expected ${name(attributes)}; got ${name({ mair, sh })}`;
  }
  if (dma.write || data === null) return null;
  const read = got.data === undefined ? "nothing" : hexBytes(got.data);
  return read === hexBytes(data) ? null : `${what}: expected data ${hexBytes(data)}; got ${read}`;
}

/** Play one step; the difference, or null when it agrees. */
function playStep(machine: Machine, tags: readonly string[], step: Step): string | null {
  switch (step.type) {
    case "mem": {
      const refused = step.writes.find(([at, bytes]) => !machine.writeMemory(at, bytes));
      return refused === undefined ? null : `memory at ${hex(refused[0])} could not be written`;
    }
    case "write":
      machine.writeRegister(step.register.offset, step.register.value, step.register.width);
      return null;
    case "read": {
      const { name, offset, value, width } = step.register;
      const got = machine.readRegister(offset, width);
      return (got & step.mask) === (value & step.mask) ? null : `${name}: expected ${hex(value)}; got ${hex(got)}`;
    }
    case "dma":
      return step.dma.ats === null ? playDma(machine, step) : playAts(machine, step.dma, step.expect);
    case "stag":
      return playStag(machine, step);
    case "resolved":
      return playResolved(machine, step);
    case "pri":
      return playPageRequest(machine, step.request, step.expect);
    case "responses":
      return playResponses(machine, step.responses);
    case "events":
      return playEvents(step, tags, machine.takeEvents());
    case "peek": {
      const got = machine.readMemory(step.at, step.bytes.length);
      const read = got === null ? "nothing" : hexBytes(got);
      if (read === hexBytes(step.bytes)) return null;
      return `memory at ${hex(step.at)}: expected ${hexBytes(step.bytes)}; got ${read}`;
    }
    case "other":
      return `the step ${step.key} is not known`;
  }
}

/** A machine as a case starts: reset, with the capabilities of the case and zeroed memory. */
function freshMachine(file: VectorFile, c: VectorCase): Machine {
  return new Machine({
    arch: "smmuv3",
    registers: c.caps,
    memory: { outside: "abort", zero: file.ram, segments: [] },
    devices: [],
  });
}

/** Play one case on a machine of its own, from reset. */
function playCase(file: VectorFile, c: VectorCase): CaseResult {
  const reason = needs(c);
  if (reason !== null) return { type: "not played", reason };
  const machine = freshMachine(file, c);
  for (const [i, step] of c.steps.entries()) {
    const difference = playStep(machine, c.tags, step);
    if (difference !== null) return { type: "failed", difference: `step ${i}: ${difference}` };
  }
  return { type: "passed" };
}

/** What the notes of a departing case say the specification answers, compared with the model: a line each that differs. */
function playNotes(file: VectorFile, c: VectorCase): (string | null)[] {
  const machine = freshMachine(file, c);
  const outcomes = new Map<number, string>();
  for (const [i, step] of c.steps.entries()) {
    playStep(machine, c.tags, step);
    if (step.type !== "dma") continue;
    const { end } = machine.translate(step.dma, null);
    outcomes.set(i, outcomeText(end === End.Ok, machine.takeEvents()));
  }
  return specificationAnswers(c.notes).map(({ step, answer }) => {
    const got = outcomes.get(step);
    return got === answer ? null : `${c.name}, step ${step}: the notes say ${answer}; got ${got ?? "nothing"}`;
  });
}

/** Play a whole file. */
export function playVectors(json: unknown, name: string): FileReport {
  const report = new ReportBuilder(name);
  try {
    const file = readVectorFile(json);
    if (file.arch !== "smmuv3") {
      const reason = `${NOT_YET[file.arch] ?? file.arch} is not modelled yet`;
      for (const _ of file.cases) report.add("", { type: "not played", reason });
      return report.report();
    }
    for (const raw of file.cases) {
      const c = readVectorCase(raw);
      const result = playCase(file, c);
      report.add(c.name, result, APART.find((tag) => c.tags.includes(tag)) ?? null);
      if (result.type === "not played") continue;
      for (const difference of playNotes(file, c))
        report.aside("answers that notes ascribe to the specification", difference);
    }
    return report.report();
  } catch (error) {
    if (error instanceof Malformed) return unreadable(name, error.message);
    throw error;
  }
}
