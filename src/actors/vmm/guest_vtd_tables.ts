/**
 * A guest's root, context and PASID tables as a VMM reads them: which first stage requests of a device meet. VT-d §9.1 to
 * §9.6, scalable mode.
 */

import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { join } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { readWords } from "./guest_words.ts";

/** A guest's first stage. */
export interface FirstStage {
  /** Domain id of the guest's. */
  readonly did: number;
  /** Guest physical address of the root table, as the entry has it. */
  readonly root: bigint;
  readonly fiveLevels: boolean;
  readonly supervisor: boolean;
  readonly writeProtect: boolean;
  readonly extendedAccessed: boolean;
}

/** What requests meet: a first stage, guest memory as it is, or a refusal. */
export type Binding = FirstStage | "pass" | "block";

/** A guest's second stage, in legacy mode. */
export interface SecondStage {
  readonly did: number;
  /** Guest physical address of the root table. */
  readonly root: number;
  /** 3 to 5. */
  readonly levels: number;
}

/** PASIDs of one table: a virtual unit offers no more. */
export const PASIDS_LG2 = 6;
const PASID_BYTES = PASID_TABLE_ENTRY.bits / 8;
const FIVE_LEVELS = 1;
/** TT of a context entry, without device TLBs: only untranslated requests through the tables, or all as they are. */
const TranslationType = { UNTRANSLATED: 0, PASS: 2 } as const;
/** AW counts levels from this. */
const LEVELS_OF_CODE_0 = 2;

export class GuestVtdTables {
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** What requests of a device meet, by PASID; PASID 0 stands for those without. @param root root table */
  bindings(root: number, sid: number): Binding[] {
    const table = this.#pasidTable(root, sid);
    return Array.from({ length: 2 ** PASIDS_LG2 }, (_, pasid): Binding => {
      if (table === null || (pasid > 0 && !table.pasids)) return "block";
      return this.#binding(table.at + PASID_BYTES * pasid);
    });
  }

  /** What requests of a device meet in legacy mode. @param root root table */
  secondStage(root: number, sid: number): SecondStage | "pass" | "block" {
    const bus = this.#words(ROOT_ENTRY, root + (ROOT_ENTRY.bits / 8) * (sid >>> 8));
    if (ROOT_ENTRY.f.P.get(bus, 0) === 0) return "block";
    const at = ROOT_ENTRY.f.CTP.address(bus, 0) + (CONTEXT_ENTRY.bits / 8) * (sid & 0xff);
    const context = this.#words(CONTEXT_ENTRY, at);
    const { P, TT, AW, DID, SSPTPTR } = CONTEXT_ENTRY.f;
    if (P.get(context, 0) === 0) return "block";
    if (TT.get(context, 0) === TranslationType.PASS) return "pass";
    if (TT.get(context, 0) !== TranslationType.UNTRANSLATED) return "block";
    const levels = AW.get(context, 0) + LEVELS_OF_CODE_0;
    return { did: DID.get(context, 0), root: SSPTPTR.address(context, 0), levels };
  }

  /** The first PASID table of a device, and whether requests with a PASID are served. */
  #pasidTable(root: number, sid: number): { readonly at: number; readonly pasids: boolean } | null {
    const bus = this.#words(SM_ROOT_ENTRY, root + (SM_ROOT_ENTRY.bits / 8) * (sid >>> 8));
    const { LP, LCTP, UP, UCTP } = SM_ROOT_ENTRY.f;
    const upper = (sid & 0x80) !== 0;
    if ((upper ? UP : LP).get(bus, 0) === 0) return null;
    const contexts = (upper ? UCTP : LCTP).address(bus, 0);
    const context = this.#words(SM_CONTEXT_ENTRY, contexts + (SM_CONTEXT_ENTRY.bits / 8) * (sid & 0x7f));
    if (SM_CONTEXT_ENTRY.f.P.get(context, 0) === 0) return null;
    const directory = this.#words(PASID_DIRECTORY_ENTRY, SM_CONTEXT_ENTRY.f.PASIDDIRPTR.address(context, 0));
    if (PASID_DIRECTORY_ENTRY.f.P.get(directory, 0) === 0) return null;
    const pasids = SM_CONTEXT_ENTRY.f.PASIDE.get(context, 0) === 1;
    return { at: PASID_DIRECTORY_ENTRY.f.SMPTBLPTR.address(directory, 0), pasids };
  }

  #binding(at: number): Binding {
    const words = this.#words(PASID_TABLE_ENTRY, at);
    const { f } = PASID_TABLE_ENTRY;
    if (f.P.get(words, 0) === 0) return "block";
    const type = f.PGTT.get(words, 0);
    if (type === Pgtt.PassThrough) return "pass";
    if (type !== Pgtt.First) return "block";
    return {
      did: f.DID.get(words, 0),
      root: join(f.FSPTPTR.addressHi(words, 0), f.FSPTPTR.addressLo(words, 0)),
      fiveLevels: f.FSPM.get(words, 0) === FIVE_LEVELS,
      supervisor: f.SRE.get(words, 0) === 1,
      writeProtect: f.WPE.get(words, 0) === 1,
      extendedAccessed: f.EAFE.get(words, 0) === 1,
    };
  }

  #words(layout: Layout, at: number): Uint32Array {
    return readWords(this.#memory, at, layout.bits / 32);
  }
}
