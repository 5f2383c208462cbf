/**
 * One request in progress: what was asked, what was decided on the way, how it ended (48882 §2.1, §2.5).
 *
 * The object is reused from one request to the next, so that translating allocates nothing.
 */
import { EventCode } from "../../arch/amdvi/events.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { AddressType, End, Updates, Want } from "../common/request.ts";
import { PendingUpdates } from "./entry_update.ts";

export class Translation {
  // The request.
  /** Bus, device and function in 16 bits. */
  deviceId = 0;
  /** Meaningful where {@link hasPasid}. */
  pasid = 0;
  hasPasid = false;
  iovaHi = 0;
  iovaLo = 0;
  /** A write; of a translation request: it asks for write permission too. */
  write = false;
  /** Privileged Mode and Execute of the PASID prefix: only requests with PASID have them. */
  privileged = false;
  instruction = false;
  /** The request asks not to snoop the caches of processors (PCIe No Snoop). */
  noSnoop = false;
  addressType: AddressType = AddressType.Untranslated;
  updates: Updates = Updates.Show;

  // The end.
  end: End = End.Ok;
  /** Index into the architecture's reasons. */
  reason = 0;
  /** Code of the event, for `End.Fault`. */
  event: EventCode | 0 = 0;
  /** The event goes to the log: it is none that is suppressed, nor a page fault of a translation request. */
  record = false;
  /** Flags of the event: the address is a guest virtual one; the entry was present; the access was not permitted; a
   * reserved bit was set. */
  gn = false;
  pr = false;
  pe = false;
  rz = false;
  /** How an access failed, or what the device did wrong: Type of the events that have it. */
  type = 0;
  /** Address of the event, whole; each event keeps the bits it has room for. */
  addressHi = 0;
  addressLo = 0;
  /** Address of memory the session does not hold. */
  fetchHi = 0;
  fetchLo = 0;

  // The answer.
  paHi = 0;
  paLo = 0;
  /** Set of {@link Want} that the tables of each stage allow this requester. */
  permissions1 = 7;
  permissions2 = 7;
  /** log2 of what the leaf of each stage maps, 64 where the stage is off. */
  sizeLg2Stage1 = 64;
  sizeLg2Stage2 = 64;
  /** No table translated the address. */
  passed = false;
  /** DomainID of the device table entry, once that is known. */
  domainId = 0;
  /** PASID whose tables were used: that of the request, 0 with DTE.GIoV, or -1 for none. */
  usedPasid = -1;
  /** The host leaf of the address wants coherent access (PTE.FC). */
  forceCoherent = false;
  /** Updates of entries that wait for the translation to pass. */
  readonly pending = new PendingUpdates();

  /** Forget the last request's answers. */
  begin(): void {
    this.end = End.Ok;
    this.reason = R.NONE;
    this.event = 0;
    this.record = false;
    this.gn = false;
    this.pr = false;
    this.pe = false;
    this.rz = false;
    this.type = 0;
    this.addressHi = this.iovaHi;
    this.addressLo = this.iovaLo;
    this.fetchHi = 0;
    this.fetchLo = 0;
    this.permissions1 = 7;
    this.permissions2 = 7;
    this.sizeLg2Stage1 = 64;
    this.sizeLg2Stage2 = 64;
    this.passed = false;
    this.domainId = 0;
    this.usedPasid = -1;
    this.forceCoherent = false;
    this.pending.count = 0;
  }

  /** What the request wants of the tables, one of {@link Want}; a translation request takes what it gets: 0. */
  get want(): number {
    if (this.addressType === AddressType.TranslationRequest) return 0;
    return this.write ? Want.Write : this.instruction && this.hasPasid ? Want.Execute : Want.Read;
  }

  /** End with an event. @returns false, for the caller to return */
  fault(event: EventCode, reason: number): false {
    this.end = End.Fault;
    this.event = event;
    this.reason = reason;
    this.record = true;
    return false;
  }

  /**
   * End with IO_PAGE_FAULT; a translation request is just told (§2.1.3.2).
   * @param present PR: the entry that stopped it was present
   * @param denied PE: rights were missing
   * @param reserved RZ: a reserved bit was set, as against a level that cannot be
   */
  pageFault(reason: number, present: boolean, denied: boolean, reserved: boolean): false {
    this.fault(EventCode.IO_PAGE_FAULT, reason);
    this.pr = present;
    this.pe = denied;
    this.rz = reserved;
    this.record = this.addressType !== AddressType.TranslationRequest;
    return false;
  }

  /** End for want of memory. @returns false */
  unknown(hi: number, lo: number): false {
    this.end = End.Unknown;
    this.fetchHi = hi;
    this.fetchLo = lo;
    return false;
  }

  /** Pass with the address unchanged. @returns true */
  pass(reason: number): true {
    this.reason = reason;
    this.paHi = this.iovaHi;
    this.paLo = this.iovaLo;
    this.passed = true;
    return true;
  }
}
