/**
 * The page request queue of a VT-d unit, PRS and the page request event (VT-d §7.6, §11.4).
 */
import { PAGE_REQ_DSC } from "../../arch/vtd/commands.ts";
import { OffsetRing, RING_FULL, type RingMemory } from "../common/offset_ring.ts";
import type { RegisterBit, RegisterFile } from "../common/register_file.ts";
import type { PageRequest } from "../device/ats_port.ts";
import { EventMessage } from "./event_message.ts";

const PAGE_REQUEST = 1;
const PAGE_LG2 = 12;
/** PQA.PQS. */
const SIZE_MASK = 7;
const RECORD_WORDS = PAGE_REQ_DSC.bits / 32;

export class PageRequestQueue {
  readonly event: EventMessage;
  readonly #registers: RegisterFile;
  readonly #ring: OffsetRing;
  readonly #pending: RegisterBit;
  readonly #overflow: RegisterBit;
  readonly #record = new Uint32Array(RECORD_WORDS);

  constructor(registers: RegisterFile, memory: RingMemory) {
    this.#registers = registers;
    this.#ring = new OffsetRing(memory, RECORD_WORDS);
    this.event = new EventMessage(registers, memory, "PE");
    this.#pending = registers.bit("PRS", "PPR");
    this.#overflow = registers.bit("PRS", "PRO");
    registers.onWrite("PRS", 0, () => {
      if (!this.#has(this.#pending) && !this.#has(this.#overflow)) this.event.cancel();
    });
  }

  /**
   * Put a page request into the queue. One that finds it full, or nothing at its place, is lost and sets PRO; so is
   * every other until software clears that. The last request of a group sets PPR.
   * @returns whether it is in the queue
   */
  write(request: Omit<PageRequest, "isStopMarker">): boolean {
    if (this.#has(this.#overflow)) return false;
    const { words } = this.#registers;
    const [base, head, tail] = ["PQA", "PQH", "PQT"].map((name) => this.#registers.at(name)) as [
      number,
      number,
      number,
    ];
    const ring = this.#ring;
    ring.place(words[base + 1]!, words[base]! & -(1 << PAGE_LG2), 1 << ((words[base]! & SIZE_MASK) + PAGE_LG2));
    const from = ring.offsetOf(words[head]!);
    const next = ring.append(from, ring.offsetOf(words[tail]!), this.#encode(request));
    if (next <= RING_FULL) {
      this.#set(this.#overflow);
      return false;
    }
    words[tail] = next;
    if (request.last) this.#set(this.#pending);
    return true;
  }

  #encode(request: Omit<PageRequest, "isStopMarker">): Uint32Array {
    const record = this.#record.fill(0);
    const { f } = PAGE_REQ_DSC;
    f.Type.set(record, 0, PAGE_REQUEST);
    f.RID.set(record, 0, request.sid);
    if (request.ssv) {
      f.PP.set(record, 0, 1);
      f.PASID.set(record, 0, request.ssid);
      f.EXE.set(record, 0, request.execute ? 1 : 0);
      f.PMR.set(record, 0, request.privileged ? 1 : 0);
    }
    record[2] = request.lo & -(1 << PAGE_LG2);
    record[3] = request.hi;
    f.RD.set(record, 0, request.read ? 1 : 0);
    f.WR.set(record, 0, request.write ? 1 : 0);
    f.LPIG.set(record, 0, request.last ? 1 : 0);
    f.PRGI.set(record, 0, request.prgIndex);
    return record;
  }

  /** Set a status field; the event is raised unless one is set already. */
  #set(bit: RegisterBit): void {
    const before = this.#has(this.#pending) || this.#has(this.#overflow);
    this.#registers.words[bit.at]! |= bit.mask;
    if (!before) this.event.raise();
  }

  #has(bit: RegisterBit): boolean {
    return (this.#registers.words[bit.at]! & bit.mask) !== 0;
  }
}
