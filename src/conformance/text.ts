/** Numbers and bytes as messages of the players have them. */

export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Two digits for each byte, lowest address first. */
export const hexBytes = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** Where a transaction went. */
export const placeText = (pa: bigint | null): string => (pa === null ? "an interrupt" : hex(pa));
