/**
 * The programming interface of an AMD IOMMU: what a register access sets in motion, and what the IOMMU says on its own:
 * events, page requests, interrupts. 48882 revision 3.10, chapters 2 and 3.
 *
 * Updates are complete when the write returns: commands have been carried out, STATUS says how things are.
 */
import { EVENT_LOG, PPR_LOG } from "../../arch/amdvi/logs.ts";
import { MSI_MMIO, REGISTERS } from "../../arch/amdvi/registers.ts";
import type { Digest } from "../../base/digest.ts";
import { RegisterFile, type RegisterImage } from "../common/register_file.ts";
import type { DeviceSet } from "../device/device_set.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { BufferRegisters } from "./buffer_registers.ts";
import { CommandBuffer } from "./command_buffer.ts";
import { DeviceMessages } from "./commands/device_messages.ts";
import { CommandExecutor } from "./commands/executor.ts";
import { type CacheMaintenance, type CommandOrigin, NO_CACHES, NO_PREFETCH, type Prefetch } from "./commands/origin.ts";
import type { Controls } from "./controls.ts";
import { GuestIommus, type GuestsImage } from "./guests/guest_iommus.ts";
import { Interrupts } from "./interrupts.ts";
import { loadControls } from "./load_controls.ts";
import { LogStatus, RecordLog } from "./record_log.ts";
import { type FeatureWords, featureOf, registerTable } from "./register_table.ts";
import type { Translator } from "./translator.ts";

/** A register's value as two halves, as a session gives it. */
export type InitialRegisters = ReadonlyMap<string, { readonly hi: number; readonly lo: number }>;

/** What stands around the registers; each part may be absent. */
export interface Surroundings {
  readonly caches?: CacheMaintenance;
  readonly devices?: DeviceSet;
  readonly prefetch?: Prefetch;
  /** Devices whose next page faults are not logged (DTE.SE) until their entry is invalidated. */
  readonly faulted?: Set<number>;
  /** Reads the memory of guests that have a virtualized IOMMU; without it there are none. */
  readonly translator?: Translator;
  /** Told of every event record that reached the event log: its words, from index `from` on. */
  readonly posted?: (record: ArrayLike<number>, from: number) => void;
}

/** A saved state, besides memory and devices. */
export interface InterfaceImage {
  readonly registers: RegisterImage;
  readonly raised: Uint32Array;
  readonly waiting: boolean;
  readonly guests: GuestsImage;
}

/** Commands that the host may use: all that there are. */
const ALL_OPCODES = 0xffff;

export class ProgrammingInterface {
  readonly registers: RegisterFile;
  readonly interrupts: Interrupts;
  readonly eventLog: RecordLog;
  readonly pprLog: RecordLog;
  /** Virtualized IOMMUs, where EFR.vIommuSup offers them. */
  readonly guests: GuestIommus | null;
  /** The value that {@link read} read. */
  hi = 0;
  lo = 0;
  readonly #memory: PhysicalMemory;
  readonly #controls: Controls;
  readonly #posted: NonNullable<Surroundings["posted"]>;
  readonly #caches: CacheMaintenance;
  readonly #messages: DeviceMessages;
  readonly commands: CommandBuffer;
  readonly #buffer: BufferRegisters;
  readonly #origin: CommandOrigin;
  /** CONTROL says that commands are processed; always as the registers have it between writes. */
  #commandsEnabled = false;

  /** @param initial registers that the session gives: features, identification, a captured state */
  constructor(
    memory: PhysicalMemory,
    controls: Controls,
    initial: InitialRegisters,
    {
      caches = NO_CACHES,
      devices,
      prefetch = NO_PREFETCH,
      faulted = new Set(),
      posted = () => {},
      translator,
    }: Surroundings = {},
  ) {
    const features = featuresOf(initial);
    this.#posted = posted;
    this.#caches = caches;
    this.#memory = memory;
    this.#controls = controls;
    this.registers = new RegisterFile(registerTable(features));
    const { registers } = this;
    this.interrupts = new Interrupts(registers, memory);
    this.eventLog = new RecordLog(registers, memory, this.interrupts, EVENT_LOG);
    this.pprLog = new RecordLog(registers, memory, this.interrupts, PPR_LOG);
    this.#messages = new DeviceMessages(registers, devices ?? null);
    const executor = new CommandExecutor(features, {
      caches: forgetting(caches, faulted),
      prefetch,
      devices: this.#messages,
      guests: { resetGuest: (...guest) => this.guests?.resetGuest(...guest) },
    });
    const guests = translator !== undefined && featureOf(features, "vIommuSup") !== 0;
    this.guests = guests
      ? new GuestIommus(registers, memory, translator, executor, (record) => this.#hostEvent(record, 0))
      : null;
    this.commands = new CommandBuffer(memory, executor);
    this.#buffer = new BufferRegisters(registers);
    this.#origin = this.#hostOrigin();
    this.#hook();
    for (const [name, { hi, lo }] of initial) if (registers.has(name)) registers.load(name, hi, lo);
    this.#settle();
  }

  /** Read 4 or 8 bytes at an offset (see arch/amdvi/registers.ts), into {@link hi} and {@link lo}. */
  read(offset: number, bytes: number): void {
    const file = this.guests !== null && GuestIommus.has(offset) ? this.guests : this.registers;
    file.read(this.#aliased(offset), bytes);
    this.hi = file.hi;
    this.lo = file.lo;
  }

  /** Write 4 or 8 bytes at an offset. */
  write(offset: number, bytes: number, hi: number, lo: number): void {
    const file = this.guests !== null && GuestIommus.has(offset) ? this.guests : this.registers;
    file.write(this.#aliased(offset), bytes, hi, lo);
  }

  /** Log an event, the host's or a guest's. @param record words, from index `from` on */
  event(record: ArrayLike<number>, from = 0): void {
    if (this.guests?.takeEvent(record, from) !== true) this.#hostEvent(record, from);
  }

  /** Log a page request, with the host or the guest that its device belongs to. @param record four words */
  pageRequest(record: ArrayLike<number>): LogStatus {
    return this.guests?.takePage(record) ?? this.pprLog.write(record);
  }

  #hostEvent(record: ArrayLike<number>, from: number): void {
    if (this.eventLog.write(record, from) === LogStatus.Written) this.#posted(record, from);
  }

  snapshot(): InterfaceImage {
    return {
      registers: this.registers.snapshot(),
      raised: this.interrupts.raised.slice(),
      waiting: this.#messages.waiting,
      guests: this.guests?.snapshot() ?? [],
    };
  }

  restore(image: InterfaceImage): void {
    this.registers.restore(image.registers);
    this.interrupts.raised.set(image.raised);
    this.#messages.waiting = image.waiting;
    this.guests?.restore(image.guests);
    this.#settle();
  }

  digest(into: Digest): void {
    this.registers.digest(into);
    into.words(this.interrupts.raised).word(this.#messages.waiting ? 1 : 0);
    this.guests?.digest(into);
  }

  /** Derive what follows from the registers, without any effect of its own: at the start, after a restore. */
  #settle(): void {
    loadControls(this.registers, this.#controls);
    this.#commandsEnabled = this.#wantsCommands;
    this.interrupts.settle();
  }

  get #wantsCommands(): boolean {
    const { registers } = this;
    return registers.get("CONTROL", "IommuEn") !== 0 && registers.get("CONTROL", "CmdBufEn") !== 0;
  }

  #hook(): void {
    const { registers } = this;
    const derive = (): void => this.#derive();
    for (const { name, layout } of REGISTERS) {
      if (!/^(DEVTAB|EXCL)_/.test(name)) continue;
      for (let word = 0; word < layout.bits / 32; word++) registers.onWrite(name, word, derive);
    }
    registers.onWrite("CONTROL", 0, () => this.#control());
    registers.onWrite("CONTROL", 1, () => this.#control());
    for (const name of ["STATUS", "PPR_EARLY", "PPR_EARLY_B"]) {
      registers.onWrite(name, 0, () => this.interrupts.update());
    }
    registers.onWrite("CMD_TAIL", 0, () => this.runCommands());
    for (const word of [0, 1]) registers.onWrite("CMD_BASE", word, () => this.#buffer.empty());
  }

  #derive(): void {
    loadControls(this.registers, this.#controls);
    this.#caches.controls();
  }

  #control(): void {
    this.#derive();
    this.eventLog.control();
    this.pprLog.control();
    const wanted = this.#wantsCommands;
    if (wanted !== this.#commandsEnabled) {
      this.#commandsEnabled = wanted;
      this.#buffer.running = wanted;
      this.#messages.waiting = false;
    }
    this.interrupts.update();
    this.runCommands();
    this.guests?.update();
  }

  /** Carry out commands of the buffer that wait. */
  runCommands(): void {
    this.commands.run(this.#buffer, this.#origin, (record) => this.event(record));
  }

  #hostOrigin(): CommandOrigin {
    const comWaitInt = this.registers.bit("STATUS", "ComWaitInt").mask;
    return {
      permitted: ALL_OPCODES,
      forgetAll: (caches) => caches.all(),
      device: (id) => id,
      domain: (id) => id,
      store: (hi, lo, dataHi, dataLo) => this.#memory.write64(hi, lo, dataHi, dataLo),
      completed: () => this.interrupts.set(comWaitInt),
    };
  }

  /** The MSI capability may be visible among the MMIO registers too. */
  #aliased(offset: number): number {
    if (offset < MSI_MMIO.from || offset >= MSI_MMIO.to) return offset;
    return this.registers.get("EFR", "MsiCapMmioSup") === 0 ? offset : offset - MSI_MMIO.from + MSI_MMIO.config;
  }
}

/** Invalidations reach the caches, and end the silence about a device's page faults (48882 §2.2.2.1, SE). */
function forgetting(caches: CacheMaintenance, faulted: Set<number>): CacheMaintenance {
  return {
    deviceTableEntry: (deviceId) => {
      faulted.delete(deviceId);
      caches.deviceTableEntry(deviceId);
    },
    pages: (...range) => caches.pages(...range),
    interruptTable: (deviceId) => caches.interruptTable(deviceId),
    all: () => {
      faulted.clear();
      caches.all();
    },
    controls: () => caches.controls(),
  };
}

function featuresOf(initial: InitialRegisters): FeatureWords {
  const words = (name: string): readonly number[] => {
    const value = initial.get(name);
    return value === undefined ? [0, 0] : [value.lo, value.hi];
  };
  return { efr: words("EFR"), efr2: words("EFR2"), capability: words("PCICAP_HEADER") };
}
