import { SESSION_LIMITS } from "../protocol/limits.ts";

/**
 * How much a document, a link or a capture may hold. Beyond a limit the input is refused with a message;
 * nothing is allocated on the word of an input before its size was checked against these.
 */
export const LIMITS = {
  ...SESSION_LIMITS,
  /** Entries of one cache. */
  cacheEntries: 1 << 16,
  /** Characters of a link's compressed text. */
  linkCharacters: 4 << 20,
  /** Bytes of JSON a link may inflate to. */
  linkBytes: 16 << 20,
  /** Bytes of a JSON file, plain or inflated. */
  jsonBytes: 64 << 20,
  /** Values (of any type) in a JSON text: bounds the memory it takes once parsed. */
  jsonValues: 8_000_000,
  /** Bytes of memory a machine may start with, not counting ranges that are zero. */
  memoryBytes: 256 << 20,
  /** Runs of memory. */
  runs: 1 << 20,
  /** Pages of 4 KiB that runs of memory may touch: scattered words take a page each. */
  pages: 65_536,
  /** Ranges that are zero. */
  zeroRanges: 65_536,
  /** Physical addresses lie below 2^52. */
  addressBits: 52,
  registers: 1024,
  devices: 65_536,
  /** IOMMUs of a machine. */
  iommus: 8,
  /** Bytes of a guest's memory, and devices that it is given. */
  guestBytes: 64 << 20,
  assigned: 16,
  /** PARTIDs of a guest: as many as a Virtual Machine Structure maps (IHI 0070 §5.6). */
  partids: 32,
  recorded: 500_000,
  title: 500,
  about: 20_000,
  label: 500,
  /** Remarks to steps. */
  notes: 1000,
  /** Entries of a zip's directory, and files a user may choose at once. */
  files: 10_000,
} as const;
