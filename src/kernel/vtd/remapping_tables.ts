/**
 * A kernel's root, context and PASID tables, in legacy or in scalable mode: where the entries of requesters and of their
 * PASIDs stand. Tables are made as needed. VT-d §3.4, §9.1 to §9.6.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { OwnMemory } from "../own_memory.ts";

const PAGE = 4096;
const ROOT_BYTES = ROOT_ENTRY.bits / 8;
const PASID_BYTES = PASID_TABLE_ENTRY.bits / 8;
/** PASIDs of one table. */
const PASIDS = 64;
/** Directory of 128 entries: PDTS 0, PASIDs below 2^13. */
const DIRECTORY_BYTES = (128 * PASID_DIRECTORY_ENTRY.bits) / 8;
/** Requesters of a bus in the lower of the two context tables of scalable mode: devices 0 to 15. */
const LOWER = 0x80;

export class RemappingTables {
  readonly root: number;
  readonly scalable: boolean;
  readonly #memory: OwnMemory;
  readonly #contexts = new Map<string, number>();
  readonly #directories = new Map<number, number>();
  readonly #pasids = new Map<string, number>();

  private constructor(memory: OwnMemory, scalable: boolean, root: number) {
    this.#memory = memory;
    this.scalable = scalable;
    this.root = root;
  }

  /** @returns null without memory */
  static make(memory: OwnMemory, scalable: boolean): RemappingTables | null {
    const root = memory.allocate(PAGE);
    return root === null ? null : new RemappingTables(memory, scalable, root);
  }

  /** Layout of a context entry in this mode. */
  get contextLayout(): typeof CONTEXT_ENTRY | typeof SM_CONTEXT_ENTRY {
    return this.scalable ? SM_CONTEXT_ENTRY : CONTEXT_ENTRY;
  }

  /** Where the context entry of a requester stands. @returns null without memory */
  contextEntry(sid: number): number | null {
    const [bus, index] = [sid >>> 8, sid & 0xff];
    const upper = this.scalable && index >= LOWER;
    const table = this.#made(this.#contexts, `${bus} ${upper}`, PAGE, (made) => {
      const at = this.root + ROOT_BYTES * bus;
      if (!this.scalable) this.#memory.update(at, ROOT_ENTRY, { P: 1, CTP: made });
      else this.#memory.update(at, SM_ROOT_ENTRY, upper ? { UP: 1, UCTP: made } : { LP: 1, LCTP: made });
    });
    if (table === null) return null;
    return table + (this.contextLayout.bits / 8) * (upper ? index - LOWER : index);
  }

  /** PASID directory of a requester, which its context entry is to name. @returns null without memory */
  directory(sid: number): number | null {
    return this.#made(this.#directories, sid, DIRECTORY_BYTES, () => {});
  }

  /** Where the PASID table entry of a requester's PASID stands. @returns null without memory */
  pasidEntry(sid: number, pasid: number): number | null {
    const directory = this.directory(sid);
    if (directory === null) return null;
    const index = Math.floor(pasid / PASIDS);
    const table = this.#made(this.#pasids, `${sid} ${index}`, PASIDS * PASID_BYTES, (made) => {
      const at = directory + (PASID_DIRECTORY_ENTRY.bits / 8) * index;
      this.#memory.writeFields(at, PASID_DIRECTORY_ENTRY, { P: 1, SMPTBLPTR: made });
    });
    return table === null ? null : table + PASID_BYTES * (pasid % PASIDS);
  }

  /** A table that is known by `key`, or a new one, which `enter` makes known to the unit. */
  #made<K>(known: Map<K, number>, key: K, bytes: number, enter: (at: number) => void): number | null {
    const there = known.get(key);
    if (there !== undefined) return there;
    const made = this.#memory.allocate(bytes);
    if (made === null) return null;
    known.set(key, made);
    enter(made);
    return made;
  }
}
