/**
 * `iommu-vectors/1`: transcripts of register writes, memory writes and transactions with the answers recorded.
 *
 * A case is read only when it is played. Keys that a step has beyond those read here are kept by name, so that a
 * player can tell what it would leave out.
 */
import type { PageRequestMessage } from "../protocol/machine.ts";

/** One step of a case. */
export type Step =
  | { readonly type: "mem"; readonly writes: readonly (readonly [at: bigint, bytes: Uint8Array])[] }
  | { readonly type: "write"; readonly register: RegisterAccess }
  | { readonly type: "read"; readonly register: RegisterAccess; readonly mask: bigint }
  | { readonly type: "dma"; readonly dma: Dma; readonly expect: Expectation }
  /** Masks hide bits that nothing determines; null where all bits count. */
  | { readonly type: "events"; readonly records: readonly Uint8Array[]; readonly masks: readonly Uint8Array[] | null }
  | { readonly type: "peek"; readonly at: bigint; readonly bytes: Uint8Array }
  | { readonly type: "pri"; readonly request: PageRequestMessage; readonly expect: PriExpectation }
  /** PRG Responses that commands caused since the last such step. */
  | { readonly type: "responses"; readonly responses: readonly (PriResponse & { readonly sid: number })[] }
  /** Put the tag of a stall, counted by their records, into memory: 2 bytes. */
  | { readonly type: "stag"; readonly at: bigint; readonly stall: number }
  /** What became of a stalled transaction. */
  | { readonly type: "resolved"; readonly stall: number; readonly expect: ResolvedExpectation }
  | { readonly type: "other"; readonly key: string };

/** A register's name, byte offset, value (to write, or expected) and width in bytes. */
interface RegisterAccess {
  readonly name: string;
  readonly offset: number;
  readonly value: bigint;
  readonly width: 4 | 8;
}

/** One transaction by a device. */
interface Dma {
  readonly sid: number;
  readonly ssid: number | null;
  readonly iova: bigint;
  readonly length: number;
  readonly write: boolean;
  readonly privileged: boolean;
  readonly instruction: boolean;
  /** A write: what is sent; a read: what comes back, null where that is not stated. */
  readonly data: Uint8Array | null;
  /** What it has, where that is not the default. */
  readonly attributes?: MemoryAttributes;
  /** A PCIe Translation Request, a transaction marked Translated, or an ordinary one. */
  readonly ats: "translation-request" | "translated" | null;
  /** Keys of the transaction that are not read here. */
  readonly more: readonly string[];
}

/** Memory type as a MAIR byte, and shareability: 0 non-, 2 outer, 3 inner. */
export interface MemoryAttributes {
  readonly mair: number;
  readonly sh: number;
}

/** What a transaction must answer. */
interface Expectation {
  /** null: not stated. */
  readonly ok: boolean | null;
  readonly pa: bigint | null;
  readonly razwi: boolean;
  /** There is no answer yet. */
  readonly stalled: boolean;
  /** What the transaction leaves with; null where that is not stated. */
  readonly attributes: MemoryAttributes | null;
  /** Answer to a Translation Request. */
  readonly ats: "UR" | "CA" | AtsExpectation | null;
  /** Keys of the expectation that are not read here. */
  readonly more: readonly string[];
}

/** What a stalled transaction must come to. */
interface ResolvedExpectation {
  readonly ok: boolean;
  readonly pa: bigint | null;
  readonly razwi: boolean;
  /** It stalled anew. */
  readonly stalled: boolean;
  /** What a read brings, null where that is not stated. */
  readonly data: Uint8Array | null;
}

/** A Translation Completion. */
export interface AtsExpectation {
  /** Fields r, w, x, priv, n and u; null where 0 and 1 are both right. */
  readonly fields: Readonly<Record<string, number | null>>;
  /** Address of the 4 KiB page, and the largest size the answer may cover; null where no access is granted. */
  readonly granted: { readonly pa: bigint; readonly maxSize: bigint } | null;
}

/** A PRG Response. */
export interface PriResponse {
  readonly ssid: number | null;
  readonly prgIndex: number;
  readonly code: number;
}

/** What becomes of a Page Request: queued, or discarded with an automatic response or without one. */
export type PriExpectation =
  | { readonly queued: true }
  | { readonly queued: false; readonly response: PriResponse | null };

/** A case that was not looked into yet. */
export interface VectorCase {
  readonly name: string;
  readonly tags: readonly string[];
  /** Remarks in text; see specification_notes.ts. */
  readonly notes: string;
  readonly caps: Readonly<Record<string, bigint>>;
  readonly steps: readonly Step[];
}

/** A file of cases. */
export interface VectorFile {
  readonly arch: string;
  /** The only memory that answers: base and size in bytes. */
  readonly ram: readonly (readonly [base: bigint, size: bigint])[];
  /** Cases as they stand in the file. */
  readonly cases: readonly unknown[];
}

/** Thrown and caught within this player only: something in the file is not as the format says. */
export class Malformed extends Error {}

type Raw = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Raw {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Raw;
  throw new Malformed(`${what} is no object`);
}

function array(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Malformed(`${what} is no list`);
}

function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new Malformed(`${what} is no text`);
}

function hex(value: unknown, what: string): bigint {
  const digits = text(value, what);
  if (/^0x[0-9a-f]{1,16}$/i.test(digits)) return BigInt(digits);
  throw new Malformed(`${what} is no hexadecimal number`);
}

function bytes(value: unknown, what: string): Uint8Array {
  const digits = text(value, what);
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) throw new Malformed(`${what} is no list of bytes`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

const others = (o: Raw, known: readonly string[]): string[] => Object.keys(o).filter((key) => !known.includes(key));

function register(value: unknown, what: string): RegisterAccess {
  const [name, offset, content, width] = array(value, what);
  if (width !== 4 && width !== 8) throw new Malformed(`${what}: width ${String(width)}`);
  return { name: text(name, what), offset: Number(hex(offset, what)), value: hex(content, what), width };
}

const DMA_KEYS = ["rid", "pasid", "iova", "len", "write", "priv", "inst", "data", "ats", "attrs", "exec"];
const EXPECT_KEYS = ["ok", "pa", "razwi", "stalled", "ats", "attrs"];
const COMPLETION_FIELDS = ["r", "w", "x", "priv", "n", "u"];

/** A PASID, as a hexadecimal string or as a number. */
const pasid = (value: unknown, what: string): number | null =>
  value === null || value === undefined ? null : typeof value === "number" ? value : Number(hex(value, what));

function atsKind(value: unknown, what: string): Dma["ats"] {
  if (value === undefined) return null;
  if (value === "translation-request" || value === "translated") return value;
  throw new Malformed(`${what} is no kind of ATS`);
}

function atsAnswer(value: unknown, what: string): Expectation["ats"] {
  if (value === undefined) return null;
  if (value === "UR" || value === "CA") return value;
  const a = object(value, what);
  const fields = COMPLETION_FIELDS.map((name) => [name, a[name] === "any" ? null : Number(a[name])]);
  const granted =
    a.pa === undefined ? null : { pa: hex(a.pa, `${what}.pa`), maxSize: hex(a.max_size, `${what}.max_size`) };
  return { fields: Object.fromEntries(fields), granted };
}

function pageRequest(value: unknown, what: string): PageRequestMessage {
  const p = object(value, what);
  return {
    sid: Number(hex(p.rid, `${what}.rid`)),
    ssid: pasid(p.pasid, `${what}.pasid`),
    address: hex(p.addr, `${what}.addr`),
    prgIndex: Number(p.prg),
    read: Boolean(p.r),
    write: Boolean(p.w),
    execute: Boolean(p.x),
    privileged: Boolean(p.priv),
    last: Boolean(p.last),
  };
}

function response(value: unknown, what: string): PriResponse {
  const r = object(value, what);
  return { ssid: pasid(r.pasid, `${what}.pasid`), prgIndex: Number(r.prg), code: Number(r.code) };
}

function pageAnswer(value: unknown, what: string): PriExpectation {
  const e = object(value, what);
  if (e.queued === true) return { queued: true };
  return { queued: false, response: e.response === null ? null : response(e.response, `${what}.response`) };
}

function memoryAttributes(value: unknown, what: string): MemoryAttributes | null {
  if (value === undefined) return null;
  const a = object(value, what);
  return { mair: Number(hex(a.mair, `${what}.mair`)), sh: Number(a.sh) };
}

function dma(value: unknown, what: string): Dma {
  const d = object(value, what);
  const attributes = memoryAttributes(d.attrs, `${what}.attrs`);
  return {
    ...(attributes === null ? {} : { attributes }),
    sid: Number(hex(d.rid, `${what}.rid`)),
    ssid: pasid(d.pasid, `${what}.pasid`),
    iova: hex(d.iova, `${what}.iova`),
    length: Number(d.len),
    write: d.write === true,
    privileged: d.priv === true,
    instruction: d.inst === true || d.exec === true,
    data: d.data === undefined ? null : bytes(d.data, `${what}.data`),
    ats: atsKind(d.ats, `${what}.ats`),
    more: others(d, DMA_KEYS),
  };
}

function expectation(value: unknown, what: string): Expectation {
  const e = object(value, what);
  return {
    ok: e.ok === null ? null : e.ok === true,
    pa: e.pa === undefined ? null : hex(e.pa, `${what}.pa`),
    razwi: e.razwi === true,
    stalled: e.stalled === true,
    attributes: memoryAttributes(e.attrs, `${what}.attrs`),
    ats: atsAnswer(e.ats, `${what}.ats`),
    more: others(e, EXPECT_KEYS),
  };
}

function step(value: unknown, what: string): Step {
  const s = object(value, what);
  if (s.mem !== undefined) {
    const writes = array(s.mem, what).map((w) => {
      const [at, content] = array(w, what);
      return [hex(at, what), bytes(content, what)] as const;
    });
    return { type: "mem", writes };
  }
  if (s.write !== undefined) return { type: "write", register: register(s.write, what) };
  if (s.read !== undefined) {
    const mask = s.mask === undefined ? (1n << 64n) - 1n : hex(s.mask, `${what}.mask`);
    return { type: "read", register: register(s.read, what), mask };
  }
  if (s.dma !== undefined) return { type: "dma", dma: dma(s.dma, what), expect: expectation(s.expect, what) };
  if (s.events !== undefined) {
    const list = (key: "events" | "mask" | "care") => array(s[key], what).map((r) => bytes(r, `${what}.${key}`));
    const mask = s.mask !== undefined ? "mask" : s.care !== undefined ? "care" : null;
    return { type: "events", records: list("events"), masks: mask === null ? null : list(mask) };
  }
  if (s.peek !== undefined) {
    const [at, content] = array(s.peek, what);
    return { type: "peek", at: hex(at, what), bytes: bytes(content, what) };
  }
  if (s.pri !== undefined)
    return { type: "pri", request: pageRequest(s.pri, what), expect: pageAnswer(s.expect, what) };
  if (s.responses !== undefined) {
    const responses = array(s.responses, what).map((r) => {
      return { ...response(r, what), sid: Number(hex(object(r, what).rid, `${what}.rid`)) };
    });
    return { type: "responses", responses };
  }
  if (s.stag !== undefined) {
    const [at, stall] = array(s.stag, what);
    return { type: "stag", at: hex(at, what), stall: Number(stall) };
  }
  if (s.resolved !== undefined) {
    const r = object(s.resolved, what);
    const data = r.data === undefined ? null : bytes(r.data, `${what}.data`);
    return { type: "resolved", stall: Number(r.stall), expect: { ...expectation(r, what), ok: r.ok === true, data } };
  }
  return { type: "other", key: Object.keys(s)[0] ?? "nothing" };
}

/** Read the frame of a file. @throws Malformed */
export function readVectorFile(json: unknown): VectorFile {
  const file = object(json, "the file");
  const ram = array(file.ram, "ram").map((range) => {
    const [base, size] = array(range, "ram");
    return [hex(base, "ram"), hex(size, "ram")] as const;
  });
  return { arch: text(file.arch, "arch"), ram, cases: array(file.cases, "cases") };
}

/** Read one case. @throws Malformed */
export function readVectorCase(json: unknown): VectorCase {
  const c = object(json, "the case");
  const caps = Object.entries(object(c.caps, "caps")).map(([name, value]) => [name, hex(value, `caps.${name}`)]);
  return {
    name: text(c.name, "name"),
    tags: array(c.tags ?? [], "tags").map((tag) => text(tag, "tags")),
    notes: typeof c.notes === "string" ? c.notes : "",
    caps: Object.fromEntries(caps),
    steps: array(c.steps, "steps").map((s, i) => step(s, `step ${i}`)),
  };
}
