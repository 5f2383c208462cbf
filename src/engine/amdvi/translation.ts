/** One request in progress: what was asked, what was decided on the way, how it ended (48882 §2.1, §2.5). */
import { EventCode } from "../../arch/amdvi/events.ts";
import { PciTranslation } from "../common/pci_request.ts";
import { AddressType, End } from "../common/request.ts";
import { PendingUpdates } from "./entry_update.ts";

export class Translation extends PciTranslation {
  /** Bus, device and function in 16 bits. */
  deviceId = 0;

  // The end.
  /** Code of the event, for `End.Fault`. */
  event: EventCode | 0 = 0;
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

  // The answer.
  /** Set of `Want` that the tables of each stage allow this requester. */
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
  /** FC of the host leaf, or Mode0FC where there are no host tables: the access is coherent whatever the request says. */
  forceCoherent = false;
  /** Updates of entries that wait for the translation to pass. */
  readonly pending = new PendingUpdates();

  /** Forget the last request's answers. */
  begin(): void {
    this.beginRequest();
    this.event = 0;
    this.gn = false;
    this.pr = false;
    this.pe = false;
    this.rz = false;
    this.type = 0;
    this.addressHi = this.iovaHi;
    this.addressLo = this.iovaLo;
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

  /** Pass with the address unchanged. @returns true */
  pass(reason: number): true {
    this.reason = reason;
    this.paHi = this.iovaHi;
    this.paLo = this.iovaLo;
    this.passed = true;
    return true;
  }
}
