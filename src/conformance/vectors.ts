/**
 * `iommu-vectors/1`: transcripts of register writes, memory writes and transactions with the answers recorded.
 *
 * A case is read only when it is played. Keys that a step has beyond those read here are kept by name, so that a
 * player can tell what it would leave out.
 */

/** One step of a case. */
export type Step =
  | { readonly type: "mem"; readonly writes: readonly (readonly [at: bigint, bytes: Uint8Array])[] }
  | { readonly type: "write"; readonly register: RegisterAccess }
  | { readonly type: "read"; readonly register: RegisterAccess; readonly mask: bigint }
  | { readonly type: "dma"; readonly dma: Dma; readonly expect: Expectation }
  /** Masks hide bits that nothing determines; null where all bits count. */
  | { readonly type: "events"; readonly records: readonly Uint8Array[]; readonly masks: readonly Uint8Array[] | null }
  | { readonly type: "peek"; readonly at: bigint; readonly bytes: Uint8Array }
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
  /** Keys of the transaction that are not read here. */
  readonly more: readonly string[];
}

/** What a transaction must answer. */
interface Expectation {
  readonly ok: boolean;
  readonly pa: bigint | null;
  readonly razwi: boolean;
  /** Keys of the expectation that are not read here. */
  readonly more: readonly string[];
}

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

const DMA_KEYS = ["rid", "pasid", "iova", "len", "write", "priv", "inst", "data"];
const EXPECT_KEYS = ["ok", "pa", "razwi"];

function dma(value: unknown, what: string): Dma {
  const d = object(value, what);
  return {
    sid: Number(hex(d.rid, `${what}.rid`)),
    ssid: d.pasid === null || d.pasid === undefined ? null : Number(hex(d.pasid, `${what}.pasid`)),
    iova: hex(d.iova, `${what}.iova`),
    length: Number(d.len),
    write: d.write === true,
    privileged: d.priv === true,
    instruction: d.inst === true,
    data: d.data === undefined ? null : bytes(d.data, `${what}.data`),
    more: others(d, DMA_KEYS),
  };
}

function expectation(value: unknown, what: string): Expectation {
  const e = object(value, what);
  return {
    ok: e.ok === true,
    pa: e.pa === undefined ? null : hex(e.pa, `${what}.pa`),
    razwi: e.razwi === true,
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
    const list = (key: "events" | "mask") => array(s[key], what).map((r) => bytes(r, `${what}.${key}`));
    return { type: "events", records: list("events"), masks: s.mask === undefined ? null : list("mask") };
  }
  if (s.peek !== undefined) {
    const [at, content] = array(s.peek, what);
    return { type: "peek", at: hex(at, what), bytes: bytes(content, what) };
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
