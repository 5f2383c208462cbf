/**
 * One request in progress: what was asked, what was decided on the way, how it ended (VT-d §3, §7.1).
 *
 * The object is reused from one request to the next, so that translating allocates nothing.
 */
import { R, REASONS } from "../../arch/vtd/reasons.ts";
import { AddressType, End, Updates, Want } from "../common/request.ts";

export class Translation {
  // The request.
  /** Source id: bus, device and function in 16 bits. */
  sid = 0;
  /** Meaningful where {@link hasPasid}. */
  pasid = 0;
  hasPasid = false;
  iovaHi = 0;
  iovaLo = 0;
  /** A write; of a translation request: NW is clear. */
  write = false;
  /** PR and ER of the PASID prefix: only requests with PASID have them. */
  privileged = false;
  execute = false;
  /** The request asks not to snoop the caches of processors (PCIe No Snoop). */
  noSnoop = false;
  addressType: AddressType = AddressType.Untranslated;
  /** A page request: only the structures that lead to its PASID are looked at. */
  pageRequest = false;
  updates: Updates = Updates.Show;

  // The end.
  end: End = End.Ok;
  /** Index into the architecture's reasons. */
  reason = 0;
  /** The fault is recorded: its condition has a code, and FPD does not suppress it. */
  record = false;
  /** FPD of the structures read so far (VT-d §7.1.3). */
  fpd = false;
  /** The request counts as a supervisor's. */
  supervisor = false;
  /** Address of memory the session does not hold. */
  fetchHi = 0;
  fetchLo = 0;

  // The answer.
  paHi = 0;
  paLo = 0;
  /** Set of {@link Want} that the tables allow this requester. */
  permissions = 7;
  /** log2 of what the leaf of each stage maps, 64 where the stage is off. */
  sizeLg2First = 64;
  sizeLg2Second = 64;
  /** PASID that was used: that of the request, or RID_PASID. */
  usedPasid = 0;
  did = 0;

  /** Forget the last request's answers. */
  begin(): void {
    this.end = End.Ok;
    this.reason = R.NONE;
    this.record = false;
    this.fpd = false;
    this.supervisor = false;
    this.fetchHi = 0;
    this.fetchLo = 0;
    this.permissions = 7;
    this.sizeLg2First = 64;
    this.sizeLg2Second = 64;
    this.usedPasid = 0;
    this.did = 0;
  }

  /** What the request wants of the tables, one of {@link Want}; a translation request takes what it gets: 0. */
  get want(): number {
    if (this.addressType === AddressType.TranslationRequest) return 0;
    return this.write ? Want.Write : this.execute && this.hasPasid ? Want.Execute : Want.Read;
  }

  /** Fault reason code of the record. */
  get code(): number {
    return REASONS[this.reason]!.code;
  }

  /** Block the request. @returns false, for the caller to return */
  fault(reason: number): false {
    const { code, qualified } = REASONS[reason]!;
    this.end = End.Fault;
    this.reason = reason;
    this.record = code !== 0 && !(qualified && this.fpd);
    return false;
  }

  /** End for want of memory. @returns false */
  unknown(hi: number, lo: number): false {
    this.end = End.Unknown;
    this.fetchHi = hi;
    this.fetchLo = lo;
    return false;
  }
}
