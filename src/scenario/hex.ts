/** Hexadecimal text of 64-bit numbers and of bytes, as documents and captures write them. */

/** `0x` and 1 to 16 digits; null when the text is anything else. */
export function parseHex(text: string): bigint | null {
  return /^0x[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(text) : null;
}

/** `0x` and the digits, lower case, without leading zeros. */
export function formatHex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** Bytes from pairs of digits, lowest address first; null when the text is anything else. */
export function parseBytes(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Pairs of digits, lowest address first. */
export function formatBytes(bytes: Uint8Array): string {
  let text = "";
  for (const b of bytes) text += b.toString(16).padStart(2, "0");
  return text;
}
