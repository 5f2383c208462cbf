/**
 * What devices with ATS and PRI ask of the IOMMU: translations and pages. 48882 revision 3.10, §2.1.3, §2.6, §2.5.10;
 * PCI Express Base Specification, chapter 10.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { EVENT_WORDS, EventCode } from "../../arch/amdvi/events.ts";
import { PAGE_SERVICE_REQUEST, PAGE_SERVICE_REQUEST_CODE, PPR_TAG, PPR_WORDS } from "../../arch/amdvi/ppr.ts";
import { locate } from "../../base/layout.ts";
import { AddressType, End, Updates } from "../common/request.ts";
import {
  type AtsPort,
  CompletionStatus,
  type PageAnswer,
  type PageRequest,
  type PrgResponse,
  ResponseCode,
  type TranslationCompletion,
  type TranslationRequest,
} from "../device/ats_port.ts";
import { encodeEvent } from "./event_record.ts";
import type { ProgrammingInterface } from "./programming_interface.ts";
import { LogStatus } from "./record_log.ts";
import { Translation } from "./translation.ts";
import type { Translator } from "./translator.ts";

/** A completion covers no more than addresses have bits. */
const LARGEST = 52;
const SMALLEST = 12;
const LAST = 1 << locate(PPR_TAG, "Last").shift;

const f = DTE.f;

export class DeviceRequests implements AtsPort {
  /** The request at hand; `fetchHi` and `fetchLo` say what memory the session lacks, after `End.Unknown`. */
  readonly t = new Translation();
  readonly #translator: Translator;
  readonly #io: ProgrammingInterface;
  readonly #dte = new Uint32Array(DTE.bits / 32);
  readonly #event = new Uint32Array(EVENT_WORDS);
  readonly #entry = new Uint32Array(PPR_WORDS);

  constructor(translator: Translator, io: ProgrammingInterface) {
    this.#translator = translator;
    this.#io = io;
  }

  /** Answer a Translation Request. A page that is missing is a successful answer that grants nothing. */
  requestTranslation(request: TranslationRequest, completion: TranslationCompletion): void {
    const t = this.#begin(request, !request.noWrite);
    t.updates = Updates.Make;
    this.#translator.translate(t, null);
    if (t.record) this.#log();
    const missing = t.end === End.Fault && t.event === EventCode.IO_PAGE_FAULT;
    completion.status = missing ? CompletionStatus.Success : statusOf(t);
    completion.privileged = t.privileged;
    completion.noSnoop = false;
    completion.untranslatedOnly = false;
    completion.granted = t.end === End.Ok ? t.permissions1 & t.permissions2 & request.asked : 0;
    completion.hi = t.paHi;
    completion.lo = t.paLo;
    const size = Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2, LARGEST);
    completion.sizeLg2 = missing ? SMALLEST : Math.max(size, SMALLEST);
  }

  /** Take a Page Request. @returns the IOMMU's own response, null for none */
  requestPage(request: PageRequest): PrgResponse | null {
    const answer = this.page(request);
    return answer.queued ? null : answer.response;
  }

  /** Take a Page Request, and say what became of it. The IOMMU's own responses are to the last request of a group. */
  page(request: PageRequest): PageAnswer {
    const registers = this.#io.registers;
    const on = (field: string): boolean => registers.get("CONTROL", field) !== 0;
    if (request.isStopMarker && on("BlkStopMrkEn")) return { queued: false, response: null };
    const t = this.#begin(request, request.write);
    if (!this.#translator.devices.fetch(t, null, this.#dte)) {
      if (t.record) this.#log();
      if (t.end !== End.Unknown) return this.#answer(request, ResponseCode.Failure);
      return { queued: false, response: null, unknownHi: t.fetchHi, unknownLo: t.fetchLo };
    }
    if (!this.#mayAsk(request, on)) {
      this.#invalid(request);
      return this.#answer(request, ResponseCode.InvalidRequest);
    }
    if (on("PprAutoRspAon")) return this.#automatic(request);
    const written = this.#io.pageRequest(this.#encode(request, PAGE_SERVICE_REQUEST_CODE)) === LogStatus.Written;
    if (written) return { queued: true };
    return on("PprAutoRspEn") ? this.#automatic(request) : { queued: false, response: null };
  }

  #begin(request: TranslationRequest | PageRequest, write: boolean): Translation {
    const t = this.t;
    t.deviceId = request.sid;
    t.hasPasid = request.ssv;
    t.pasid = request.ssv ? request.ssid : 0;
    t.iovaHi = request.hi | 0;
    t.iovaLo = request.lo | 0;
    t.write = write;
    t.instruction = request.ssv && request.execute;
    t.privileged = request.ssv && request.privileged;
    t.addressType = AddressType.TranslationRequest;
    t.begin();
    return t;
  }

  /** Page requests are on for the device, and guest translation if the request has a PASID (§2.5.10). */
  #mayAsk(request: PageRequest, on: (field: string) => boolean): boolean {
    const dte = this.#dte;
    const device = f.V.get(dte, 0) === 1 && f.TV.get(dte, 0) === 1 && f.PPR.get(dte, 0) === 1;
    const guest = !request.ssv || (on("GTEn") && f.GV.get(dte, 0) === 1);
    return on("IommuEn") && on("PPREn") && device && guest;
  }

  /** The response of PPR_AUTO_RSP. */
  #automatic(request: PageRequest): PageAnswer {
    return this.#answer(request, this.#io.registers.get("PPR_AUTO_RSP", "PprAutoRspCode") as ResponseCode);
  }

  /** CHOICE(response-pasid): the IOMMU's own responses carry the PASID where GPRP asks for it and no mask forbids it. */
  #answer(request: PageRequest, code: ResponseCode): PageAnswer {
    if (!request.last || request.isStopMarker) return { queued: false, response: null };
    const masked = this.#io.registers.get("PPR_AUTO_RSP", "PprAutoRspMaskGn") === 1;
    const named = request.ssv && !masked && f.GPRP.get(this.#dte, 0) === 1;
    const response = { sid: request.sid, ssid: named ? request.ssid : null, prgIndex: request.prgIndex, code };
    return { queued: false, response };
  }

  #invalid(request: PageRequest): void {
    const record = this.#encode(request, EventCode.INVALID_PPR_REQUEST);
    this.#io.event(record);
  }

  /** Both records of a page request look alike but for their code. */
  #encode(request: PageRequest, code: number): Uint32Array {
    const words = this.#entry.fill(0);
    const e = PAGE_SERVICE_REQUEST.f;
    const bit = (on: boolean): number => (on ? 1 : 0);
    e.DeviceID.set(words, 0, request.sid);
    e.PPRtag.set(words, 0, request.prgIndex | (request.last ? LAST : 0));
    e.RP.set(words, 0, bit(request.read));
    e.WP.set(words, 0, bit(request.write));
    e.GN.set(words, 0, bit(request.ssv));
    if (request.ssv) {
      e.PASID_15_0.set(words, 0, request.ssid);
      e.PASID_19_16.set(words, 0, request.ssid >>> 16);
      e.NX.set(words, 0, bit(request.execute));
      e.US.set(words, 0, bit(!request.privileged));
    }
    e.PPRCode.set(words, 0, code);
    words[2] = request.lo & ~0xfff;
    words[3] = request.hi;
    return words;
  }

  #log(): void {
    encodeEvent(this.t, this.#event, 0);
    this.#io.event(this.#event);
  }
}

/** What a request that is off for the device, or that ran into a broken entry, is answered with. */
function statusOf(t: Translation): CompletionStatus {
  if (t.end === End.Unknown) return CompletionStatus.Unknown;
  if (t.end !== End.Fault) return CompletionStatus.Success;
  return t.event === EventCode.INVALID_DEVICE_REQUEST
    ? CompletionStatus.UnsupportedRequest
    : CompletionStatus.CompleterAbort;
}
