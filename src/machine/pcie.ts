/**
 * The PCIe side of a machine: devices with ATS and PRI, the messages they send and those that software sends them.
 *
 * 64-bit values are bigint on this side and halves on the engine's.
 */
import type { Digest } from "../base/digest.ts";
import type { TraceRecorder } from "../engine/common/trace_recorder.ts";
import { AtsDevice, type AtsDeviceOptions, type DeviceAccess, type Turn } from "../engine/device/ats_device.ts";
import {
  CompletionStatus,
  Grant,
  PageRequest,
  type PrgResponse,
  TranslationCompletion,
  TranslationRequest,
} from "../engine/device/ats_port.ts";
import type { DeviceSet, DeviceSetImage } from "../engine/device/device_set.ts";
import { encodePageHint, type PageHint } from "../engine/smmuv3/page_hint.ts";
import type { PageAnswer } from "../engine/smmuv3/page_requests.ts";
import { PcieInterface } from "../engine/smmuv3/pcie.ts";
import { Translation, Updates } from "../engine/smmuv3/translation.ts";
import type { Access } from "../protocol/machine.ts";
import { type Dma, type DmaResult, type TransactionHost, Transactions } from "./transactions.ts";

/** A Translation Request; `write` is !NW, `instruction` Exe and `privileged` Priv. */
export type AtsRequest = Access;

/** A Translation Completion; `granted` false is an answer without read and write permission. */
export type AtsCompletion =
  | { readonly status: "UR" | "CA" }
  /** It depends on memory the session lacks, at this address. */
  | { readonly status: "unknown"; readonly at: bigint }
  | {
      readonly status: "success";
      readonly read: boolean;
      readonly write: boolean;
      readonly execute: boolean;
      readonly privileged: boolean;
      readonly noSnoop: boolean;
      readonly untranslatedOnly: boolean;
      /** Translated address of `iova` itself; null where nothing is granted. */
      readonly pa: bigint | null;
      /** log2 of the size of the range that the answer covers. */
      readonly sizeLg2: number;
    };

/** A Page Request message. */
export interface PageRequestMessage {
  readonly sid: number;
  readonly ssid: number | null;
  readonly address: bigint;
  /** Page Request Group Index, 0 to 511. */
  readonly prgIndex: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
  readonly last: boolean;
}

/** What became of an access that a device of this machine made. */
export type DeviceResult =
  | { readonly ok: true; readonly pa: bigint; readonly data?: Uint8Array; readonly turn: Turn }
  | { readonly ok: false; readonly turn: Turn };

/** What the PCIe side needs of its machine. */
export interface PcieHost extends TransactionHost {
  readonly devices: DeviceSet;
  readonly smmu: ConstructorParameters<typeof PcieInterface>[0];
  /** Transactions that are not marked Translated. */
  dma(access: Dma): DmaResult;
  /** Write a record of EVENT_WORDS words to the Event queue. */
  post(encode: (words: Uint32Array, at: number) => void): void;
}

const PAGE = 4096n;

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);
const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

export class Pcie {
  readonly devices: DeviceSet;
  readonly #host: PcieHost;
  readonly #engine: PcieInterface;
  readonly #transactions: Transactions;
  readonly #t = new Translation();
  readonly #request = new TranslationRequest();
  readonly #completion = new TranslationCompletion();
  readonly #page = new PageRequest();

  constructor(host: PcieHost) {
    this.#host = host;
    this.devices = host.devices;
    const { errors, interrupts } = host.control;
    this.#engine = new PcieInterface(host.smmu, host.memory, errors, interrupts, (t) => host.record(t));
    this.#transactions = new Transactions({
      memory: host.memory,
      control: host.control,
      translate: (access, updates) => this.translate(access, null, updates ? Updates.Make : Updates.Show),
      record: (t) => host.record(t),
    });
  }

  /** Put a device behind the SMMU; one with the same StreamID is replaced. */
  add(options: AtsDeviceOptions): AtsDevice {
    const device = new AtsDevice(options);
    this.devices.add(device);
    return device;
  }

  /** Send a Translation Request. */
  request(request: AtsRequest): AtsCompletion {
    const c = this.#completion;
    this.#engine.requestTranslation(this.#fill(request), c);
    switch (c.status) {
      case CompletionStatus.UnsupportedRequest:
        return { status: "UR" };
      case CompletionStatus.CompleterAbort:
        return { status: "CA" };
      case CompletionStatus.Unknown: {
        const { t } = this.#engine.requests;
        return { status: "unknown", at: join(t.fetchHi, t.fetchLo) };
      }
      case CompletionStatus.Success:
        return {
          status: "success",
          read: (c.granted & Grant.Read) !== 0,
          write: (c.granted & Grant.Write) !== 0,
          execute: (c.granted & Grant.Execute) !== 0,
          privileged: c.privileged,
          noSnoop: c.noSnoop,
          untranslatedOnly: c.untranslatedOnly,
          pa: (c.granted & (Grant.Read | Grant.Write)) === 0 ? null : join(c.hi, c.lo),
          sizeLg2: c.sizeLg2,
        };
    }
  }

  /** Show what a Translation Request would meet, without any effect. The answer is overwritten by the next call. */
  explain(request: AtsRequest, trace: TraceRecorder): Translation {
    const { t } = this.#engine.requests;
    t.updates = Updates.Show;
    this.#engine.requests.translate(this.#fill(request), this.#completion, trace);
    return t;
  }

  /** Send a transaction marked Translated: its `iova` is a PA, or an IPA under Split-stage ATS. */
  translated(access: Dma): DmaResult {
    return this.#transactions.start(access);
  }

  /** One translated access, without moving data. The answer is overwritten by the next call. */
  translate(access: Access, trace: TraceRecorder | null, updates: Updates = Updates.Show): Translation {
    const t = this.#t;
    t.updates = updates;
    t.sid = access.sid >>> 0;
    t.ssv = access.ssid !== null;
    t.ssid = access.ssid ?? 0;
    t.iovaHi = high(access.iova) | 0;
    t.iovaLo = low(access.iova) | 0;
    t.write = access.write;
    t.privileged = access.privileged;
    t.instruction = access.instruction;
    this.#engine.translated.translate(t, trace);
    return t;
  }

  /** Send a Page Request message. */
  pageRequest(message: PageRequestMessage): PageAnswer {
    const { ssid, address, ...rest } = message;
    Object.assign(this.#page, rest, { ssv: ssid !== null, ssid: ssid ?? 0, hi: high(address), lo: low(address) });
    return this.#engine.page(this.#page);
  }

  /** Hint that pages will be accessed soon: an E_PAGE_REQUEST event. */
  pageHint(hint: PageHint): void {
    this.#host.post((words, at) => encodePageHint(hint, words, at));
  }

  /**
   * Let a device of this machine make an access, page by page: from its cache, by asking for a translation, or by asking
   * for the page. The first part that does not go through ends it.
   * @returns null where there is no such device
   */
  access(access: Dma): DeviceResult | null {
    const device = this.devices.get(access.sid);
    if (device === undefined) return null;
    const data = access.write ? undefined : new Uint8Array(access.length);
    let first: bigint | null = null;
    let answered = true;
    for (let done = 0; ; ) {
      const iova = BigInt.asUintN(64, access.iova + BigInt(done));
      const length = Math.min(Math.max(access.length - done, 1), Number(PAGE - (iova % PAGE)));
      const sent = access.data === undefined ? {} : { data: access.data.subarray(done, done + length) };
      const turn = device.access(deviceAccess({ ...access, iova }), this.#engine);
      const result = this.#send({ ...access, iova, length, ...sent }, turn);
      if (result === null || !result.ok) return { ok: false, turn };
      first ??= result.pa;
      if (result.data === undefined) answered = false;
      else data?.set(result.data.subarray(0, access.length - done), done);
      done += length;
      if (done < access.length) continue;
      return data !== undefined && answered ? { ok: true, pa: first, data, turn } : { ok: true, pa: first, turn };
    }
  }

  /** PRG Responses that commands caused since the last call, oldest first. */
  takeResponses(): PrgResponse[] {
    return this.devices.takeResponses();
  }

  snapshot(): DeviceSetImage {
    return this.devices.save();
  }

  restore(image: DeviceSetImage): void {
    this.devices.restore(image);
  }

  /** Take the devices into a digest. */
  digest(into: Digest): void {
    const { timedOut, devices } = this.devices.save();
    if (devices.length > 0) into.word(timedOut);
    for (const words of devices) into.words(words);
  }

  /** Send a part of an access as its device decided. @returns null where it is not sent */
  #send(part: Dma, turn: Turn): DmaResult | null {
    if (turn.kind === "translated") return this.translated({ ...part, iova: join(turn.hi, turn.lo) });
    return turn.kind === "untranslated" ? this.#host.dma(part) : null;
  }

  #fill(request: AtsRequest): TranslationRequest {
    return Object.assign(this.#request, {
      sid: request.sid >>> 0,
      ssv: request.ssid !== null,
      ssid: request.ssid ?? 0,
      hi: high(request.iova),
      lo: low(request.iova),
      noWrite: !request.write,
      execute: request.instruction,
      privileged: request.privileged,
    });
  }
}

const deviceAccess = (access: Access): DeviceAccess => ({
  ssv: access.ssid !== null,
  ssid: access.ssid ?? 0,
  hi: high(access.iova),
  lo: low(access.iova),
  write: access.write,
  execute: access.instruction,
  privileged: access.privileged,
});
