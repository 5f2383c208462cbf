/**
 * Field values as text: how they are shown, and how typed text becomes a value.
 */
import type { FieldDeclaration } from "../../base/layout.ts";

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Bits the field may hold, in the form `decodeFields` gives: in place for an address. */
export function fieldMask(f: FieldDeclaration): bigint {
  const width = f.hi - f.lo + 1;
  return f.form === "address" ? ones(width) << BigInt(f.lo & 63) : ones(width);
}

/** Whether a value is best read bit by bit: up to four bits that are not part of an address. */
export function isBinary(f: FieldDeclaration): boolean {
  return f.form !== "address" && f.hi - f.lo < 4;
}

/** "1", "0b01" or "0x12", as the field is shown. */
export function fieldText(f: FieldDeclaration, value: bigint): string {
  const width = f.hi - f.lo + 1;
  if (width === 1) return value.toString();
  return isBinary(f) ? `0b${value.toString(2).padStart(width, "0")}` : `0x${value.toString(16)}`;
}

/** A typed value, or what is wrong with it. */
export type Typed = { readonly ok: true; readonly value: bigint } | { readonly ok: false; readonly why: string };

/** Read typed text: hexadecimal with or without 0x, gaps and underscores allowed; 0b for binary. */
export function parseField(f: FieldDeclaration, text: string): Typed {
  const bare = text.trim().toLowerCase().replaceAll(/[\s_]/g, "");
  const binary = /^0b([01]{1,64})$/.exec(bare);
  const hex = /^(?:0x|(?!0b))([0-9a-f]{1,16})$/.exec(bare);
  if (binary === null && hex === null) return { ok: false, why: "Type hexadecimal digits, or 0b and binary digits." };
  const value = binary !== null ? BigInt(bare) : BigInt(`0x${hex![1]}`);
  const mask = fieldMask(f);
  if ((value & ~mask) === 0n) return { ok: true, value };
  if (f.form === "address") {
    const [top, low] = [f.hi & 63, f.lo & 63];
    return { ok: false, why: `${f.name} holds bits ${top}:${low} of an address; other bits must be 0.` };
  }
  return { ok: false, why: `${f.name} has ${f.hi - f.lo + 1} bits: 0x0 to 0x${mask.toString(16)}.` };
}
