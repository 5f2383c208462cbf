/** What a session is to stop at, and why it did. Plain data, structured-cloneable. */

/** Something that is watched while actions are applied. */
export type Watch =
  /** Bytes `[from, to)` of memory, at most 64 KiB: a change, whoever makes it. `label` says what stands there. */
  | { readonly on: "memory"; readonly from: bigint; readonly to: bigint; readonly label: string }
  /** An event or fault record of that name; empty for any. */
  | { readonly on: "event"; readonly name: string };

/** Why a session stands where it stands: what the newest applied action did. */
export interface Halt {
  readonly watch: Watch;
  /** A sentence. */
  readonly why: string;
}
