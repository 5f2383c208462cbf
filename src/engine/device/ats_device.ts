/**
 * A PCIe function that uses ATS and perhaps PRI: it asks for translations before it accesses memory, keeps them in its
 * cache, asks for pages it was refused, and drops what it is told to (PCI Express Base Specification, chapter 10).
 *
 * It decides how an access goes out; moving the data is for whoever owns the device.
 */
import {
  type AtsPort,
  CompletionStatus,
  Grant,
  type InvalidateRequest,
  PageRequest,
  type PrgResponse,
  ResponseCode,
  TranslationCompletion,
  TranslationRequest,
} from "./ats_port.ts";
import { AddressTranslationCache } from "./translation_cache.ts";

/** What a device can do. */
export interface AtsDeviceOptions {
  readonly sid: number;
  /** Entries of its cache. */
  readonly capacity: number;
  /** It can ask for pages, and how many groups may be unanswered: its Page Request Allocation, 0 for no PRI. */
  readonly pageRequests: number;
  /** PRG Response PASID Required: a response to a request with a PASID counts only if it carries it. */
  readonly responsePasidRequired: boolean;
  /** It answers Invalidate Requests; otherwise they time out, and what is cached stays. */
  readonly answersInvalidations: boolean;
}

/** One access that a device wants to make. */
export interface DeviceAccess {
  readonly ssv: boolean;
  readonly ssid: number;
  readonly hi: number;
  readonly lo: number;
  readonly write: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
}

/** How the access goes out, or why it does not. */
export type Turn =
  /** Marked Translated, to this address; `hit`: without asking. */
  | { readonly kind: "translated"; readonly hi: number; readonly lo: number; readonly hit: boolean }
  /** As it is, for the IOMMU to translate (the completion had U). */
  | { readonly kind: "untranslated" }
  /** It waits for the response to a group of page requests. */
  | { readonly kind: "waiting"; readonly prgIndex: number }
  /** It does not go out; `response` is the answer that refused the page, where one came. */
  | { readonly kind: "denied"; readonly why: Denial; readonly response: PrgResponse | null }
  /** It depends on memory that the session does not hold. */
  | { readonly kind: "unknown" };

/** Why an access was given up. */
export type Denial =
  | "Unsupported Request"
  | "Completer Abort"
  | "no permission"
  | "no page request credit"
  | "page request refused";

/** Number of page request groups that an index can name. */
const GROUPS = 512;
/** Times a device asks again after a success that came at once (an automatic response). */
const RETRIES = 2;

const FREE = 0;
const OPEN = 1;
const OPEN_WITH_PASID = 2;

export class AtsDevice {
  readonly options: AtsDeviceOptions;
  readonly cache: AddressTranslationCache;
  /** A Response Failure came: the device asks for no more pages (Page Request Status, RF). */
  responseFailure = false;
  /** Responses came that no open group matches (Page Request Status, UPRGI). */
  unexpectedGroups = 0;
  readonly #request = new TranslationRequest();
  readonly #completion = new TranslationCompletion();
  readonly #page = new PageRequest();
  readonly #groups = new Uint8Array(GROUPS);
  readonly #groupPasid = new Int32Array(GROUPS);
  #openGroups = 0;
  #nextGroup = 0;

  constructor(options: AtsDeviceOptions) {
    this.options = options;
    this.cache = new AddressTranslationCache(options.capacity);
  }

  /** Page request groups without a response. */
  get openGroups(): number {
    return this.#openGroups;
  }

  /** Find out how an access goes out: from the cache, or by asking through `port`. */
  access(access: DeviceAccess, port: AtsPort): Turn {
    const need = access.write ? Grant.Write : access.execute ? Grant.Execute : Grant.Read;
    const { ssv, ssid, hi, lo } = access;
    const cached = this.cache.find(ssv, ssid, ssv && access.privileged, hi, lo);
    if (cached >= 0 && (cached & need) !== 0) return this.#found(true);
    for (let tries = 0; ; tries++) {
      const turn = this.#ask(access, need, port);
      if (turn !== null) return turn;
      const response = this.#askPage(access, port);
      if (typeof response === "string") return { kind: "denied", why: response, response: null };
      if (response === null) return { kind: "waiting", prgIndex: this.#page.prgIndex };
      if (!this.respond(response)) return { kind: "waiting", prgIndex: this.#page.prgIndex };
      if (response.code !== ResponseCode.Success || tries >= RETRIES) {
        return { kind: "denied", why: "page request refused", response };
      }
    }
  }

  /** Take a PRG Response. @returns false when no open group matches it */
  respond(response: PrgResponse): boolean {
    const at = response.prgIndex % GROUPS;
    const state = this.#groups[at]!;
    const wantsPasid = state === OPEN_WITH_PASID && this.options.responsePasidRequired;
    const mismatch = response.ssid === null ? wantsPasid : response.ssid !== this.#groupPasid[at];
    if (state === FREE || (state === OPEN && response.ssid !== null) || mismatch) {
      this.unexpectedGroups++;
      return false;
    }
    this.#groups[at] = FREE;
    this.#openGroups--;
    if (response.code === ResponseCode.Failure) this.responseFailure = true;
    return true;
  }

  /** Take an Invalidate Request. @returns false when it is never answered */
  invalidate(request: InvalidateRequest): boolean {
    if (!this.options.answersInvalidations) return false;
    this.cache.invalidate(request.ssv, request.ssid, request.global, request.hi, request.lo, request.sizeLg2);
    return true;
  }

  /** The state as numbers; {@link restore} takes it back. */
  save(): Int32Array {
    const cache = this.cache.save();
    const words = new Int32Array(HEAD_WORDS + GROUPS + cache.length);
    words.set([this.responseFailure ? 1 : 0, this.unexpectedGroups, this.#openGroups, this.#nextGroup]);
    for (let i = 0; i < GROUPS; i++) words[HEAD_WORDS + i] = this.#groups[i]! | (this.#groupPasid[i]! << 8);
    words.set(cache, HEAD_WORDS + GROUPS);
    return words;
  }

  /** Take back what {@link save} gave, of a device with the same options. */
  restore(words: Int32Array): void {
    this.responseFailure = words[0] === 1;
    this.unexpectedGroups = words[1]!;
    this.#openGroups = words[2]!;
    this.#nextGroup = words[3]!;
    for (let i = 0; i < GROUPS; i++) {
      this.#groups[i] = words[HEAD_WORDS + i]! & 0xff;
      this.#groupPasid[i] = words[HEAD_WORDS + i]! >>> 8;
    }
    this.cache.restore(words.subarray(HEAD_WORDS + GROUPS));
  }

  /** One Translation Request. @returns null when the answer does not allow the access */
  #ask(access: DeviceAccess, need: number, port: AtsPort): Turn | null {
    const request = this.#request;
    const completion = this.#completion;
    request.sid = this.options.sid;
    request.ssv = access.ssv;
    request.ssid = access.ssid;
    request.hi = access.hi;
    request.lo = access.lo;
    request.noWrite = !access.write;
    // Execute and Privileged Mode travel with a PASID only.
    request.execute = access.ssv && access.execute;
    request.privileged = access.ssv && access.privileged;
    port.requestTranslation(request, completion);
    switch (completion.status) {
      case CompletionStatus.UnsupportedRequest:
        return { kind: "denied", why: "Unsupported Request", response: null };
      case CompletionStatus.CompleterAbort:
        return { kind: "denied", why: "Completer Abort", response: null };
      case CompletionStatus.Unknown:
        return { kind: "unknown" };
      default:
    }
    if ((completion.granted & (Grant.Read | Grant.Write)) === 0) return null;
    this.cache.insert(request, completion);
    if ((completion.granted & need) === 0) return null;
    this.cache.find(request.ssv, request.ssid, request.privileged, request.hi, request.lo);
    return this.#found(false);
  }

  #found(hit: boolean): Turn {
    if (this.cache.untranslatedOnly) return { kind: "untranslated" };
    return { kind: "translated", hi: this.cache.outHi, lo: this.cache.outLo, hit };
  }

  /** Ask for the page of an access in a group of its own. @returns the response if one came at once, or why not asked */
  #askPage(access: DeviceAccess, port: AtsPort): PrgResponse | null | Denial {
    if (this.options.pageRequests === 0 || this.responseFailure) return "no permission";
    if (this.#openGroups >= Math.min(this.options.pageRequests, GROUPS)) return "no page request credit";
    while (this.#groups[this.#nextGroup] !== FREE) this.#nextGroup = (this.#nextGroup + 1) % GROUPS;
    const group = this.#nextGroup;
    this.#nextGroup = (group + 1) % GROUPS;
    this.#groups[group] = access.ssv ? OPEN_WITH_PASID : OPEN;
    this.#groupPasid[group] = access.ssv ? access.ssid : 0;
    this.#openGroups++;
    const page = this.#page;
    page.sid = this.options.sid;
    page.ssv = access.ssv;
    page.ssid = access.ssid;
    page.hi = access.hi;
    page.lo = access.lo & ~0xfff;
    page.prgIndex = group;
    page.read = !access.write;
    page.write = access.write;
    page.execute = access.ssv && access.execute;
    page.privileged = access.ssv && access.privileged;
    page.last = true;
    return port.requestPage(page);
  }
}

const HEAD_WORDS = 4;
