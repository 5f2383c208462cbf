/**
 * The Non-secure programming interface of an SMMUv3: what a register access sets in motion (IHI 0070 §6), and what the
 * SMMU says on its own: events, global errors, interrupts.
 *
 * Updates are complete when the write returns: CR0ACK and IRQ_CTRLACK follow at once, commands have been consumed.
 */
import type { Digest } from "../../base/digest.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { SmmuCaches } from "./caches/smmu_caches.ts";
import { CommandQueue } from "./command_queue.ts";
import { CommandRing } from "./command_ring.ts";
import { CommandProcessor } from "./commands/processor.ts";
import { EnhancedQueues, type EnhancedQueuesImage } from "./enhanced_queues.ts";
import { EventQueue } from "./event_queue.ts";
import { AddressLookups } from "./gatos.ts";
import { GlobalError, GlobalErrors } from "./global_errors.ts";
import { Interrupts } from "./interrupts.ts";
import {
  type CacheMaintenance,
  type DeviceLink,
  NO_CACHES,
  NO_DEVICES,
  NO_PREFETCH,
  type Prefetch,
} from "./maintenance.ts";
import { CachePrefetch } from "./prefetch.ts";
import { type RegisterFile, registerBit, registerIndex } from "./register_file.ts";
import type { Smmuv3 } from "./smmu.ts";
import { Stalls, type StallsImage } from "./stalls.ts";

const CR0 = registerIndex("SMMU_CR0");
const SMMUEN = registerBit("SMMU_CR0", "SMMUEN").mask;
const CMDQ_PROD = registerIndex("SMMU_CMDQ_PROD");
const GERRORN = registerIndex("SMMU_GERRORN");
const GATOS_CTRL = registerIndex("SMMU_GATOS_CTRL");
const VATOS_CTRL = registerIndex("SMMU_VATOS_CTRL");

const TERMINATE_ONLY = 1;

/** What stands around the registers; each part may be absent. */
export interface Surroundings {
  readonly caches?: CacheMaintenance;
  readonly devices?: DeviceLink;
  readonly prefetch?: Prefetch;
}

/** A saved state, besides registers and memory. */
export interface InterfaceImage {
  readonly stalls: StallsImage;
  readonly enhanced: EnhancedQueuesImage;
  readonly raised: Uint32Array;
}

export class ProgrammingInterface {
  readonly registers: RegisterFile;
  readonly errors: GlobalErrors;
  readonly interrupts: Interrupts;
  readonly events: EventQueue;
  readonly stalls: Stalls;
  /** Carries out commands, also for queues besides the SMMU's own. */
  readonly processor: CommandProcessor;
  readonly commands: CommandQueue;
  readonly enhanced: EnhancedQueues;
  readonly lookups: AddressLookups;
  readonly #own: SmmuCaches | null;
  /** The value that {@link read} read. */
  hi = 0;
  lo = 0;

  constructor(smmu: Smmuv3, memory: PhysicalMemory, { caches, devices, prefetch }: Surroundings = {}) {
    const { registers, caps } = smmu;
    this.#own = smmu.caches;
    this.registers = registers;
    this.errors = new GlobalErrors(registers);
    this.interrupts = new Interrupts(registers, memory, this.errors);
    this.events = new EventQueue(registers, memory, this.errors, this.interrupts);
    const most = registers.field("SMMU_IDR5", "STALL_MAX");
    this.stalls = new Stalls(caps.stallModel === TERMINATE_ONLY ? 0 : Math.max(most, 1));
    this.processor = new CommandProcessor({
      registers,
      caps,
      caches: caches ?? smmu.caches ?? NO_CACHES,
      devices: devices ?? NO_DEVICES,
      prefetch: prefetch ?? (smmu.caches === null ? NO_PREFETCH : new CachePrefetch(smmu)),
      stalls: this.stalls,
      interrupts: this.interrupts,
    });
    const ring = new CommandRing(memory, this.processor);
    this.commands = new CommandQueue(registers, ring, this.errors);
    this.enhanced = new EnhancedQueues(registers, ring, this.errors);
    this.lookups = new AddressLookups(smmu);
  }

  /**
   * Read 4 or 8 bytes at an offset from page 0, into {@link hi} and {@link lo}.
   * CHOICE(illegal-access): other sizes, and offsets that are not a multiple of the size, read as zero (§6.2).
   */
  read(offset: number, bytes: number): void {
    const legal = isLegal(offset, bytes);
    this.lo = legal ? this.#read32(offset) : 0;
    this.hi = legal && bytes === 8 ? this.#read32(offset + 4) : 0;
  }

  /**
   * Write 4 or 8 bytes. Eight bytes are two writes of four, lower half first, also where they span two registers.
   * CHOICE(illegal-access): writes of other sizes, or not aligned to their size, are ignored (§6.2).
   */
  write(offset: number, bytes: number, hi: number, lo: number): void {
    if (!isLegal(offset, bytes)) return;
    this.#write32(offset, lo);
    if (bytes === 8) this.#write32(offset + 4, hi);
  }

  /**
   * Internal consistency is lost: Service Failure Mode. Nothing passes and no queue is touched from now on; what ends it
   * is the implementation's to define, and here nothing does (§12.3).
   */
  fail(): void {
    if (this.errors.outOfService) return;
    this.errors.activate(GlobalError.SFM_ERR);
    this.#own?.config.forgetResolved();
    this.stalls.terminateAll();
  }

  snapshot(): InterfaceImage {
    return {
      stalls: this.stalls.snapshot(),
      enhanced: this.enhanced.snapshot(),
      raised: this.interrupts.raised.slice(),
    };
  }

  restore(image: InterfaceImage): void {
    this.stalls.restore(image.stalls);
    this.enhanced.restore(image.enhanced);
    this.interrupts.raised.set(image.raised);
  }

  /** Take what is neither in registers of pages 0 and 1 nor in memory into a digest. */
  digest(into: Digest): void {
    into.words(this.interrupts.raised);
    this.enhanced.digest(into);
  }

  #read32(offset: number): number {
    return this.enhanced.has(offset) ? this.enhanced.read32(offset) : this.registers.read32(offset);
  }

  #write32(offset: number, value: number): void {
    const { registers } = this;
    if (this.enhanced.has(offset)) {
      this.enhanced.write32(offset, value);
      return;
    }
    const at = registers.wordAt(offset);
    const wasOn = (registers.words[CR0]! & SMMUEN) !== 0;
    if (!registers.writeWord(at, value)) return;
    switch (at) {
      case CR0:
        if (wasOn && (registers.words[CR0]! & SMMUEN) === 0) this.stalls.terminateAll();
        this.commands.run();
        break;
      case CMDQ_PROD:
      case GERRORN:
        this.commands.run();
        break;
      case GATOS_CTRL:
        this.lookups.run("GATOS");
        break;
      case VATOS_CTRL:
        this.lookups.run("VATOS");
        break;
    }
  }
}

const isLegal = (offset: number, bytes: number): boolean =>
  (bytes === 4 || bytes === 8) && offset % bytes === 0 && offset >= 0;
