/**
 * A session cut down to what one walk needs: the registers a lookup reads, the memory it touches, the edits made.
 */
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import type { Access, Action, SessionDocument } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../../protocol/trace.ts";
import type { Machine } from "../machine.ts";
import type { Timeline } from "../timeline.ts";
import { inspectWalk } from "./walk.ts";

/** Registers that decide how a transaction is looked up and translated. */
const REGISTERS = [
  "IDR0",
  "IDR1",
  "IDR3",
  "IDR5",
  "AIDR",
  "CR0",
  "CR2",
  "GBPA",
  "STRTAB_BASE",
  "STRTAB_BASE_CFG",
] as const;

/** Up to this many edits travel as actions that can be taken back; more are worked into the memory. */
const MAX_EDITS = 32;

const BYTES: Readonly<Record<number, number>> = {
  [TraceKind.L1STD]: L1STD.bits / 8,
  [TraceKind.STE]: STE.bits / 8,
  [TraceKind.L1CD]: L1CD.bits / 8,
  [TraceKind.CD]: CD.bits / 8,
  [TraceKind.Descriptor]: 8,
};

/** Cut the session at its current step down to the walk of `access`. Leaves the machine as it was. */
export function cutDown(
  machine: Machine,
  timeline: Timeline,
  access: Access,
  document: SessionDocument,
): SessionDocument {
  const now = timeline.now;
  const edits = timeline.log.slice(0, now).filter((a) => a.do !== "dma");
  const asActions = edits.length <= MAX_EDITS;
  const words = new Set<bigint>();
  // The walk of every state from the start on: so that taking an edit back finds the memory it needs.
  for (let step = asActions ? 0 : now; step <= now; step++) {
    timeline.seek(step);
    touched(inspectWalk(machine, access, 0).trace, words);
  }
  for (const edit of edits) if (edit.do === "toggle") words.add(edit.at);
  const segments = readWords(machine, timeline, [...words].sort(ascending), asActions);
  const registers: Record<string, bigint> = {};
  for (const name of REGISTERS) {
    const value = registerOf(machine, name, document, asActions);
    if (value !== 0n) registers[name] = value;
  }
  const actions: readonly Action[] = asActions ? edits : [];
  return {
    title: document.title,
    about: "",
    machine: {
      arch: "smmuv3",
      registers,
      memory: { outside: "unknown", zero: [], segments },
      devices: document.machine.devices.filter((device) => device.sid === access.sid),
    },
    actions,
    recorded: { accesses: [], events: [] },
    view: { access },
  };
}

/** The value a register starts with, or has now where the edits are worked in. */
function registerOf(machine: Machine, name: string, document: SessionDocument, start: boolean): bigint {
  if (start) return document.machine.registers[name] ?? document.machine.registers[`SMMU_${name}`] ?? 0n;
  return machine.registerValue(name);
}

function touched(trace: Uint32Array, words: Set<bigint>): void {
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    if (TRACE.f.access.get(trace, at) === 0) continue;
    const pa = traceAddress("pa", trace, record);
    const bytes = BYTES[TRACE.f.kind.get(trace, at)] ?? 8;
    for (let i = 0; i < bytes; i += 8) words.add(pa + BigInt(i));
  }
}

/** The words that are known, joined into runs; as they were at the start, or as they are now. */
function readWords(
  machine: Machine,
  timeline: Timeline,
  words: readonly bigint[],
  start: boolean,
): { at: bigint; bytes: Uint8Array }[] {
  const runs: { at: bigint; bytes: Uint8Array }[] = [];
  const { memory } = machine;
  for (const at of words) {
    const [hi, lo] = [Number(at >> 32n), Number(at & 0xffffffffn)];
    const status = start ? memory.readImage64(timeline.start.memory, hi, lo) : memory.read64(hi, lo);
    if (status !== MemoryStatus.Ok) continue;
    const bytes = new Uint8Array(new Int32Array([memory.lo, memory.hi]).buffer);
    const last = runs.at(-1);
    if (last !== undefined && last.at + BigInt(last.bytes.length) === at) {
      last.bytes = Uint8Array.from([...last.bytes, ...bytes]);
    } else runs.push({ at, bytes });
  }
  return runs;
}

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
