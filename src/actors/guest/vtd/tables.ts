/**
 * A kernel's root, context and PASID tables, in legacy or in scalable mode. VT-d §9.1 to §9.6.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY } from "../../../arch/vtd/root_context.ts";
import { encodeFields } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";

const PAGE = 4096;
const ROOT_BYTES = ROOT_ENTRY.bits / 8;
const PASID_BYTES = PASID_TABLE_ENTRY.bits / 8;
/** PASIDs of one table. */
const PASIDS = 64;
/** Directory of 128 entries: PDTS 0, PASIDs below 2^13. */
const DIRECTORY_BYTES = 1024;

export class RemappingTables {
  readonly root: number;
  readonly scalable: boolean;
  readonly #memory: OwnMemory;
  readonly #contextTables = new Map<number, number>();
  readonly #directories = new Map<number, number>();
  readonly #pasidTables = new Map<string, number>();

  private constructor(memory: OwnMemory, scalable: boolean, root: number) {
    this.#memory = memory;
    this.scalable = scalable;
    this.root = root;
  }

  static make(memory: OwnMemory, scalable: boolean): RemappingTables | null {
    const root = memory.allocate(PAGE);
    return root === null ? null : new RemappingTables(memory, scalable, root);
  }

  /** Layout of a context entry in this mode. */
  get contextLayout(): typeof CONTEXT_ENTRY | typeof SM_CONTEXT_ENTRY {
    return this.scalable ? SM_CONTEXT_ENTRY : CONTEXT_ENTRY;
  }

  /** Where the context entry of a requester stands; its table is made as needed. @returns null without memory */
  contextPlace(sid: number): number | null {
    const bus = sid >>> 8;
    // Scalable mode has a table for devices below 16 and one for the others, with entries twice as large.
    const half = this.scalable ? (sid >>> 7) & 1 : 0;
    const key = 2 * bus + half;
    let table = this.#contextTables.get(key);
    if (table === undefined) {
      const made = this.#memory.allocate(PAGE);
      if (made === null) return null;
      table = made;
      this.#contextTables.set(key, table);
      const words = encodeFields(ROOT_ENTRY, { P: 1, CTP: table }).subarray(0, 2);
      this.#memory.writeWords(this.root + ROOT_BYTES * bus + 8 * half, words, "root entry");
    }
    const index = this.scalable ? sid & 0x7f : sid & 0xff;
    return table + (this.contextLayout.bits / 8) * index;
  }

  /** PASID directory of a requester; made as needed. */
  directory(sid: number): number | null {
    const known = this.#directories.get(sid);
    if (known !== undefined) return known;
    const made = this.#memory.allocate(DIRECTORY_BYTES);
    if (made !== null) this.#directories.set(sid, made);
    return made;
  }

  /** Where the PASID table entry of a requester's PASID stands; its table is made as needed. */
  pasidPlace(sid: number, pasid: number): number | null {
    const directory = this.directory(sid);
    if (directory === null) return null;
    const index = Math.floor(pasid / PASIDS);
    const key = `${sid} ${index}`;
    let table = this.#pasidTables.get(key);
    if (table === undefined) {
      const made = this.#memory.allocate(PASIDS * PASID_BYTES);
      if (made === null) return null;
      table = made;
      this.#pasidTables.set(key, table);
      const words = encodeFields(PASID_DIRECTORY_ENTRY, { P: 1, SMPTBLPTR: table });
      this.#memory.writeWords(directory + 8 * index, words, "PASID directory entry");
    }
    return table + PASID_BYTES * (pasid % PASIDS);
  }
}
