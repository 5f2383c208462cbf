/**
 * The PCIe side of a VT-d unit: Translation Requests and Page Requests (VT-d §4.2, §7.4 to §7.7).
 */
import { REASONS } from "../../arch/vtd/reasons.ts";
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
import type { PageRequestQueue } from "./page_request_queue.ts";
import type { Remapper } from "./remapper.ts";
import { Translation } from "./translation.ts";

/** log2 of the largest range that one completion covers. CHOICE(completion-size): no more than the largest leaf. */
const LARGEST_LG2 = 30;
const SMALLEST_LG2 = 12;

export class PcieInterface implements AtsPort {
  /** The request that was looked at last: how it ended. */
  readonly t = new Translation();
  readonly #remapper: Remapper;
  /** Null where the unit takes no page requests. */
  readonly #queue: PageRequestQueue | null;
  readonly #record: (t: Translation) => void;

  /** @param record where faults go that requests give rise to; `t` is only good during the call */
  constructor(remapper: Remapper, queue: PageRequestQueue | null, record: (t: Translation) => void) {
    this.#remapper = remapper;
    this.#queue = queue;
    this.#record = record;
  }

  /** Answer a Translation Request, make its updates of accessed and dirty flags and record its fault. */
  requestTranslation(request: TranslationRequest, completion: TranslationCompletion): void {
    const { t } = this;
    this.#begin(request, AddressType.TranslationRequest);
    t.write = !request.noWrite;
    t.instruction = request.ssv && request.execute;
    completion.granted = 0;
    completion.sizeLg2 = SMALLEST_LG2;
    completion.hi = request.hi;
    completion.lo = request.lo;
    completion.privileged = false;
    completion.noSnoop = false;
    completion.untranslatedOnly = false;
    // A unit that does not translate has no answer to give (§4.2.3).
    if (!this.#remapper.state.enabled) {
      completion.status = CompletionStatus.UnsupportedRequest;
      return;
    }
    this.#remapper.translate(t, null);
    completion.status = this.#status();
    // What a device can mend by a page request is no fault of software's (§7.1).
    if (t.end === End.Fault && completion.status !== CompletionStatus.Success) this.#record(t);
    if (t.end !== End.Ok) return;
    completion.granted = t.permissions & request.asked;
    completion.privileged = t.hasPasid && t.privileged;
    completion.hi = t.paHi;
    completion.lo = t.paLo;
    completion.sizeLg2 = Math.min(t.sizeLg2First, t.sizeLg2Second, LARGEST_LG2);
  }

  /** Take a Page Request. @returns the response that comes at once, null for none */
  requestPage(request: PageRequest): PrgResponse | null {
    const answer = this.page(request);
    return answer.queued ? null : answer.response;
  }

  /**
   * Take a Page Request, and say what became of it. One that the structures of its requester do not allow is refused;
   * the last of a group that finds no room is answered with success, so that the device asks again (§7.4).
   */
  page(request: PageRequest): PageAnswer {
    if (this.#queue === null || !this.#remapper.state.enabled) {
      return { queued: false, response: this.#respond(request, ResponseCode.InvalidRequest) };
    }
    const { t } = this;
    this.#begin(request, AddressType.Untranslated);
    t.pageRequest = true;
    t.write = request.write;
    t.instruction = request.ssv && request.execute;
    this.#remapper.translate(t, null);
    if (t.end === End.Unknown) return { queued: false, response: null, unknownHi: t.fetchHi, unknownLo: t.fetchLo };
    if (t.end === End.Fault) {
      this.#record(t);
      const code = REASONS[t.reason]!.ats === "CA" ? ResponseCode.Failure : ResponseCode.InvalidRequest;
      return { queued: false, response: this.#respond(request, code) };
    }
    if (this.#queue.write(request)) return { queued: true };
    return { queued: false, response: this.#respond(request, ResponseCode.Success) };
  }

  #begin(request: TranslationRequest | PageRequest, addressType: AddressType): void {
    const { t } = this;
    t.sid = request.sid;
    t.hasPasid = request.ssv;
    t.pasid = request.ssv ? request.ssid : 0;
    t.iovaHi = request.hi | 0;
    t.iovaLo = request.lo | 0;
    t.privileged = request.ssv && request.privileged;
    t.addressType = addressType;
    t.pageRequest = false;
    t.updates = Updates.Make;
  }

  #status(): CompletionStatus {
    const { t } = this;
    if (t.end === End.Unknown) return CompletionStatus.Unknown;
    if (t.end !== End.Fault) return CompletionStatus.Success;
    const { ats } = REASONS[t.reason]!;
    if (ats === "no access") return CompletionStatus.Success;
    return ats === "CA" ? CompletionStatus.CompleterAbort : CompletionStatus.UnsupportedRequest;
  }

  /** A response is due to the last request of a group, and to no stop marker. */
  #respond(request: PageRequest, code: ResponseCode): PrgResponse | null {
    if (!request.last || request.isStopMarker) return null;
    return { sid: request.sid, ssid: request.ssv ? request.ssid : null, prgIndex: request.prgIndex, code };
  }
}
