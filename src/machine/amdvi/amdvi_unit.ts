/**
 * An AMD IOMMU (48882) behind the machine's interface: registers, command buffer and logs, transactions, interrupts, and
 * devices with ATS and page requests.
 */

import { EVENT_COUNTER_ZERO, EVENT_WORDS } from "../../arch/amdvi/events.ts";
import { REASONS } from "../../arch/amdvi/reasons.ts";
import { registerByName } from "../../arch/amdvi/registers.ts";
import type { Digest } from "../../base/digest.ts";
import { high, join, low } from "../../base/halves.ts";
import { AmdCaches, type CachesImage } from "../../engine/amdvi/caches/amd_caches.ts";
import { CACHE_NAMES } from "../../engine/amdvi/caches/options.ts";
import { CachePrefetch } from "../../engine/amdvi/caches/prefetch.ts";
import { type Capabilities, readCapabilities } from "../../engine/amdvi/capabilities.ts";
import { Controls } from "../../engine/amdvi/controls.ts";
import { DeviceRequests } from "../../engine/amdvi/device_requests.ts";
import { encodeEvent } from "../../engine/amdvi/event_record.ts";
import { Delivery, InterruptMessage, InterruptRemapper } from "../../engine/amdvi/interrupt_remapping.ts";
import {
  type InitialRegisters,
  type InterfaceImage,
  ProgrammingInterface,
} from "../../engine/amdvi/programming_interface.ts";
import { Translation } from "../../engine/amdvi/translation.ts";
import { Translator } from "../../engine/amdvi/translator.ts";
import { AddressType, End, Updates } from "../../engine/common/request.ts";
import type { TaggedCache } from "../../engine/common/tagged_cache.ts";
import type { TraceRecorder } from "../../engine/common/trace_recorder.ts";
import type { PageRequest } from "../../engine/device/ats_port.ts";
import { DeviceSet, type DeviceSetImage } from "../../engine/device/device_set.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { Access, MachineDescription } from "../../protocol/machine.ts";
import { Consumer } from "../consumer.ts";
import { Inspection } from "../inspect/inspection.ts";
import { reachOf } from "../inspect/walk_answer.ts";
import { type PageAnswer, Pcie } from "../pcie.ts";
import { RecordLog } from "../record_log.ts";
import { begun, carryOn, type Passage } from "../transfer.ts";
import type { Reach, RegisterPlace, Transfer, TransferResult, Unit } from "../unit.ts";
import { AMDVI_INSPECTION } from "./inspect/amdvi_inspection.ts";
import { guestOfCommands } from "./inspect/queues.ts";
import { cacheOptions, chosen, initialRegisters } from "./options.ts";

/** A saved state. */
interface AmdviUnitImage {
  readonly control: InterfaceImage;
  readonly devices: DeviceSetImage;
  /** What the caches hold: going back brings back stale entries, too. */
  readonly caches: CachesImage | null;
  readonly faulted: readonly number[];
  readonly records: number;
}

/** Why a part of a transaction does not pass: the address of memory that the session lacks, or it was refused. */
type Stop = bigint | "refused";

export class AmdviUnit implements Unit {
  readonly arch = "amdvi";
  readonly memory: PhysicalMemory;
  readonly translator: Translator;
  /** Registers as software reaches them, and what stands behind them. */
  readonly control: ProgrammingInterface;
  /** ATS and page requests as the IOMMU has them. */
  readonly requests: DeviceRequests;
  readonly pcie: Pcie;
  readonly inspect: Inspection<AmdviUnit>;
  readonly consumer: Consumer;
  readonly onRequest = [EVENT_COUNTER_ZERO.name];
  readonly #interrupts: InterruptRemapper;
  readonly #message = new InterruptMessage();
  readonly #t = new Translation();
  readonly #records = new RecordLog(EVENT_WORDS);
  /** The record being posted. */
  readonly #posted = new Uint32Array(EVENT_WORDS);

  constructor(description: MachineDescription, memory: PhysicalMemory) {
    this.memory = memory;
    const controls = new Controls();
    const initial = initialRegisters(description);
    const options = cacheOptions(description);
    const caches = options === null ? null : new AmdCaches(options);
    const capabilities = capabilitiesOf(initial, chosen(description, "ignoreSkippedBits"));
    this.translator = new Translator(memory, controls, capabilities, caches);
    const devices = new DeviceSet();
    this.control = new ProgrammingInterface(memory, controls, initial, {
      devices,
      faulted: this.translator.faulted,
      translator: this.translator,
      posted: (record, from) => this.#keep(record, from),
      ...(caches === null ? {} : { caches, prefetch: new CachePrefetch(this.translator, caches) }),
    });
    this.#interrupts = new InterruptRemapper(memory, this.translator.devices, this.control, caches);
    this.requests = new DeviceRequests(this.translator, this.control);
    this.pcie = new Pcie({
      devices,
      port: this.requests,
      page: (request) => this.#page(request),
      unknownAt: () => join(this.requests.t.fetchHi, this.requests.t.fetchLo),
      transfer: (transfer) => this.transfer(transfer),
      translated: (transfer) => this.#transfer(transfer, AddressType.Translated),
    });
    for (const { sid, ats } of description.devices) if (ats !== undefined) this.pcie.add({ sid, ...ats });
    this.inspect = new Inspection<AmdviUnit>(this, AMDVI_INSPECTION);
    this.consumer = new Consumer("CMD", this.control.commands, () => this.control.runCommands());
  }

  consumerOf(queue: string): Consumer | null {
    const guestId = guestOfCommands(queue);
    const { guests } = this.control;
    const limit = guestId === null ? null : (guests?.limitOf(guestId) ?? null);
    return guestId === null || limit === null ? null : new Consumer(queue, limit, () => guests?.run(guestId));
  }

  register(name: string): RegisterPlace | null {
    const register = registerByName(name);
    return register === undefined ? null : { offset: register.offset, width: register.widthBytes };
  }

  read(offset: number, width: 4 | 8): bigint {
    this.control.read(offset, width);
    return join(this.control.hi, this.control.lo);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    this.control.write(offset, width, high(value), low(value));
  }

  transfer(transfer: Transfer): TransferResult {
    if (transfer.meets === EVENT_COUNTER_ZERO.name) this.#counterPassesZero();
    return this.#transfer(transfer, AddressType.Untranslated);
  }

  reach(access: Access): Reach {
    return reachOf(this.translate(access, null), REASONS);
  }

  /**
   * Translate without any effect on the machine, unless `updates` has Accessed and Dirty bits set. The answer is
   * overwritten by the next call.
   */
  translate(access: Access, trace: TraceRecorder | null, updates: Updates = Updates.Show): Translation {
    return this.#translate(access, AddressType.Untranslated, trace, updates);
  }

  takeRecords(): Uint8Array[] {
    return this.#records.take();
  }

  get interrupts(): number {
    const { raised } = this.control.interrupts;
    return raised[0]! + raised[1]!;
  }

  get recordCount(): number {
    return this.#records.count;
  }

  records(from = 0): readonly Uint32Array[] {
    return this.#records.all(from);
  }

  cacheTables(): TaggedCache[] {
    const { caches } = this.translator;
    return caches === null ? [] : CACHE_NAMES.flatMap((name) => caches.table(name) ?? []);
  }

  snapshot(): AmdviUnitImage {
    const { caches, faulted } = this.translator;
    return {
      control: this.control.snapshot(),
      devices: this.pcie.snapshot(),
      caches: caches === null ? null : caches.snapshot(),
      faulted: [...faulted],
      records: this.#records.count,
    };
  }

  restore(image: AmdviUnitImage): void {
    const { caches, faulted } = this.translator;
    this.control.restore(image.control);
    this.pcie.restore(image.devices);
    if (image.caches !== null) caches?.restore(image.caches);
    faulted.clear();
    for (const deviceId of image.faulted) faulted.add(deviceId);
    this.#records.restore(image.records);
  }

  digest(into: Digest): void {
    this.control.digest(into);
    this.pcie.digest(into);
    this.translator.caches?.digest(into);
    this.#records.digest(into);
    for (const deviceId of [...this.translator.faulted].sort((a, b) => a - b)) into.word(deviceId);
  }

  #translate(access: Access, type: AddressType, trace: TraceRecorder | null, updates: Updates): Translation {
    const t = this.#t;
    t.updates = updates;
    t.addressType = type;
    t.deviceId = access.sid & 0xffff;
    t.hasPasid = access.ssid !== null;
    t.pasid = access.ssid ?? 0;
    t.iovaHi = high(access.iova) | 0;
    t.iovaLo = low(access.iova) | 0;
    t.write = access.write;
    // Only the PASID prefix says so (PCIe).
    t.privileged = t.hasPasid && access.privileged;
    t.instruction = t.hasPasid && access.instruction;
    t.noSnoop = access.noSnoop ?? false;
    this.translator.translate(t, trace);
    return t;
  }

  #transfer(transfer: Transfer, type: AddressType): TransferResult {
    return carryOn<Stop>(
      begun(transfer),
      this.memory,
      (iova) => this.#pass({ ...transfer, iova }, type),
      (_at, stop) => (stop === "refused" ? { ok: false, razwi: false } : { ok: false, razwi: false, unknown: stop }),
    );
  }

  /** Where one part of a transaction goes; a part that faults leaves its record. */
  #pass(part: Transfer, type: AddressType): Passage<Stop> {
    const t = this.#translate(part, type, null, Updates.Make);
    if (t.end === End.Interrupt) return this.#interrupt(part);
    if (t.end === End.Ok) return { pa: join(t.paHi, t.paLo), stop: null };
    if (t.end === End.Unknown) return { pa: null, stop: join(t.fetchHi, t.fetchLo) };
    if (t.record) {
      encodeEvent(t, this.#posted, 0);
      this.control.event(this.#posted);
    }
    return { pa: null, stop: "refused" };
  }

  /** UNMODELLED: performance counters. One passes zero where a transaction asks for it, and its note is 0 (§2.5.11). */
  #counterPassesZero(): void {
    const record = this.#posted.fill(0);
    EVENT_COUNTER_ZERO.layout.f.EventCode.set(record, 0, EVENT_COUNTER_ZERO.code);
    this.control.event(record);
  }

  /** A write into the interrupt address range: the message goes to interrupt remapping. */
  #interrupt({ sid, iova, data = new Uint8Array() }: Transfer): Passage<Stop> {
    const m = this.#message;
    m.deviceId = sid & 0xffff;
    m.addressHi = high(iova);
    m.addressLo = low(iova);
    m.data = data.slice(0, 4).reduceRight((word, byte) => (word << 8) | byte, 0) >>> 0;
    this.#interrupts.remap(m);
    if (m.delivery === Delivery.Unknown) return { pa: null, stop: iova };
    return m.delivery === Delivery.Blocked ? { pa: null, stop: "refused" } : { pa: null, stop: null };
  }

  #page(request: PageRequest): PageAnswer {
    const answer = this.requests.page(request);
    if (answer.queued || !("unknownHi" in answer)) return answer;
    return { queued: false, response: null, unknown: join(answer.unknownHi, answer.unknownLo) };
  }

  #keep(record: ArrayLike<number>, from: number): void {
    this.#records.push(Uint32Array.from({ length: EVENT_WORDS }, (_, i) => record[from + i]!));
  }
}

function capabilitiesOf(initial: InitialRegisters, ignoresSkippedBits: boolean): Capabilities {
  const [efr, efr2] = ["EFR", "EFR2"].map((name) => initial.get(name) ?? { hi: 0, lo: 0 });
  return { ...readCapabilities(efr!.hi, efr!.lo, efr2!.hi, efr2!.lo), ignoresSkippedBits };
}
