/**
 * PCI requesters as logs print them: bus:device.function with or without a segment, or the 16-bit number.
 */

/** A requester; `segment` is four digits, or null where none was printed. */
export interface PciAddress {
  readonly segment: string | null;
  /** "bb:dd.f" in lower case; null where digits are blanked out. */
  readonly bdf: string | null;
}

const PRINTED = /^(?:(?:0x)?([0-9a-f]{4,8}):)?(?:0x)?([0-9a-f]{1,2}):(?:0x)?([0-9a-f]{1,2})[.:](?:0x)?([0-7])$/i;

/** Read "0000:05:01.0", "05:01.0", "0x05:0x01.0" or QEMU's "05:01:00". */
export function pciAddress(printed: string): PciAddress {
  const m = PRINTED.exec(printed.trim()) ?? PRINTED.exec(printed.trim().replace(/:0([0-7])$/, ".$1"));
  if (m === null) return { segment: null, bdf: null };
  const two = (digits: string): string => digits.toLowerCase().padStart(2, "0");
  return { segment: m[1]?.toLowerCase() ?? null, bdf: `${two(m[2]!)}:${two(m[3]!)}.${m[4]}` };
}
