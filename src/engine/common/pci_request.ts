/**
 * A request of a PCI device in progress: what was asked, and how it ended, as far as IOMMUs of PCI devices agree on it.
 *
 * The object is reused from one request to the next, so that translating allocates nothing.
 */
import { AddressType, End, Updates, Want } from "./request.ts";

export class PciTranslation {
  // The request.
  /** Meaningful where {@link hasPasid}. */
  pasid = 0;
  hasPasid = false;
  iovaHi = 0;
  iovaLo = 0;
  /** A write; of a translation request: it asks for write permission too (NW is clear). */
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
  /** What ended the request is recorded: it is of a kind that is, and nothing suppresses it. */
  record = false;
  /** Address of memory the session does not hold. */
  fetchHi = 0;
  fetchLo = 0;

  // The answer.
  paHi = 0;
  paLo = 0;

  /** Forget the last request's end. */
  protected beginRequest(): void {
    this.end = End.Ok;
    this.reason = 0;
    this.record = false;
    this.fetchHi = 0;
    this.fetchLo = 0;
  }

  /** What the request wants of the tables, one of {@link Want}; a translation request takes what it gets: 0. */
  get want(): number {
    if (this.addressType === AddressType.TranslationRequest) return 0;
    return this.write ? Want.Write : this.instruction && this.hasPasid ? Want.Execute : Want.Read;
  }

  /** End for want of memory. @returns false, for the caller to return */
  unknown(hi: number, lo: number): false {
    this.end = End.Unknown;
    this.fetchHi = hi;
    this.fetchLo = lo;
    return false;
  }
}
