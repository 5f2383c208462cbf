/** What came back from a call beside what a transcript says of it, and the spelling that both share. */
import { low } from "../base/halves.ts";
import type { Returned } from "../host/errno.ts";
import { type Json, type JsonObject, type Line, numberOf } from "./play_uapi_lines.ts";

/** What came back from a call, in the terms of a transcript. */
export interface Outcome {
  readonly returned: Returned;
  /** Output by name; what is not asked about need not be there. */
  readonly out: Readonly<Record<string, Json>>;
  /** Names of fields that the kernel changed. */
  readonly changed?: readonly string[];
}

/** Bytes in hexadecimal, lowest first. */
export const hexOf = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

/** Values as a transcript writes them. */
export const named = (values: Readonly<Record<string, number | bigint>>): Record<string, Json> =>
  Object.fromEntries(Object.entries(values).map(([k, v]) => [k, typeof v === "bigint" ? `0x${v.toString(16)}` : v]));

/** Bytes of a list: words of 64 bits where the length allows, else of 32 bits and then bytes. */
export function bytesOf(list: Json, length: number): Uint8Array<ArrayBuffer> {
  const items = Array.isArray(list) ? list.map((item) => numberOf(item as Json) ?? 0n) : [];
  const bytes = new Uint8Array(Math.max(length, 0) + 8);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const item of items) {
    const width = length % 8 === 0 ? 8 : length - at >= 4 ? 4 : 1;
    if (at + width > bytes.length) break;
    if (width === 8) view.setBigUint64(at, BigInt.asUintN(64, item), true);
    else if (width === 4) view.setUint32(at, low(item), true);
    else bytes[at] = Number(item & 0xffn);
    at += width;
  }
  return bytes.slice(0, length);
}

/** Bytes as words of 64 bits in hexadecimal. */
export const wordsOf = (bytes: Uint8Array): string[] =>
  [...new BigUint64Array(bytes.slice().buffer)].map((w) => `0x${w.toString(16)}`);

/** Outputs that only repeat others in words of a driver. */
const REPEATS = ["smmuv3", "vtd", "amd", "tegra241"];
/** Descriptors of new files may differ from run to run. */
const DESCRIPTORS = /_fd$/;

function sameValue(a: Json | undefined, b: Json): boolean {
  if (a === undefined) return false;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => sameValue(x, b[i]!));
  const [x, y] = [numberOf(a), numberOf(b)];
  return x !== null && y !== null ? x === y : JSON.stringify(a) === JSON.stringify(b);
}

/** What differs between a line and an outcome, in words; null for nothing. */
export function difference(line: Line, { returned, out, changed }: Outcome): string | null {
  const errno = typeof returned === "string" ? returned : null;
  const ret = typeof returned === "string" ? -1 : returned;
  const said = (e: string | null, r: number): string => e ?? String(r);
  if (errno !== line.errno || ret !== line.ret) {
    return `${line.about}: expected ${said(line.errno, line.ret)}, got ${said(errno, ret)}`;
  }
  for (const [key, value] of Object.entries(line.out as JsonObject)) {
    if (REPEATS.includes(key)) continue;
    if (DESCRIPTORS.test(key) ? Number(out[key]) < 0 : !sameValue(out[key], value)) {
      return `${line.about}: ${key}: expected ${JSON.stringify(value)}, got ${JSON.stringify(out[key])}`;
    }
  }
  const extra = errno === null ? undefined : changed?.find((key) => !(key in line.out));
  return extra === undefined ? null : `${line.about}: ${extra} changed to ${JSON.stringify(out[extra])}`;
}
