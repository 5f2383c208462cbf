/**
 * A session cut down to what one walk needs: the registers a lookup reads, the memory it touches, the actions that led
 * to it.
 */

import { high, low } from "../../base/halves.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import type { Access, Action, SessionDocument } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, traceAddress } from "../../protocol/trace.ts";
import { type Machine, registerValue } from "../machine.ts";
import type { Timeline } from "../timeline.ts";
import type { Architecture } from "../unit.ts";
import { byAnyone } from "./combination.ts";

/** Up to this many actions software repeats at the other end; of more, and of more memory at the start, what came of it. */
const MAX_REPEATED = 256;
const MAX_START_BYTES = 1 << 14;
/** Up to this many actions travel as actions that can be taken back; more are worked into the memory. */
const MAX_ACTIONS = 32;
/** Most bytes of one transaction whose tables travel with it: of a longer one, those of the first of them. */
const MAX_BYTES = 1 << 16;
const PAGE = 4096n;

/** What a case keeps of the actions that led to it: all, what may change a walk by itself, or only what came of them. */
type Keep = "all" | "edits" | "none";

/** Actions that change memory or registers by themselves, not by what the hardware makes of a message. */
const EDITS: ReadonlySet<Action["do"]> = new Set(["write", "toggle", "register", "mmio"]);
/** Actions that change memory and nothing else. */
const MEMORY_EDITS: ReadonlySet<Action["do"]> = new Set(["write", "toggle"]);

/**
 * Ways to cut the session at its current step down to the walk of `access`, the best first: whoever takes one looks
 * whether it shows the same walk. Leaves the machine as it was between one way and the next.
 */
export function* cutDown(
  machine: Machine,
  timeline: Timeline,
  access: Access,
  document: SessionDocument,
  architecture: Architecture,
): Generator<SessionDocument> {
  const log = timeline.log.slice(0, timeline.now);
  if (document.machine.software !== undefined) {
    const whole = withSoftware(document, log, access);
    const short = log.length <= MAX_REPEATED && bytesOf(document) <= MAX_START_BYTES;
    const hardware = cut(machine, timeline, access, document, architecture, null);
    return yield* short ? [whole, hardware] : [hardware, whole];
  }
  const remembers = Object.keys(document.machine.caches ?? {}).length > 0;
  const messages = log.some((action) => !EDITS.has(action.do) && action.do !== "dma");
  // Where caches or devices remember what passed, transactions belong to the case.
  const ways: readonly Keep[] = remembers || messages ? ["all", "edits", "none"] : ["edits", "all", "none"];
  for (const keep of ways) {
    const kept = log.map((_, step) => step).filter((step) => keep === "all" || EDITS.has(log[step]!.do));
    if (keep === "none" || kept.length <= MAX_ACTIONS) {
      yield cut(machine, timeline, access, document, architecture, keep === "none" ? null : kept);
    }
  }
}

/** The session whole up to its current step: software that boots and acts again comes to the same walk. */
function withSoftware(
  { title, machine }: SessionDocument,
  actions: readonly Action[],
  access: Access,
): SessionDocument {
  return { title, about: "", machine, actions, recorded: { accesses: [], events: [] }, view: { access } };
}

const bytesOf = ({ machine }: SessionDocument): number =>
  machine.memory.segments.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** What a case says whose software was left behind. */
const WITHOUT_SOFTWARE =
  "What the software of this session did is worked into the memory; the software itself was left out.";

/** @param kept numbers of the actions that travel; null where they are worked into the memory, and software is left out */
function cut(
  machine: Machine,
  timeline: Timeline,
  access: Access,
  document: SessionDocument,
  architecture: Architecture,
  kept: readonly number[] | null,
): SessionDocument {
  const { now } = timeline;
  const actions = (kept ?? []).map((step) => timeline.log[step]!);
  const words = touchedWords(machine, timeline, access, architecture, kept);
  timeline.seek(now);
  const segments = readSegments(machine, timeline, [...words].sort(ascending), kept !== null);
  const { software, ...hardware } = document.machine;
  const devices = document.machine.devices.filter(({ sid }) => sid === access.sid || actions.some(isOf(sid)));
  return {
    title: document.title,
    about: software === undefined ? "" : WITHOUT_SOFTWARE,
    machine: {
      ...hardware,
      registers: registersOf(machine, access.sid, document, architecture, actions, kept !== null),
      memory: { outside: "unknown", zero: [], segments },
      // Registers worked in are those of the IOMMU that served: it is the only one of the case.
      devices: kept === null ? devices.map(({ iommu: _of, ...device }) => device) : devices,
    },
    actions,
    recorded: { accesses: [], events: [] },
    view: { access },
  };
}

const isOf =
  (sid: number) =>
  (action: Action): boolean =>
    "sid" in action && action.sid === sid;

/** Words that the walk reads at the start and after every action, so that taking one back finds the memory it needs. */
function touchedWords(
  { unit }: Machine,
  timeline: Timeline,
  access: Access,
  { structureBytes }: Architecture,
  kept: readonly number[] | null,
): ReadonlySet<bigint> {
  const words = new Set<bigint>();
  const { now, log } = timeline;
  const look = (a: Access): void => touched(unit.inspect.walk(a, 0).trace, structureBytes, words);
  for (const step of kept ?? []) {
    const action = log[step]!;
    if (step > 0) timeline.seek(step);
    if (action.do === "toggle") words.add(action.at);
    if (action.do === "dma" || action.do === "access") pagesOf(action).forEach(look);
    else if (action.do === "translation request") look(action);
  }
  for (const step of kept === null ? [now] : new Set([0, ...kept.map((i) => i + 1), now])) {
    timeline.seek(step);
    // A walk is shown with the rights that everybody has by it.
    [access, ...byAnyone(access)].forEach(look);
  }
  return words;
}

/** A transaction as an access to each of its pages. */
function pagesOf(action: Action & { readonly do: "dma" | "access" }): Access[] {
  const first = action.iova - (action.iova % PAGE);
  const last = action.iova + BigInt(Math.min(action.length, MAX_BYTES) - 1);
  const pages: Access[] = [];
  for (let page = first; page <= last; page += PAGE) {
    pages.push({ ...action, iova: BigInt.asUintN(64, page < action.iova ? action.iova : page) });
  }
  return pages;
}

/** Registers of a case: those that a lookup reads; all that the document gives where actions reach for others. */
function registersOf(
  { unit }: Machine,
  sid: number,
  document: SessionDocument,
  { lookupRegisters }: Architecture,
  actions: readonly Action[],
  start: boolean,
): Record<string, bigint> {
  if (!actions.every((action) => MEMORY_EDITS.has(action.do))) return { ...document.machine.registers };
  const serving = unit.serving?.(sid) ?? unit;
  const values = lookupRegisters.map((name) => {
    return [name, start ? startValue(document, name) : registerValue(serving, name)] as const;
  });
  return Object.fromEntries(values.filter(([, value]) => value !== 0n));
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
