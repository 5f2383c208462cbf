/**
 * What the actors of a session did, as a tree of causes: each entry happened because of the one it names as its cause.
 *
 * Plain data that crosses the worker boundary; a view draws it as swim lanes and counts costs from it.
 */

/** Who acts. */
export const ACTORS = ["device", "IOMMU", "host", "VMM", "guest"] as const;
export type Actor = (typeof ACTORS)[number];

/** What kind of thing happened; each has a cost of its own. */
export const DEEDS = [
  /** Something that consists of what it causes. */
  "intent",
  "memory read",
  "memory write",
  /** A register of hardware, reached directly. */
  "register read",
  "register write",
  /** A register of an emulated IOMMU: the access leaves the guest. */
  "trapped read",
  "trapped write",
  /** A call of user space into the host kernel. */
  "ioctl",
  /** A command that an IOMMU carries out. */
  "command",
  /** Waiting until commands have taken effect. */
  "sync",
  "interrupt",
  /** A transaction of a device. */
  "transaction",
] as const;
export type Deed = (typeof DEEDS)[number];

/** One thing that happened. */
export interface JournalEntry {
  /** Number of this entry, counted from 0 over the session. */
  readonly id: number;
  /** The entry that caused it; null for an action of the log. */
  readonly cause: number | null;
  /** Number of the action of the log during which it happened; -1 for what stood before the first. */
  readonly action: number;
  readonly actor: Actor;
  readonly deed: Deed;
  /** In words: what, to what. */
  readonly about: string;
  /** Address or register offset; -1 where there is none. */
  readonly at: number;
  /** What was read or written: bits [63:32] and [31:0], signed or unsigned; 0 where there is nothing. */
  readonly valueHi: number;
  readonly valueLo: number;
}
