/** What a user types for an address. */

/** A 64-bit address, an empty box, or why the text is no address. */
export type AddressInput =
  | { readonly type: "address"; readonly value: bigint }
  | { readonly type: "empty" }
  | { readonly type: "wrong"; readonly why: string };

/** Read hexadecimal with or without `0x`; spaces, underscores and quotes between digits do not count. */
export function readAddress(text: string): AddressInput {
  const bare = text.replace(/[\s_'`]/g, "").replace(/^0x/i, "");
  if (bare === "") return { type: "empty" };
  const wrong = /[^0-9a-f]/i.exec(bare);
  if (wrong !== null) return { type: "wrong", why: `“${wrong[0]}” is no hexadecimal digit.` };
  const digits = bare.replace(/^0+(?=.)/, "");
  if (digits.length > 16) return { type: "wrong", why: `${digits.length} digits; an address has at most 16.` };
  return { type: "address", value: BigInt(`0x${digits}`) };
}
