/**
 * An Intel VT-d remapping unit (document D51397, revision 4.1) behind the machine's interface: registers and queues,
 * requests, interrupts, fault records.
 */

import { REASONS } from "../../arch/vtd/reasons.ts";
import type { Digest } from "../../base/digest.ts";
import { high, join, low } from "../../base/halves.ts";
import { AddressType, End, Updates } from "../../engine/common/request.ts";
import type { TaggedCache } from "../../engine/common/tagged_cache.ts";
import type { TraceRecorder } from "../../engine/common/trace_recorder.ts";
import { DeviceSet, type DeviceSetImage } from "../../engine/device/device_set.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { CACHE_NAMES } from "../../engine/vtd/caches/options.ts";
import { type CachesImage, VtdCaches } from "../../engine/vtd/caches/vtd_caches.ts";
import { readCapabilities } from "../../engine/vtd/capabilities.ts";
import { linkTo } from "../../engine/vtd/device_link.ts";
import { PcieInterface } from "../../engine/vtd/pcie.ts";
import { type InterfaceImage, ProgrammingInterface } from "../../engine/vtd/programming_interface.ts";
import { Remapper } from "../../engine/vtd/remapper.ts";
import { RemappingState } from "../../engine/vtd/remapping_state.ts";
import { Translation } from "../../engine/vtd/translation.ts";
import type { Access, MachineDescription } from "../../protocol/machine.ts";
import { Consumer } from "../consumer.ts";
import { Inspection } from "../inspect/inspection.ts";
import { reachOf } from "../inspect/walk_answer.ts";
import { Pcie } from "../pcie.ts";
import { begun, carryOn, type Passage } from "../transfer.ts";
import type { Reach, RegisterPlace, Transfer, TransferResult, Unit } from "../unit.ts";
import { VTD_INSPECTION } from "./inspect/vtd_inspection.ts";
import { cacheOptions, identityOf, unitOptions } from "./options.ts";

/** Registers that say what the unit is, rather than what it does now. */
const IDENTITY = ["VER", "CAP", "ECAP", "VCCAP", "ECCAP"] as const;

/** A saved state. */
interface VtdUnitImage {
  readonly control: InterfaceImage;
  readonly devices: DeviceSetImage;
  /** What the caches hold: going back brings back stale entries, too. */
  readonly caches: CachesImage | null;
}

export class VtdUnit implements Unit {
  readonly arch = "vtd";
  readonly memory: PhysicalMemory;
  readonly remapper: Remapper;
  readonly control: ProgrammingInterface;
  readonly pcie: Pcie;
  readonly inspect: Inspection<VtdUnit>;
  readonly consumer: Consumer | null;
  readonly #t = new Translation();

  constructor(description: MachineDescription, memory: PhysicalMemory) {
    this.memory = memory;
    const identity = identityOf(description);
    const state = new RemappingState();
    const devices = new DeviceSet();
    const chosen = cacheOptions(description);
    const caches = chosen === null ? null : new VtdCaches(chosen);
    this.control = new ProgrammingInterface(identity, memory, state, {
      devices: linkTo(devices),
      ...(caches === null ? {} : { caches, interruptCache: caches }),
    });
    state.protects = (hi, lo) => this.control.protectedMemory.covers(hi, lo);
    const { cap, ecap } = identity;
    const caps = readCapabilities(cap.hi, cap.lo, ecap.hi, ecap.lo, unitOptions(description));
    this.remapper = new Remapper(memory, state, caps, caches);
    const port = new PcieInterface(this.remapper, this.control.pages, (t) => {
      this.control.fault(t);
    });
    this.pcie = new Pcie({
      devices,
      port,
      page: (request) => {
        const answer = port.page(request);
        if (answer.queued || !("unknownHi" in answer)) return answer;
        return { queued: false, response: null, unknown: join(answer.unknownHi, answer.unknownLo) };
      },
      unknownAt: () => join(port.t.fetchHi, port.t.fetchLo),
      transfer: (transfer) => this.transfer(transfer),
      translated: (transfer) => this.#carry(transfer, AddressType.Translated),
    });
    for (const { sid, ats } of description.devices) if (ats !== undefined) this.pcie.add({ sid, ...ats });
    const { registers } = description;
    for (const [name, v] of Object.entries(registers)) this.#load(name, v);
    this.inspect = new Inspection<VtdUnit>(this, VTD_INSPECTION);
    const { queue } = this.control;
    this.consumer = queue === null ? null : new Consumer("IQ", queue, () => queue.run());
  }

  register(name: string): RegisterPlace | null {
    const [whole, half] = halfOf(name);
    const entry = this.control.registers.entries.find((e) => e.name === whole);
    if (entry === undefined) return null;
    return { offset: entry.offset + 8 * half, width: entry.layout.bits === 32 ? 4 : 8 };
  }

  read(offset: number, width: 4 | 8): bigint {
    this.control.read(offset, width);
    return join(this.control.hi, this.control.lo);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    this.control.write(offset, width, high(value), low(value));
  }

  transfer(transfer: Transfer): TransferResult {
    return this.#carry(transfer, AddressType.Untranslated);
  }

  #carry(transfer: Transfer, addressType: AddressType): TransferResult {
    return carryOn<Translation>(
      begun(transfer),
      this.memory,
      (iova, size) => this.#pass(transfer, iova, size, addressType),
      (_at, t) => {
        const ended = { ok: false, razwi: false } as const;
        return t.end === End.Unknown ? { ...ended, unknown: join(t.fetchHi, t.fetchLo) } : ended;
      },
    );
  }

  reach(access: Access): Reach {
    return reachOf(this.translate(access, null), REASONS);
  }

  /**
   * Translate without any effect on the machine, unless `updates` has accessed and dirty bits set.
   * The answer is overwritten by the next call.
   */
  translate(
    access: Access,
    trace: TraceRecorder | null,
    updates: Updates = Updates.Show,
    addressType: AddressType = AddressType.Untranslated,
  ): Translation {
    const t = this.#t;
    t.updates = updates;
    t.addressType = addressType;
    t.sid = access.sid & 0xffff;
    t.hasPasid = access.ssid !== null;
    t.pasid = (access.ssid ?? 0) & 0xfffff;
    t.iovaHi = high(access.iova) | 0;
    t.iovaLo = low(access.iova) | 0;
    t.write = access.write;
    t.privileged = access.privileged;
    t.instruction = access.instruction;
    t.noSnoop = access.noSnoop ?? false;
    this.remapper.translate(t, trace);
    return t;
  }

  takeRecords(): Uint8Array[] {
    return this.control.faults.takeRecords().map((words) => new Uint8Array(words.buffer));
  }

  get interrupts(): number {
    return this.control.messagesSent;
  }

  get recordCount(): number {
    return this.control.faults.recordCount;
  }

  records(from = 0): readonly Uint32Array[] {
    return this.control.faults.records.slice(from);
  }

  cacheTables(): TaggedCache[] {
    const { caches } = this.remapper;
    return caches === null ? [] : CACHE_NAMES.flatMap((name) => caches.table(name) ?? []);
  }

  snapshot(): VtdUnitImage {
    const { caches } = this.remapper;
    return {
      control: this.control.snapshot(),
      devices: this.pcie.snapshot(),
      caches: caches === null ? null : caches.snapshot(),
    };
  }

  restore(image: VtdUnitImage): void {
    this.control.restore(image.control);
    this.pcie.restore(image.devices);
    if (image.caches !== null) this.remapper.caches?.restore(image.caches);
  }

  digest(into: Digest): void {
    this.control.digest(into);
    this.pcie.digest(into);
    this.remapper.caches?.digest(into);
  }

  /** Put a described value into a register; of a fault recording register a half is a name of its own. */
  #load(name: string, value: bigint): void {
    if ((IDENTITY as readonly string[]).includes(name)) return;
    const [whole, half] = halfOf(name);
    const { registers } = this.control;
    if (!registers.has(whole)) return;
    if (whole === name) this.control.load(name, high(value), low(value));
    else {
      const at = registers.at(whole) + 2 * half;
      registers.words[at] = low(value);
      registers.words[at + 1] = high(value);
    }
  }

  #pass(transfer: Transfer, iova: bigint, size: number, addressType: AddressType): Passage<Translation> {
    const t = this.translate({ ...transfer, iova }, null, Updates.Make, addressType);
    if (t.end === End.Ok) return { pa: join(t.paHi, t.paLo), stop: null };
    if (t.end === End.Fault) this.control.fault(t);
    if (t.end !== End.Interrupt) return { pa: null, stop: t };
    const from = Number(iova - transfer.iova);
    const data = new Uint8Array(4);
    data.set((transfer.data ?? data).subarray(from, from + Math.min(size, 4)));
    const word = new DataView(data.buffer).getUint32(0, true);
    const result = this.control.interrupt(t.sid, t.iovaLo, word);
    if (result.kind === "unknown") t.unknown(result.hi, result.lo);
    else if (result.kind === "blocked") t.fault(result.reason);
    else return { pa: null, stop: null };
    return { pa: null, stop: t };
  }
}

/** The register a name stands for, and which half of its 128 bits where it is such a one: FRCD0_HI is half 1 of FRCD0. */
function halfOf(name: string): [whole: string, half: 0 | 1] {
  const match = /^(FRCD\d+)_(LO|HI)$/.exec(name);
  return match === null ? [name, 0] : [match[1]!, match[2] === "HI" ? 1 : 0];
}
