/**
 * A kernel's side of a VT-d unit's page request queue. VT-d §7.4 to §7.7; Linux 7.2, drivers/iommu/intel/prq.c.
 */
import { PAGE_REQ_DSC } from "../../arch/vtd/commands.ts";
import { join } from "../../base/halves.ts";
import type { OwnMemory } from "../own_memory.ts";
import { isStopMarker, type PageRequest, PageRequestGroups, type PageResponse } from "../page_requests.ts";
import type { KernelRegisters } from "../registers.ts";
import { ringOffsets } from "../ring_offsets.ts";
import type { Descriptor } from "./invalidation_queue.ts";

const RECORD_BYTES = PAGE_REQ_DSC.bits / 8;
const BYTES = 4096;

export class PageRequestQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  readonly #groups = new PageRequestGroups();

  private constructor(registers: KernelRegisters, memory: OwnMemory, base: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = base;
  }

  /** Make the queue and tell the unit. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): PageRequestQueue | null {
    const base = memory.allocate(BYTES);
    if (base === null) return null;
    registers.write("PQH", 0n);
    registers.write("PQT", 0n);
    registers.writeFields("PQA", { PQA: base, PQS: 0 });
    return new PageRequestQueue(registers, memory, base);
  }

  /** Take what is in the queue. A request that was lost keeps the others of its group from completion. */
  take(): { readonly groups: readonly (readonly PageRequest[])[]; readonly overflowed: boolean } {
    const registers = this.#registers;
    // First, so that what arrives from now on interrupts anew.
    registers.writeFields("PRS", { PPR: 1 });
    const tail = registers.read("PQT");
    const groups: (readonly PageRequest[])[] = [];
    for (const at of ringOffsets(Number(registers.read("PQH")), Number(tail), BYTES, RECORD_BYTES)) {
      const request = requestOf(this.#memory.readWords(this.#base + at, PAGE_REQ_DSC));
      const group = isStopMarker(request) ? null : this.#groups.add(request);
      if (group !== null) groups.push(group);
    }
    registers.write("PQH", tail);
    const overflowed = registers.field("PRS", "PRO") === 1;
    if (overflowed) {
      this.#groups.dropOpen();
      registers.writeFields("PRS", { PRO: 1 });
    }
    return { groups, overflowed };
  }
}

/** The answer to a group, by any request of it. */
export const groupResponse = ({ sid, pasid, group }: PageRequest, code: PageResponse): Descriptor => ({
  name: "page_grp_resp_dsc",
  fields: { RID: sid, PRGI: group, LPIG: 1, RC: code, ...(pasid === null ? {} : { PP: 1, PASID: pasid }) },
});

function requestOf(words: Uint32Array): PageRequest {
  const { f } = PAGE_REQ_DSC;
  const is = (name: "PP" | "LPIG" | "RD" | "WR" | "EXE" | "PMR"): boolean => f[name].get(words, 0) === 1;
  return {
    sid: f.RID.get(words, 0),
    pasid: is("PP") ? f.PASID.get(words, 0) : null,
    group: f.PRGI.get(words, 0),
    last: is("LPIG"),
    read: is("RD"),
    write: is("WR"),
    execute: is("EXE"),
    privileged: is("PMR"),
    address: join(f.ADDR.addressHi(words, 0), f.ADDR.addressLo(words, 0)),
  };
}
