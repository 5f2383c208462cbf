/** Requester ids of PCI functions: bus, device and function in 16 bits, and as Linux prints them. PCI Express §2.2.4. */

/** bus << 8 | device << 3 | function as "bb:dd.f". */
export function bdfOf(rid: number): string {
  const two = (v: number): string => v.toString(16).padStart(2, "0");
  return `${two((rid >> 8) & 0xff)}:${two((rid >> 3) & 31)}.${rid & 7}`;
}

/** "bb:dd.f", with or without a segment, as bus << 8 | device << 3 | function; null for anything else. */
export function ridOf(printed: string): number | null {
  const m = /([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i.exec(printed);
  if (m === null) return null;
  return (Number.parseInt(m[1]!, 16) << 8) | (Number.parseInt(m[2]!, 16) << 3) | Number(m[3]);
}
