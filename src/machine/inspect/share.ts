/**
 * A session cut down to what one walk needs: the registers a lookup reads, the memory it touches, the edits made.
 */
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import type { Access, Action, SessionDocument } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, traceAddress } from "../../protocol/trace.ts";
import { high, low } from "../halves.ts";
import type { Machine } from "../machine.ts";
import type { Timeline } from "../timeline.ts";
import type { Architecture } from "../unit.ts";

/** Up to this many edits travel as actions that can be taken back; more are worked into the memory. */
const MAX_EDITS = 32;

/** Cut the session at its current step down to the walk of `access`. Leaves the machine as it was. */
export function cutDown(
  machine: Machine,
  timeline: Timeline,
  access: Access,
  document: SessionDocument,
  { lookupRegisters, structureBytes }: Architecture,
): SessionDocument {
  const { now } = timeline;
  const edited = editSteps(timeline);
  const asActions = edited.length <= MAX_EDITS;
  const edits = edited.map((step) => timeline.log[step]!);
  const words = new Set<bigint>();
  // The walk at the start and after every edit: so that taking an edit back finds the memory it needs.
  for (const step of asActions ? new Set([0, ...edited.map((i) => i + 1), now]) : [now]) {
    timeline.seek(step);
    touched(machine.unit.inspect.walk(access, 0).trace, structureBytes, words);
  }
  for (const edit of edits) if (edit.do === "toggle") words.add(edit.at);
  const segments = readSegments(machine, timeline, [...words].sort(ascending), asActions);
  const registers: Record<string, bigint> = {};
  for (const name of lookupRegisters) {
    const value = asActions ? startValue(document, name) : machine.registerValue(name);
    if (value !== 0n) registers[name] = value;
  }
  const actions: readonly Action[] = asActions ? edits : [];
  return {
    title: document.title,
    about: "",
    machine: {
      ...document.machine,
      registers,
      memory: { outside: "unknown", zero: [], segments },
      devices: document.machine.devices.filter((device) => device.sid === access.sid),
    },
    actions,
    recorded: { accesses: [], events: [] },
    view: { access },
  };
}

/** Indexes of the applied actions that may change what a walk meets. */
function editSteps({ log, now }: Timeline): number[] {
  const steps: number[] = [];
  for (let i = 0; i < now; i++) if (log[i]!.do !== "dma") steps.push(i);
  return steps;
}

/** The value a register starts with. */
function startValue({ machine: { registers } }: SessionDocument, name: string): bigint {
  return registers[name] ?? registers[`SMMU_${name}`] ?? 0n;
}

function touched(trace: Uint32Array, structureBytes: Readonly<Record<number, number>>, words: Set<bigint>): void {
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    if (TRACE.f.access.get(trace, at) === 0) continue;
    const pa = traceAddress("pa", trace, record);
    const bytes = structureBytes[TRACE.f.kind.get(trace, at)] ?? 8;
    for (let i = 0; i < bytes; i += 8) words.add(pa + BigInt(i));
  }
}

/** The words that are known, joined into runs; as they were at the start, or as they are now. */
function readSegments(
  { memory }: Machine,
  timeline: Timeline,
  words: readonly bigint[],
  start: boolean,
): { at: bigint; bytes: Uint8Array }[] {
  const runs: { at: bigint; bytes: Uint8Array }[] = [];
  for (const at of words) {
    const [hi, lo] = [high(at), low(at)];
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
