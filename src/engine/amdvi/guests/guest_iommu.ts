/**
 * One guest's virtualized IOMMU: command buffer, event log and page request log in the guest's memory, registers of its
 * own, commands carried out without the host. 48882 revision 3.10, chapter 5; register positions as public Linux patches
 * of the feature use them.
 *
 * Behind the few registers that guest and host reach stands a register file like the IOMMU's own, which the logs and the
 * command buffer work on as they do for the host.
 *
 * UNMODELLED: how interrupts reach the guest (the extended interrupt tables); they are counted. The dirty status of
 * command buffers, second logs of guests, and VIOMMU_STATUS.
 */
import { Opcode } from "../../../arch/amdvi/commands.ts";
import { EVENT_LOG, PPR_LOG } from "../../../arch/amdvi/logs.ts";
import {
  GUEST_DID_MAP_CONTROL0,
  PRIVATE_REGIONS,
  type PrivateRegion,
  VF_CONTROL_REGISTERS,
  VF_REGISTERS,
} from "../../../arch/amdvi/viommu.ts";
import { highHalf, lowHalf } from "../../../base/address.ts";
import type { Digest } from "../../../base/digest.ts";
import { RegisterFile, type RegisterImage } from "../../common/register_file.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import { BufferRegisters } from "../buffer_registers.ts";
import { CommandBuffer } from "../command_buffer.ts";
import type { CommandExecutor } from "../commands/executor.ts";
import type { CacheMaintenance, CommandOrigin } from "../commands/origin.ts";
import { Interrupts } from "../interrupts.ts";
import { LogStatus, RecordLog } from "../record_log.ts";
import { registerTable } from "../register_table.ts";
import type { Translator } from "../translator.ts";
import { DEVICE_IDS, DOMAIN_IDS, IdMap, type PrivateFault } from "./id_maps.ts";
import { ChosenMemory, TranslatedMemory } from "./translated_memory.ts";

/** Where a guest's registers stand in a register file like the host's. */
const POINTERS = 0x2000;
/** EFR of the register file behind a guest's registers: page requests, and nothing that comes twice. */
const FEATURES = { efr: [2, 0], efr2: [0, 0], capability: [0, 0] } as const;

/** Commands that a guest may use: those about its devices, domains and page requests. */
const PERMITTED =
  (1 << Opcode.COMPLETION_WAIT) |
  (1 << Opcode.INVALIDATE_DEVTAB_ENTRY) |
  (1 << Opcode.INVALIDATE_IOMMU_PAGES) |
  (1 << Opcode.INVALIDATE_IOTLB_PAGES) |
  (1 << Opcode.INVALIDATE_INTERRUPT_TABLE) |
  (1 << Opcode.PREFETCH_IOMMU_PAGES) |
  (1 << Opcode.COMPLETE_PPR_REQUEST) |
  (1 << Opcode.INVALIDATE_IOMMU_ALL);

/** In place of a PASID: a domain's guest physical addresses, and with them all that is reached through them. */
const WHOLE_DOMAIN = -1;

/** Enables of the guest's CONTROL that its host sets, by the register they are in. */
const ENABLES: readonly (readonly [register: string, field: string])[] = [
  ["GUEST_CMD_CONTROL", "ComWaitIntEn"],
  ["GUEST_EVT_CONTROL", "EventLogEn"],
  ["GUEST_EVT_CONTROL", "EventIntEn"],
  ["GUEST_PPR_CONTROL", "PPRLogEn"],
  ["GUEST_PPR_CONTROL", "PprIntEn"],
  ["GUEST_PPR_CONTROL", "PPREn"],
  ["GUEST_PPR_CONTROL", "PprAutoRspEn"],
  ["GUEST_PPR_CONTROL", "BlkStopMrkEn"],
  ["GUEST_PPR_CONTROL", "PprAutoRspAon"],
];

/** A buffer of the guest: the register that places it, and those behind it. */
interface GuestBuffer {
  readonly control: string;
  readonly base: string;
  readonly length: string;
  /** How much higher the base lies in the register than it is. */
  readonly shift: number;
  readonly region: PrivateRegion;
  /** The pointers that start anew when it moves. */
  readonly names: readonly string[];
}

const BUFFERS: readonly GuestBuffer[] = [
  {
    control: "GUEST_CMD_CONTROL",
    base: "CMD_BASE",
    length: "ComLen",
    shift: 0,
    region: PRIVATE_REGIONS.CommandBuffer,
    names: ["CMD_HEAD", "CMD_TAIL"],
  },
  {
    control: "GUEST_EVT_CONTROL",
    base: "EVT_BASE",
    length: "EventLen",
    shift: 0,
    region: PRIVATE_REGIONS.EventLog,
    names: ["EVT_HEAD", "EVT_TAIL"],
  },
  {
    control: "GUEST_PPR_CONTROL",
    base: "PPR_BASE",
    length: "PPRLogLen",
    shift: 4,
    region: PRIVATE_REGIONS.PprLog,
    names: ["PPR_HEAD", "PPR_TAIL"],
  },
];

/** What a guest's IOMMU stands on. */
export interface GuestSurroundings {
  readonly memory: PhysicalMemory;
  readonly translator: Translator;
  readonly executor: CommandExecutor;
  /** The IOMMU's own registers. */
  readonly host: RegisterFile;
  /** The IOMMU's private address space. */
  readonly private: TranslatedMemory;
  /** Told of private addresses that do not answer. */
  readonly failed: (guestId: number, ...address: Parameters<PrivateFault>) => void;
  /** Most commands that one run of a guest's buffer carries out; 0 holds it. */
  readonly most: (guestId: number) => number;
  /** Told of a record for the guest that found no place in its log. */
  readonly lost: (guestId: number) => void;
}

/** A saved state, besides memory. */
export interface GuestImage {
  readonly registers: RegisterImage;
  readonly control: RegisterImage;
  readonly raised: Uint32Array;
}

export class GuestIommu {
  readonly guestId: number;
  readonly eventLog: RecordLog;
  readonly pprLog: RecordLog;
  readonly interrupts: Interrupts;
  /** What the guest reaches, by the names that the host's registers have; and what its host reaches. */
  readonly registers = new RegisterFile(registerTable(FEATURES));
  readonly control = new RegisterFile(
    VF_CONTROL_REGISTERS.map(({ offset, layout }) => ({ name: layout.name, offset, layout, write: "RW" as const })),
  );
  readonly devices: IdMap;
  readonly domains: IdMap;
  readonly #around: GuestSurroundings;
  readonly #buffer: BufferRegisters;
  readonly #commands: CommandBuffer;
  /** The guest's physical address space. */
  readonly #guestMemory: TranslatedMemory;
  readonly #origin: CommandOrigin;

  constructor(guestId: number, around: GuestSurroundings) {
    this.guestId = guestId;
    this.#around = around;
    const { memory, translator } = around;
    const failed: PrivateFault = (hi, lo) => around.failed(guestId, hi, lo);
    this.devices = new IdMap(around.private, DEVICE_IDS, guestId, failed);
    this.domains = new IdMap(around.private, DOMAIN_IDS, guestId, failed);
    const transDevId = (): number => this.control.get("GUEST_MISC_CONTROL", "TransDevID");
    this.#guestMemory = new TranslatedMemory(memory, translator, transDevId);
    const buffers = new ChosenMemory(() => (this.#inGuest ? this.#guestMemory : around.private));
    this.interrupts = new Interrupts(this.registers, memory);
    this.eventLog = new RecordLog(this.registers, buffers, this.interrupts, EVENT_LOG);
    this.pprLog = new RecordLog(this.registers, buffers, this.interrupts, PPR_LOG);
    this.#buffer = new BufferRegisters(this.registers);
    this.#commands = new CommandBuffer(buffers, around.executor);
    this.#origin = this.#guestOrigin();
    this.#hook();
  }

  /** Offset in {@link registers} of what stands at an offset in the guest's VF page; -1 where nothing does. */
  static vfOffset(offset: number): number {
    return VF_REGISTERS.some((r) => (offset & ~7) === r.offset) ? POINTERS + offset : -1;
  }

  /** Bring logs and command buffer in line with the enables, the host's and those of this guest. */
  update(): void {
    const { registers, control } = this;
    const { host } = this.#around;
    const on = host.get("CONTROL", "IommuEn") !== 0 && host.get("CONTROL", "vIommuEn") !== 0;
    const commands = on && host.get("CONTROL", "vCmdEn") !== 0 && control.get("GUEST_CMD_CONTROL", "CmdBufEn") !== 0;
    const started = commands !== (registers.get("CONTROL", "CmdBufEn") !== 0);
    registers.set("CONTROL", "IommuEn", on ? 1 : 0);
    registers.set("CONTROL", "CmdBufEn", commands ? 1 : 0);
    for (const [from, field] of ENABLES) registers.set("CONTROL", field, control.get(from, field));
    for (const buffer of BUFFERS) this.#place(buffer);
    this.eventLog.control();
    this.pprLog.control();
    if (started) this.#buffer.running = commands;
    this.interrupts.update();
    this.run();
  }

  /** Carry out what waits in the command buffer. */
  run(): void {
    this.#commands.limit = this.#around.most(this.guestId);
    this.#commands.run(this.#buffer, this.#origin, (record) => this.log(this.eventLog, record));
  }

  /** The physical address of a byte of a buffer, by the address that places it; -1 for none. */
  physical(at: number): number {
    const space = this.#inGuest ? this.#guestMemory : this.#around.private;
    return space.physical(highHalf(at), lowHalf(at));
  }

  /** Log an event or a page request for the guest; what finds no room, or no memory, is lost, and the host told. */
  log(log: RecordLog, record: ArrayLike<number>): LogStatus {
    const status = log.write(record);
    if (status === LogStatus.Full || status === LogStatus.Aborted) this.#around.lost(this.guestId);
    return status;
  }

  /** Reset the registers (48882 §2.4.10). CHOICE(reset-vmmio): neither flag means the registers of the logs. */
  reset(all: boolean, commands: boolean): void {
    const { registers, control } = this;
    if (all) {
      registers.reset();
      control.reset();
    } else {
      const names = commands ? ["GUEST_CMD_CONTROL"] : ["GUEST_EVT_CONTROL", "GUEST_PPR_CONTROL"];
      for (const name of names) control.load(name, 0, 0);
      const pointers = commands ? ["CMD_HEAD", "CMD_TAIL"] : ["EVT_HEAD", "EVT_TAIL", "PPR_HEAD", "PPR_TAIL"];
      for (const name of pointers) registers.load(name, 0, 0);
    }
    this.update();
  }

  snapshot(): GuestImage {
    return {
      registers: this.registers.snapshot(),
      control: this.control.snapshot(),
      raised: this.interrupts.raised.slice(),
    };
  }

  restore(image: GuestImage): void {
    this.registers.restore(image.registers);
    this.control.restore(image.control);
    this.interrupts.raised.set(image.raised);
    this.interrupts.settle();
  }

  digest(into: Digest): void {
    this.registers.digest(into);
    this.control.digest(into);
    into.words(this.interrupts.raised);
  }

  /** Bases of the guest's buffers are guest physical addresses; otherwise the buffers have their private places. */
  get #inGuest(): boolean {
    return this.#around.host.get("CONTROL", "GstBufferTRPMode") !== 0;
  }

  /** Place a buffer where the host says it lies; one that moved is empty. */
  #place({ control, base, length, shift, region, names }: GuestBuffer): void {
    const { registers } = this;
    const at = this.control.at(control);
    const word = (i: number): number => this.control.words[at + i]!;
    const entriesLg2 = word(0) & 15;
    const start = this.guestId * region.bytes;
    // The base has its place in the register but for the page request log, where it lies 4 bits higher.
    const lo = this.#inGuest ? ((word(0) >>> shift) | (shift === 0 ? 0 : word(1) << (32 - shift))) & ~0xfff : start | 0;
    const hi = this.#inGuest ? (word(1) >>> shift) & 0xfffff : region.baseHi + highHalf(start);
    const [was, wasLength] = [registers.at(base), registers.get(base, length)];
    if (
      (((registers.words[was]! ^ lo) & ~0xfff) | ((registers.words[was + 1]! ^ hi) & 0xfffff)) === 0 &&
      wasLength === entriesLg2
    ) {
      return;
    }
    registers.load(base, hi | (entriesLg2 << 24), lo);
    for (const name of names) registers.load(name, 0, 0);
  }

  #guestOrigin(): CommandOrigin {
    const comWaitInt = this.registers.bit("STATUS", "ComWaitInt").mask;
    return {
      permitted: PERMITTED,
      device: (id) => this.devices.hostId(id),
      domain: (id) => this.domains.hostId(id),
      forgetAll: (caches) => this.#forgetAll(caches),
      store: (hi, lo, dataHi, dataLo) => this.#guestMemory.write64(hi, lo, dataHi, dataLo),
      completed: () => this.interrupts.set(comWaitInt),
    };
  }

  /**
   * CHOICE(guest-invalidate-all): no public text says how far the command of a guest reaches; here, over what its devices
   * and domains are mapped to.
   */
  #forgetAll(caches: CacheMaintenance): void {
    for (const device of this.devices.hostIds()) {
      caches.deviceTableEntry(device);
      caches.interruptTable(device);
    }
    for (const domain of this.domains.hostIds()) caches.pages(domain, WHOLE_DOMAIN, 0, 0, 64, true);
  }

  #hook(): void {
    const { registers, control } = this;
    for (const name of ["GUEST_CMD_CONTROL", "GUEST_EVT_CONTROL", "GUEST_PPR_CONTROL"]) {
      for (const word of [0, 1]) control.onWrite(name, word, () => this.update());
    }
    const maps = [
      ["GUEST_DID_MAP_CONTROL0", this.devices],
      ["GUEST_DID_MAP_CONTROL1", this.domains],
    ] as const;
    for (const [name, map] of maps) control.onWrite(name, 1, () => this.#map(name, map));
    registers.onWrite("CMD_TAIL", 0, () => this.run());
    registers.onWrite("STATUS", 0, () => this.interrupts.update());
  }

  /** A mapping was written: it goes to the table, and the command is done. */
  #map(name: string, map: IdMap): void {
    const { control } = this;
    const f = GUEST_DID_MAP_CONTROL0.f;
    const at = control.at(name);
    if (f.Valid.get(control.words, at) === 0 || f.Busy.get(control.words, at) === 0) return;
    map.set(f.GuestId.get(control.words, at), f.HostId.get(control.words, at));
    f.Busy.set(control.words, at, 0);
  }
}
