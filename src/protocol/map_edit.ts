/** Changes to what the tables of a stage map, planned before they are made. */
import type { Action } from "./machine.ts";

/** Addresses are the stage's input, in bytes; `to` is its output. */
export type MapChange =
  /** Bit 0 of `rights` read, 1 write, 2 execute. */
  | {
      readonly do: "map";
      readonly from: bigint;
      readonly to: bigint;
      readonly bytes: bigint;
      readonly rights: number;
    }
  | { readonly do: "unmap"; readonly from: bigint; readonly bytes: bigint }
  /** The block at an address becomes a table of the next smaller leaves. */
  | { readonly do: "split"; readonly from: bigint }
  /** The table of leaves at an address becomes one block. */
  | { readonly do: "merge"; readonly from: bigint }
  /** A bit, 0 to 63, of the entry that a walk of the address ends at. */
  | { readonly do: "flip"; readonly from: bigint; readonly bit: number };

/** A change to the tables of a context's stage. */
export interface MapEdit {
  readonly sid: number;
  readonly ssid: number | null;
  readonly stage: 1 | 2;
  readonly change: MapChange;
}

/**
 * Who makes a change: writes and commands of this page, a kernel of the session, its VMM, or writes behind the back of
 * whoever the tables belong to.
 */
export type MapWay = "commands" | "guest" | "kernel" | "VMM" | "raw";

/** A way to make a change: its actions, in order. Nothing is done by asking. */
export interface MapPlan {
  readonly revision: number;
  readonly by: MapWay;
  /** What is particular about this way, in a sentence; empty for none. */
  readonly about: string;
  readonly actions: readonly Action[];
  /** What is written are entries with their highest byte first; absent: their lowest. */
  readonly bigEndian?: true;
  /** Tables that nothing leads to any more once the commands are done. */
  readonly freed: readonly bigint[];
}

/** Most bytes of one change. */
export const MAX_EDIT_BYTES = 1n << 30n;
