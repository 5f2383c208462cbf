/**
 * Entries of requesters and of their PASIDs: how one is put in place of another without the unit going on with the old
 * one. VT-d §6.2, §6.5.3.3; Linux 7.2, drivers/iommu/intel/pasid.c (intel_pasid_tear_down_entry, pasid_flush_caches).
 */
import { PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { Layout } from "../../base/layout.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { Descriptor } from "./invalidation_queue.ts";
import { RID_PASID } from "./invalidations.ts";
import type { RemappingUnit } from "./unit.ts";

/** Has what changed forgotten, and waits: an entry, or what a device took from it. */
export type Tell = (what: "entry" | "device", descriptors: readonly Descriptor[]) => void;

export class RequesterEntries {
  readonly #unit: RemappingUnit;
  readonly #memory: OwnMemory;
  readonly #tell: Tell;
  readonly #hasDeviceTlb: (sid: number) => boolean;

  constructor(unit: RemappingUnit, memory: OwnMemory, hasDeviceTlb: (sid: number) => boolean, tell: Tell) {
    this.#unit = unit;
    this.#memory = memory;
    this.#hasDeviceTlb = hasDeviceTlb;
    this.#tell = tell;
  }

  /** In legacy mode: send a requester's requests by these fields of its context entry. @returns false without memory */
  setContext(sid: number, fields: FieldNumbers): boolean {
    const { tables } = this.#unit;
    const at = tables.contextEntry(sid);
    if (at === null) return false;
    this.#retire(sid, RID_PASID, at);
    this.#write(at, tables.contextLayout, fields, () => this.#unit.drop.context(sid, 0));
    return true;
  }

  /**
   * In scalable mode: have a requester's context entry lead to its PASID tables, in which no PASID is served yet. What is
   * there stays.
   * @param fields of the context entry besides that
   * @returns false without memory
   */
  prepare(sid: number, fields: FieldNumbers): boolean {
    const { tables, drop } = this.#unit;
    const [at, directory] = [tables.contextEntry(sid), tables.directory(sid)];
    if (at === null || directory === null) return false;
    if (isPresent(this.#memory.readWords(at, tables.contextLayout))) return true;
    this.#write(at, tables.contextLayout, { ...fields, PASIDDIRPTR: directory }, () => drop.context(sid, 0));
    return true;
  }

  /**
   * In scalable mode: send the requests of a PASID of a prepared requester by these fields of its PASID table entry.
   * @returns false without memory
   */
  setPasid(
    sid: number,
    pasid: number,
    fields: FieldNumbers & { readonly DID: number; readonly PGTT: number },
  ): boolean {
    const { tables, drop } = this.#unit;
    const at = tables.pasidEntry(sid, pasid);
    if (at === null) return false;
    this.#retire(sid, pasid, at);
    this.#write(at, PASID_TABLE_ENTRY, fields, () => drop.pasid(pasid, fields.DID, usesFirst(fields.PGTT)));
    return true;
  }

  /** Refuse the requests of a requester, in scalable mode of one PASID. */
  clear(sid: number, pasid: number): void {
    const { tables } = this.#unit;
    const at = tables.scalable ? tables.pasidEntry(sid, pasid) : tables.contextEntry(sid);
    if (at !== null && this.#retire(sid, pasid, at)) this.#memory.writeFields(at, this.#layout, {});
  }

  /** Layout of the entry that decides about translation. */
  get #layout(): Layout {
    return this.#unit.tables.scalable ? PASID_TABLE_ENTRY : this.#unit.tables.contextLayout;
  }

  /** Write an entry that is not present. What is not present is not cached, unless the unit says so (CAP.CM). */
  #write(at: number, layout: Layout, fields: FieldNumbers, cached: () => readonly Descriptor[]): void {
    this.#memory.writeFields(at, layout, { P: 1, ...fields });
    if (this.#unit.has("CAP", "CM") === 1) this.#tell("entry", cached());
  }

  /** Make an entry not present, and have it forgotten. @returns whether it was present */
  #retire(sid: number, pasid: number, at: number): boolean {
    const words = this.#memory.readWords(at, this.#layout);
    if (!isPresent(words)) return false;
    this.#memory.update(at, this.#layout, { P: 0 });
    this.#tell("entry", this.#dropping(sid, pasid, words));
    if (this.#hasDeviceTlb(sid)) this.#tell("device", [this.#unit.drop.device(sid, pasid, null)]);
    return true;
  }

  /** What has an entry forgotten that was present with these words. */
  #dropping(sid: number, pasid: number, words: Uint32Array): Descriptor[] {
    const { tables, drop } = this.#unit;
    if (!tables.scalable) return drop.context(sid, CONTEXT_ENTRY.f.DID.get(words, 0));
    const { DID, PGTT } = PASID_TABLE_ENTRY.f;
    return drop.pasid(pasid, DID.get(words, 0), usesFirst(PGTT.get(words, 0)));
  }
}

/** P is bit 0 of entries of every kind. */
const isPresent = (words: Uint32Array): boolean => CONTEXT_ENTRY.f.P.get(words, 0) === 1;
const usesFirst = (pgtt: number): boolean => pgtt === Pgtt.First || pgtt === Pgtt.Nested;
