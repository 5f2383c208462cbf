/**
 * The PCIe side of a unit: devices with ATS and PRI, the messages they send and those that software sends them.
 *
 * The same for every architecture: what the unit makes of a message is behind {@link PcieHost}.
 */
import type { Digest } from "../base/digest.ts";
import { high, join, low } from "../base/halves.ts";
import { AtsDevice, type AtsDeviceOptions, type DeviceAccess, type Turn } from "../engine/device/ats_device.ts";
import {
  type AtsPort,
  CompletionStatus,
  Grant,
  PageRequest,
  type PrgResponse,
  TranslationCompletion,
  TranslationRequest,
} from "../engine/device/ats_port.ts";
import type { DeviceSet, DeviceSetImage } from "../engine/device/device_set.ts";
import type { Access, PageRequestMessage } from "../protocol/machine.ts";
import type { Transfer, TransferResult } from "./unit.ts";

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

/** What becomes of a Page Request. */
export type PageAnswer =
  | { readonly queued: true }
  /**
   * Discarded; `response` is the automatic one, null for none. `unknown`: it depends on memory that the session lacks, at
   * this address.
   */
  | { readonly queued: false; readonly response: PrgResponse | null; readonly unknown?: bigint };

/** What became of an access that a device of this machine made. */
export type DeviceResult =
  | { readonly ok: true; readonly pa: bigint | null; readonly data?: Uint8Array; readonly turn: Turn }
  | { readonly ok: false; readonly turn: Turn };

/** A unit as its PCIe devices meet it. */
export interface PcieHost {
  readonly devices: DeviceSet;
  readonly port: AtsPort;
  /** Take a Page Request, and say what became of it. */
  page(request: PageRequest): PageAnswer;
  /** Address of the memory that the session lacks, after a completion with status Unknown. */
  unknownAt(): bigint;
  /** A transaction that is not marked Translated. */
  transfer(transfer: Transfer): TransferResult;
  /** A transaction that is: its `iova` is an address a completion gave. */
  translated(transfer: Transfer): TransferResult;
}

/** What of it the machine around a unit reaches. */
export interface PcieSide {
  /** A device by its sid. */
  device(sid: number): AtsDevice | undefined;
  request(request: Access): AtsCompletion;
  translated(transfer: Transfer): TransferResult;
  pageRequest(message: PageRequestMessage): PageAnswer;
  access(transfer: Transfer): DeviceResult | null;
  takeResponses(): PrgResponse[];
}

const PAGE = 4096n;

export class Pcie implements PcieSide {
  readonly devices: DeviceSet;
  readonly #host: PcieHost;
  readonly #request = new TranslationRequest();
  readonly #completion = new TranslationCompletion();
  readonly #page = new PageRequest();

  constructor(host: PcieHost) {
    this.#host = host;
    this.devices = host.devices;
  }

  /** Put a device behind the unit; one with the same sid is replaced. */
  add(options: AtsDeviceOptions): AtsDevice {
    const device = new AtsDevice(options);
    this.devices.add(device);
    return device;
  }

  device(sid: number): AtsDevice | undefined {
    return this.devices.get(sid);
  }

  /** Send a Translation Request. */
  request(request: Access): AtsCompletion {
    const c = this.#completion;
    this.#host.port.requestTranslation(fillRequest(this.#request, request), c);
    switch (c.status) {
      case CompletionStatus.UnsupportedRequest:
        return { status: "UR" };
      case CompletionStatus.CompleterAbort:
        return { status: "CA" };
      case CompletionStatus.Unknown:
        return { status: "unknown", at: this.#host.unknownAt() };
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

  /** Send a transaction marked Translated. */
  translated(transfer: Transfer): TransferResult {
    return this.#host.translated(transfer);
  }

  /** Send a Page Request message. */
  pageRequest(message: PageRequestMessage): PageAnswer {
    const { ssid, address, ...rest } = message;
    Object.assign(this.#page, rest, { ssv: ssid !== null, ssid: ssid ?? 0, hi: high(address), lo: low(address) });
    return this.#host.page(this.#page);
  }

  /**
   * Let a device of this machine make an access, page by page: from its cache, by asking for a translation, or by asking
   * for the page. The first part that does not go through ends it.
   * @returns null where there is no such device
   */
  access(transfer: Transfer): DeviceResult | null {
    const device = this.devices.get(transfer.sid);
    if (device === undefined) return null;
    const data = transfer.write ? undefined : new Uint8Array(transfer.length);
    let first: bigint | null | undefined;
    let answered = true;
    for (let done = 0; ; ) {
      const iova = BigInt.asUintN(64, transfer.iova + BigInt(done));
      const length = Math.min(Math.max(transfer.length - done, 1), Number(PAGE - (iova % PAGE)));
      const sent = transfer.data === undefined ? {} : { data: transfer.data.subarray(done, done + length) };
      const turn = device.access(deviceAccess({ ...transfer, iova }), this.#host.port);
      const result = this.#send({ ...transfer, iova, length, ...sent }, turn);
      if (result === null || !result.ok) return { ok: false, turn };
      if (first === undefined) first = result.pa;
      if (result.data === undefined) answered = false;
      else data?.set(result.data.subarray(0, transfer.length - done), done);
      done += length;
      if (done < transfer.length) continue;
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
  #send(part: Transfer, turn: Turn): TransferResult | null {
    if (turn.kind === "translated") return this.translated({ ...part, iova: join(turn.hi, turn.lo) });
    return turn.kind === "untranslated" ? this.#host.transfer(part) : null;
  }
}

/** A Translation Request as the engine takes it, written into `into`. */
function fillRequest(into: TranslationRequest, request: Access): TranslationRequest {
  return Object.assign(into, {
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

const deviceAccess = (access: Access): DeviceAccess => ({
  ssv: access.ssid !== null,
  ssid: access.ssid ?? 0,
  hi: high(access.iova),
  lo: low(access.iova),
  write: access.write,
  execute: access.instruction,
  privileged: access.privileged,
});
