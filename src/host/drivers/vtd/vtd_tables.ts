/**
 * Where the entries of requesters and their PASIDs stand: root, context and PASID tables of the kernel's, made as needed.
 * VT-d §3.4, §9.1 to §9.6.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../../arch/vtd/root_context.ts";
import { setFields } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { HostDevice } from "../driver.ts";

/** PASIDs below 2^13: a directory of 128 entries. */
const DIRECTORY_BYTES = 8 * 128;
const PASID_TABLE_BYTES = 64 * (PASID_TABLE_ENTRY.bits / 8);
const PASIDS_PER_TABLE_LG2 = 6;
export class VtdTables {
  readonly #memory: OwnMemory;
  readonly #root: number;
  readonly #scalable: boolean;
  /** PASID directories, by requester. */
  readonly #directories = new Map<number, number>();

  constructor(memory: OwnMemory, root: number, scalable: boolean) {
    this.#memory = memory;
    this.#root = root;
    this.#scalable = scalable;
  }

  /** Where the context entry of a requester stands; null without memory for its table. */
  contextEntry(sid: number): number | null {
    const [bus, function_] = [sid >>> 8, sid & 0xff];
    const upper = this.#scalable && function_ >= 0x80;
    const at = this.#root + (ROOT_ENTRY.bits / 8) * bus + (upper ? 8 : 0);
    this.#memory.read(at);
    let table = pageOf(this.#memory.hi, this.#memory.lo);
    if ((this.#memory.lo & 1) === 0) {
      const allocated = this.#memory.allocate(4096);
      if (allocated === null) return null;
      table = allocated;
      const layout = this.#scalable ? SM_ROOT_ENTRY : ROOT_ENTRY;
      const root = this.#memory.readWords(at - (upper ? 8 : 0), layout);
      const pointer = this.#scalable ? { LP: 1, LCTP: table } : { P: 1, CTP: table };
      setFields(layout, root, upper ? { UP: 1, UCTP: table } : pointer);
      this.#memory.writeWords(at - (upper ? 8 : 0), root, layout.name);
    }
    const bytes = (this.#scalable ? SM_CONTEXT_ENTRY.bits : CONTEXT_ENTRY.bits) / 8;
    return table + bytes * (this.#scalable ? function_ & 0x7f : function_);
  }

  /** Where the PASID table entry of a device stands; its context entry and tables are made as needed. */
  pasidEntry(device: HostDevice, pasid: number): number | null {
    let directory = this.#directories.get(device.sid);
    if (directory === undefined) {
      const context = this.contextEntry(device.sid);
      const allocated = this.#memory.allocate(DIRECTORY_BYTES);
      if (context === null || allocated === null) return null;
      directory = allocated;
      this.#directories.set(device.sid, directory);
      const dte = device.ats ? { DTE: 1 } : {};
      const pasids = device.maxPasidLog2 > 0 ? { PASIDE: 1 } : {};
      const pri = device.pri ? { PRE: 1 } : {};
      this.#memory.writeFields(context, SM_CONTEXT_ENTRY, { P: 1, PASIDDIRPTR: directory, ...dte, ...pasids, ...pri });
    }
    const at = directory + 8 * (pasid >>> PASIDS_PER_TABLE_LG2);
    this.#memory.read(at);
    let table = pageOf(this.#memory.hi, this.#memory.lo);
    if ((this.#memory.lo & 1) === 0) {
      const allocated = this.#memory.allocate(PASID_TABLE_BYTES);
      if (allocated === null) return null;
      table = allocated;
      this.#memory.writeFields(at, PASID_DIRECTORY_ENTRY, { P: 1, SMPTBLPTR: table });
    }
    return table + (PASID_TABLE_ENTRY.bits / 8) * (pasid & (2 ** PASIDS_PER_TABLE_LG2 - 1));
  }
}

/** The page that an entry points to. */
const pageOf = (hi: number, lo: number): number => (hi >>> 0) * 2 ** 32 + ((lo & ~0xfff) >>> 0);
