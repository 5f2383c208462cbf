/**
 * Page requests of devices behind a VT-d unit: the queue that the unit writes them to, groups, and their answers.
 * VT-d §7.5 to §7.7; Linux 7.2, drivers/iommu/intel/prq.c.
 */

import { PAGE_REQ_DSC } from "../../../arch/vtd/commands.ts";
import { join } from "../../../base/halves.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";
import type { Attachment, PageFault } from "../driver.ts";
import type { Descriptor } from "./invalidation.ts";

type Faults = NonNullable<Attachment["faults"]>;

const REQUEST_BYTES = PAGE_REQ_DSC.bits / 8;
const QUEUE_BYTES = 4096;
/** PRS.PPR and PRO, written to clear. */
const STATUS = 3n;
const READ = 1;
const WRITE = 2;
const EXECUTE = 4;
const PRIVILEGED = 8;
/** Answers of the unit: success and invalid request. */
const SUCCESS = 0;
const INVALID = 1;
/** Groups without their last request that are kept. */
const MOST_OPEN = 512;

export class PageRequests {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  readonly #open = new Map<string, PageFault[]>();

  private constructor(registers: KernelRegisters, memory: OwnMemory, base: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = base;
  }

  /** Make the queue and tell the unit. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): PageRequests | null {
    const base = memory.allocate(QUEUE_BYTES);
    if (base === null) return null;
    registers.write("PQH", 0n);
    registers.write("PQT", 0n);
    registers.writeFields("PQA", { PQA: base, PQS: 0 });
    return new PageRequests(registers, memory, base);
  }

  /**
   * Take the requests that are there.
   * @param takerOf who takes the faults of a requester and PASID (null without); null for nobody
   * @param run sends answers
   */
  serve(
    takerOf: (sid: number, pasid: number | null) => Faults | null,
    run: (descriptors: readonly Descriptor[]) => void,
  ): void {
    const tail = Number(this.#registers.read("PQT"));
    let head = Number(this.#registers.read("PQH"));
    for (; head !== tail; head = (head + REQUEST_BYTES) % QUEUE_BYTES) {
      this.#one(this.#memory.readWords(this.#base + head, PAGE_REQ_DSC), takerOf, run);
    }
    this.#registers.write("PQH", BigInt(head));
    this.#registers.write("PRS", STATUS);
  }

  #one(
    words: Uint32Array,
    takerOf: (sid: number, pasid: number | null) => Faults | null,
    run: (descriptors: readonly Descriptor[]) => void,
  ): void {
    const { f } = PAGE_REQ_DSC;
    const [sid, group] = [f.RID.get(words, 0), f.PRGI.get(words, 0)];
    const pasid = f.PP.get(words, 0) === 1 ? f.PASID.get(words, 0) : null;
    const last = f.LPIG.get(words, 0) === 1;
    const permission =
      (f.RD.get(words, 0) === 1 ? READ : 0) |
      (f.WR.get(words, 0) === 1 ? WRITE : 0) |
      (f.EXE.get(words, 0) === 1 ? EXECUTE : 0) |
      (f.PMR.get(words, 0) === 1 ? PRIVILEGED : 0);
    const address = join(f.ADDR.addressHi(words, 0), f.ADDR.addressLo(words, 0));
    const key = `${sid} ${pasid} ${group}`;
    const faults = [...(this.#open.get(key) ?? []), { pasid, group, last, permission, address }];
    if (!last) {
      if (this.#open.size < MOST_OPEN) this.#open.set(key, faults);
      return;
    }
    this.#open.delete(key);
    const answer = (code: number): void => run([response(sid, pasid, group, code)]);
    const taker = takerOf(sid, pasid);
    if (taker === null) answer(INVALID);
    else taker(faults, answer);
  }
}

const response = (sid: number, pasid: number | null, group: number, code: number): Descriptor => ({
  name: "page_grp_resp_dsc",
  fields: {
    RID: sid,
    PRGI: group,
    LPIG: 1,
    RC: code === SUCCESS ? SUCCESS : INVALID,
    ...(pasid === null ? {} : { PP: 1, PASID: pasid }),
  },
});
