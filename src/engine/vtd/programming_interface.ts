/**
 * The programming interface of a VT-d unit: registers and what writes to them set in motion, and what the unit says on
 * its own: faults, completions, page requests, interrupts (VT-d §11, §7, §6.5, §5.1).
 *
 * Commands are complete when the write returns: GSTS follows GCMD at once, the queue has been read to its tail.
 */
import { FRCD } from "../../arch/vtd/fault_record.ts";
import { REASONS } from "../../arch/vtd/reasons.ts";
import type { Digest } from "../../base/digest.ts";
import type { RegisterFile, RegisterImage } from "../common/register_file.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { FaultLog, type FaultLogImage, RECORD_WORDS } from "./fault_log.ts";
import { type InterruptCache, InterruptRemapping, type InterruptResult } from "./interrupt_remapping.ts";
import { InvalidationQueue } from "./invalidation_queue.ts";
import { type CacheMaintenance, type DeviceLink, NO_CACHES, NO_DEVICES } from "./maintenance.ts";
import { PageRequestQueue } from "./page_request_queue.ts";
import { ProtectedMemory } from "./protected_memory.ts";
import { RegisterInvalidation } from "./register_invalidation.ts";
import { type Identity, makeRegisters, type Offers, readOffers } from "./registers.ts";
import type { RemappingState } from "./remapping_state.ts";
import type { Translation } from "./translation.ts";
import { VirtualCommands } from "./virtual_commands.ts";

/** What stands around the registers; each part may be absent. */
export interface Surroundings {
  readonly caches?: CacheMaintenance;
  readonly interruptCache?: InterruptCache;
  readonly devices?: DeviceLink;
}

/** A saved state, besides memory. */
export interface InterfaceImage {
  readonly registers: RegisterImage;
  readonly faults: FaultLogImage;
  /** What was written to registers and does not show in them. */
  readonly hidden: Uint32Array;
  readonly pasids: readonly number[];
  /** Messages sent: of the invalidation queue, of page requests. */
  readonly sent: readonly [number, number];
  readonly remapping: Pick<RemappingState, "enabled" | "ttm" | "rootHi" | "rootLo">;
  readonly interrupts: LatchedInterrupts;
}

/** What SIRTP took from IRTA. */
interface LatchedInterrupts {
  readonly tableHi: number;
  readonly tableLo: number;
  readonly sizeLg2: number;
  readonly extended: boolean;
}

const NO_TABLE: LatchedInterrupts = { tableHi: 0, tableLo: 0, sizeLg2: 1, extended: false };

/** A command bit of GCMD, and the bit of GSTS that answers it. */
const bit = (n: number): number => 1 << n;
const TE = bit(31);
const SRTP = bit(30);
const QIE = bit(26);
const IRE = bit(25);
const SIRTP = bit(24);
const CFI = bit(23);

export class ProgrammingInterface {
  readonly registers: RegisterFile;
  readonly offers: Offers;
  readonly faults: FaultLog;
  readonly protectedMemory: ProtectedMemory;
  /** Null without queued invalidation. */
  readonly queue: InvalidationQueue | null;
  /** Null without page requests. */
  readonly pages: PageRequestQueue | null;
  readonly #state: RemappingState;
  readonly #caches: CacheMaintenance;
  readonly #byRegister: RegisterInvalidation;
  readonly #virtual: VirtualCommands;
  readonly #remapping: InterruptRemapping;
  #interrupts: LatchedInterrupts = NO_TABLE;
  readonly #record = new Uint32Array(RECORD_WORDS);
  /** The value that {@link read} read. */
  hi = 0;
  lo = 0;

  /** @param state what translation needs of the registers; kept up to date here */
  constructor(identity: Identity, memory: PhysicalMemory, state: RemappingState, around: Surroundings = {}) {
    const registers = makeRegisters(identity);
    const offers = readOffers(identity);
    const caches = around.caches ?? NO_CACHES;
    this.registers = registers;
    this.offers = offers;
    this.#state = state;
    this.#caches = caches;
    this.faults = new FaultLog(registers, memory, offers.nfr);
    this.protectedMemory = new ProtectedMemory(registers);
    const targets = { memory, offers, caches, devices: around.devices ?? NO_DEVICES };
    this.queue = offers.qi ? new InvalidationQueue(registers, targets, this.faults, state) : null;
    this.pages = offers.prs ? new PageRequestQueue(registers, memory) : null;
    this.#byRegister = new RegisterInvalidation(registers, caches, offers);
    this.#virtual = new VirtualCommands(registers, offers.pasidBits);
    this.#remapping = new InterruptRemapping(memory, offers, around.interruptCache ?? null);
    registers.onWrite("GCMD", 0, (written) => this.#command(written));
    this.faults.onErrorCleared = () => this.queue?.run();
  }

  /** Read 4 or 8 bytes at an offset from the unit's first page, into {@link hi} and {@link lo}. */
  read(offset: number, bytes: number): void {
    this.registers.read(offset, bytes);
    this.hi = this.registers.hi;
    this.lo = this.registers.lo;
  }

  /** Write 4 or 8 bytes at an offset from the unit's first page. */
  write(offset: number, bytes: number, hi: number, lo: number): void {
    this.registers.write(offset, bytes, hi, lo);
  }

  /** Record the fault that `t` ended with, if it is one to be recorded. @returns whether a register took it */
  fault(t: Translation): boolean {
    return t.record && this.faults.record(this.encodeFault(t));
  }

  /** The record of the fault that `t` ended with, F clear; overwritten by the next. */
  encodeFault(t: Translation): Uint32Array {
    const record = this.#record.fill(0);
    const { f } = FRCD;
    record[0] = t.iovaLo & ~0xfff;
    record[1] = t.iovaHi;
    f.SID.set(record, 0, t.sid);
    f.FR.set(record, 0, t.code);
    f.AT.set(record, 0, t.addressType);
    const isRead = !t.write && !t.pageRequest;
    f.T1.set(record, 0, isRead ? 1 : 0);
    f.T2.set(record, 0, t.pageRequest ? 1 : 0);
    if (t.hasPasid) {
      f.PP.set(record, 0, 1);
      f.PV.set(record, 0, t.pasid);
      f.PRIV.set(record, 0, t.privileged ? 1 : 0);
      f.EXE.set(record, 0, t.instruction ? 1 : 0);
    }
    return record;
  }

  /**
   * A write of `data` into 0xFEEx_xxxx by a requester. A blocked one is recorded.
   * @param make false for somebody who only looks
   */
  interrupt(requester: number, address: number, data: number, make = true): InterruptResult {
    const { registers } = this;
    const sid = this.offers.asQemu ? 0 : requester;
    const state = {
      ...this.#interrupts,
      enabled: registers.get("GSTS", "IRES") !== 0,
      compatibilityPasses: registers.get("GSTS", "CFIS") !== 0,
    };
    const result = this.#remapping.request(state, sid, address, data, make);
    if (make && result.kind === "blocked" && result.record) {
      const record = this.#record.fill(0);
      // The index stands in the top 16 bits of the fault information (§7.3).
      record[1] = result.index << 16;
      FRCD.f.SID.set(record, 0, sid);
      FRCD.f.FR.set(record, 0, REASONS[result.reason]!.code);
      this.faults.record(record);
    }
    return result;
  }

  /** Where the interrupt remapping table lies that is in use. */
  get interruptTable(): { readonly hi: number; readonly lo: number } {
    return { hi: this.#interrupts.tableHi, lo: this.#interrupts.tableLo };
  }

  /** Put a captured state into a register that commands would have put into force: RTADDR, IRTA and GSTS among them. */
  load(name: string, hi: number, lo: number): void {
    this.registers.load(name, hi, lo);
    if (name === "RTADDR") this.#latchRoot();
    if (name === "IRTA") this.#latchInterrupts();
    if (name === "GSTS") this.#state.enabled = (lo & TE) !== 0;
  }

  snapshot(): InterfaceImage {
    const { enabled, ttm, rootHi, rootLo } = this.#state;
    return {
      registers: this.registers.snapshot(),
      faults: this.faults.snapshot(),
      hidden: this.#byRegister.snapshot(),
      pasids: this.#virtual.snapshot(),
      sent: this.#sent(),
      remapping: { enabled, ttm, rootHi, rootLo },
      interrupts: this.#interrupts,
    };
  }

  restore(image: InterfaceImage): void {
    this.registers.restore(image.registers);
    this.faults.restore(image.faults);
    this.#byRegister.restore(image.hidden);
    this.#virtual.restore(image.pasids);
    if (this.queue !== null) this.queue.event.sent = image.sent[0];
    if (this.pages !== null) this.pages.event.sent = image.sent[1];
    Object.assign(this.#state, image.remapping);
    this.#interrupts = image.interrupts;
  }

  /** Take everything that is not in memory into a digest. */
  digest(into: Digest): void {
    this.registers.digest(into);
    this.faults.digest(into);
    this.#virtual.digest(into);
    const { ttm, rootHi, rootLo } = this.#state;
    const { tableHi, tableLo, sizeLg2, extended } = this.#interrupts;
    into
      .word(ttm)
      .word(rootHi)
      .word(rootLo)
      .word(this.queue?.event.sent ?? 0);
    into
      .word(tableHi)
      .word(tableLo)
      .word(sizeLg2)
      .word(extended ? 1 : 0);
    into.words(this.#byRegister.snapshot());
  }

  /**
   * GCMD was written: one-time commands that are set are carried out, lasting ones that differ from GSTS are switched.
   * CHOICE(several-commands): of several commands in one write pointers are set first, then what uses them is switched.
   */
  #command(written: number): void {
    const { offers } = this;
    const status = this.registers.words[this.registers.at("GSTS")]!;
    const switched = (command: number): boolean => ((written ^ status) & command) !== 0;
    const on = (command: number): boolean => (written & command) !== 0;
    if (on(SRTP)) {
      const { ttm } = this.#state;
      this.#latchRoot();
      this.#setStatus("RTPS", true);
      // CHOICE(table-mode): what was cached in one table mode is of no use in another.
      if (offers.esrtps || ttm !== this.#state.ttm) this.#dropTranslations();
    }
    if (on(SIRTP) && (offers.ir || offers.asQemu)) {
      this.#latchInterrupts();
      this.#setStatus("IRTPS", true);
      if (offers.esirtps) this.#caches.interruptsAll();
    }
    if (switched(QIE)) this.queue?.enable(on(QIE));
    if (switched(IRE) && offers.ir) this.#setStatus("IRES", on(IRE));
    if (switched(CFI) && offers.ir && !offers.asQemu) this.#setStatus("CFIS", on(CFI));
    if (switched(TE) && offers.translates) {
      this.#setStatus("TES", on(TE));
      this.#state.enabled = on(TE);
    }
  }

  #setStatus(field: "RTPS" | "IRTPS" | "IRES" | "CFIS" | "TES", on: boolean): void {
    this.registers.set("GSTS", field, on ? 1 : 0);
  }

  #latchRoot(): void {
    const { words } = this.registers;
    const at = this.registers.at("RTADDR");
    this.#state.ttm = this.registers.get("RTADDR", "TTM");
    this.#state.rootHi = words[at + 1]! | 0;
    this.#state.rootLo = words[at]! & ~0xfff;
  }

  #latchInterrupts(): void {
    if (!this.registers.has("IRTA")) return;
    const at = this.registers.at("IRTA");
    this.#interrupts = {
      tableHi: this.registers.words[at + 1]!,
      tableLo: this.registers.words[at]! & ~0xfff,
      sizeLg2: this.registers.get("IRTA", "S") + 1,
      extended: this.registers.get("IRTA", "EIME") !== 0,
    };
  }

  /** Messages sent so far: of faults, of the invalidation queue, of page requests. */
  get messagesSent(): number {
    return this.faults.event.sent + (this.queue?.event.sent ?? 0) + (this.pages?.event.sent ?? 0);
  }

  #sent(): [number, number] {
    return [this.queue?.event.sent ?? 0, this.pages?.event.sent ?? 0];
  }

  #dropTranslations(): void {
    this.#caches.contextAll();
    this.#caches.pasidAll();
    this.#caches.iotlbAll();
  }
}
