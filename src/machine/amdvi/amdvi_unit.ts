/**
 * An AMD IOMMU (48882) behind the machine's interface: registers, command buffer and logs, transactions.
 */
import { EVENT_WORDS } from "../../arch/amdvi/events.ts";
import { registerByName } from "../../arch/amdvi/registers.ts";
import type { Digest } from "../../base/digest.ts";
import { readCapabilities } from "../../engine/amdvi/capabilities.ts";
import { Controls } from "../../engine/amdvi/controls.ts";
import { encodeEvent } from "../../engine/amdvi/event_record.ts";
import {
  type InitialRegisters,
  type InterfaceImage,
  ProgrammingInterface,
} from "../../engine/amdvi/programming_interface.ts";
import { End, Translation, Updates } from "../../engine/amdvi/translation.ts";
import { Translator } from "../../engine/amdvi/translator.ts";
import type { TraceRecorder } from "../../engine/common/trace_recorder.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { Access, MachineDescription } from "../../protocol/machine.ts";
import { high, join, low } from "../halves.ts";
import { RecordLog } from "../record_log.ts";
import { begun, carryOn, type Passage } from "../transfer.ts";
import type { Reach, RegisterPlace, Transfer, TransferResult, Unit } from "../unit.ts";
import { AmdviInspection } from "./inspect/amdvi_inspection.ts";
import { reachOf } from "./inspect/outcome.ts";

/** A saved state. */
interface AmdviUnitImage {
  readonly control: InterfaceImage;
  readonly faulted: readonly number[];
  readonly records: number;
}

export class AmdviUnit implements Unit {
  readonly arch = "amdvi";
  readonly memory: PhysicalMemory;
  readonly translator: Translator;
  /** Registers as software reaches them, and what stands behind them. */
  readonly control: ProgrammingInterface;
  readonly inspect: AmdviInspection;
  readonly #t = new Translation();
  readonly #records = new RecordLog(EVENT_WORDS);
  /** The record being posted. */
  readonly #posted = new Uint32Array(EVENT_WORDS);

  constructor(description: MachineDescription, memory: PhysicalMemory) {
    this.memory = memory;
    const controls = new Controls();
    const initial: InitialRegisters = new Map(
      Object.entries(description.registers).map(([name, value]) => [name, { hi: high(value), lo: low(value) }]),
    );
    const features = (name: string): [hi: number, lo: number] => {
      const value = description.registers[name] ?? 0n;
      return [high(value), low(value)];
    };
    this.translator = new Translator(memory, controls, readCapabilities(...features("EFR"), ...features("EFR2")));
    this.control = new ProgrammingInterface(memory, controls, initial, {
      faulted: this.translator.faulted,
      posted: (record, from) => this.#keep(record, from),
    });
    this.inspect = new AmdviInspection(this);
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
    return carryOn(
      begun(transfer),
      this.memory,
      (iova) => this.#pass({ ...transfer, iova }),
      (_at, t) =>
        t.end === End.Unknown
          ? { ok: false, razwi: false, unknown: join(t.fetchHi, t.fetchLo) }
          : { ok: false, razwi: false },
    );
  }

  reach(access: Access): Reach {
    return reachOf(this.translate(access, null));
  }

  /**
   * Translate without any effect on the machine, unless `updates` has Accessed and Dirty bits set. The answer is
   * overwritten by the next call.
   */
  translate(access: Access, trace: TraceRecorder | null, updates: Updates = Updates.Show): Translation {
    const t = this.#t;
    t.updates = updates;
    t.deviceId = access.sid & 0xffff;
    t.hasPasid = access.ssid !== null;
    t.pasid = access.ssid ?? 0;
    t.iovaHi = high(access.iova) | 0;
    t.iovaLo = low(access.iova) | 0;
    t.write = access.write;
    // Only the PASID prefix says so (PCIe).
    t.privileged = t.hasPasid && access.privileged;
    t.instruction = t.hasPasid && access.instruction;
    this.translator.translate(t, trace);
    return t;
  }

  takeRecords(): Uint8Array[] {
    return this.#records.take();
  }

  get recordCount(): number {
    return this.#records.count;
  }

  records(): readonly Uint32Array[] {
    return this.#records.all();
  }

  snapshot(): AmdviUnitImage {
    return {
      control: this.control.snapshot(),
      faulted: [...this.translator.faulted],
      records: this.#records.count,
    };
  }

  restore(image: AmdviUnitImage): void {
    this.control.restore(image.control);
    this.translator.faulted.clear();
    for (const deviceId of image.faulted) this.translator.faulted.add(deviceId);
    this.#records.restore(image.records);
  }

  digest(into: Digest): void {
    this.control.digest(into);
    into.words(this.#records.words);
    for (const deviceId of [...this.translator.faulted].sort((a, b) => a - b)) into.word(deviceId);
  }

  /** Where one part of a transaction goes; a part that faults leaves its record. */
  #pass(access: Access): Passage<Translation> {
    const t = this.translate(access, null, Updates.Make);
    if (t.end === End.Interrupt) return { pa: null, stop: null };
    if (t.end === End.Ok) return { pa: join(t.paHi, t.paLo), stop: null };
    if (t.record) {
      encodeEvent(t, this.#posted, 0);
      this.control.event(this.#posted);
    }
    return { pa: null, stop: t };
  }

  #keep(record: ArrayLike<number>, from: number): void {
    this.#records.push(Uint32Array.from({ length: EVENT_WORDS }, (_, i) => record[from + i]!));
  }
}
