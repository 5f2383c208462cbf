/**
 * What passes between an IOMMU and a PCIe device with ATS and PRI: messages as the bus has them, whatever the IOMMU.
 * PCI Express Base Specification, Address Translation Services (chapter 10): Translation Requests and Completions,
 * Invalidate Requests, Page Requests and PRG Responses.
 *
 * Halves of addresses are 32-bit patterns. Message objects are reused: copy what must outlive the call.
 */

/** A Translation Request for one translation. Read permission is always asked for. */
export class TranslationRequest {
  /** Requester ID as the IOMMU sees it. */
  sid = 0;
  /** A PASID is present; `ssid`, `execute` and `privileged` mean something only then. */
  ssv = false;
  ssid = 0;
  hi = 0;
  lo = 0;
  /** NW: the device does not mean to write. */
  noWrite = false;
  /** Execute Requested and Privileged Mode Requested. */
  execute = false;
  privileged = false;

  /** Permissions that it asks for, a set of {@link Grant}. */
  get asked(): number {
    return Grant.Read | (this.noWrite ? 0 : Grant.Write) | (this.ssv && this.execute ? Grant.Execute : 0);
  }
}

/** Status of a Translation Completion. */
export const CompletionStatus = {
  Success: 0,
  /** UR: ATS is off for this device. */
  UnsupportedRequest: 1,
  /** CA: something is wrong with the configuration. */
  CompleterAbort: 2,
  /** No answer can be given: it depends on memory that the session does not hold. */
  Unknown: 3,
} as const;
export type CompletionStatus = (typeof CompletionStatus)[keyof typeof CompletionStatus];

/** Permissions of a translation, as bits. */
export const Grant = { Read: 1, Write: 2, Execute: 4 } as const;

/** A Translation Completion with one translation. */
export class TranslationCompletion {
  status: CompletionStatus = CompletionStatus.Success;
  /** Set of {@link Grant}; with neither read nor write there is no translation, only a range that has none. */
  granted = 0;
  /** Priv: the entry is for privileged accesses (0 without a PASID). */
  privileged = false;
  /** N (accesses must not be snooped) and U (accesses must not be marked Translated). */
  noSnoop = false;
  untranslatedOnly = false;
  /** Translated address of the request's own address; meaningful where access is granted. */
  hi = 0;
  lo = 0;
  /** log2 of the size of the naturally aligned range that the answer covers. */
  sizeLg2 = 12;
}

/** One Page Request message, or a Stop PASID marker: `ssv`, `last`, and neither `read` nor `write`. */
export class PageRequest {
  sid = 0;
  ssv = false;
  ssid = 0;
  /** Address of the page; bits [11:0] are ignored. */
  hi = 0;
  lo = 0;
  /** Page Request Group Index, 9 bits. */
  prgIndex = 0;
  read = false;
  write = false;
  execute = false;
  privileged = false;
  /** Last request of its group. */
  last = false;

  /** The message ends the use of a PASID and asks for nothing. */
  get isStopMarker(): boolean {
    return this.ssv && this.last && !this.read && !this.write;
  }
}

/** Response Code of a PRG Response. */
export const ResponseCode = { Success: 0, InvalidRequest: 1, Failure: 15 } as const;
export type ResponseCode = (typeof ResponseCode)[keyof typeof ResponseCode];

/** A PRG Response. */
export interface PrgResponse {
  readonly sid: number;
  /** PASID of the response, null for none. */
  readonly ssid: number | null;
  readonly prgIndex: number;
  readonly code: ResponseCode;
}

/** What an IOMMU does with a Page Request. */
export type PageAnswer =
  | { readonly queued: true }
  /** Discarded; `response` is the IOMMU's own, which comes at once; null for none. */
  | { readonly queued: false; readonly response: PrgResponse | null }
  /** Discarded; the response depends on memory that the session does not hold, at this address. */
  | { readonly queued: false; readonly response: null; readonly unknownHi: number; readonly unknownLo: number };

/** An Invalidate Request for 2^sizeLg2 bytes (12 to 64) at an address aligned to that. */
export interface InvalidateRequest {
  readonly sid: number;
  readonly ssv: boolean;
  readonly ssid: number;
  /** Global Invalidate: every PASID. Means something with a PASID only. */
  readonly global: boolean;
  readonly hi: number;
  readonly lo: number;
  readonly sizeLg2: number;
}

/** The IOMMU as a device sees it. */
export interface AtsPort {
  /** Ask for a translation; the answer is written into `completion`. */
  requestTranslation(request: TranslationRequest, completion: TranslationCompletion): void;
  /** Ask for a page. @returns a response that came at once; null where software will answer, or nobody */
  requestPage(request: PageRequest): PrgResponse | null;
}
