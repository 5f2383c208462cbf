/**
 * The SMMUv3 that a virtual machine sees: registers that the VMM answers, a Command queue that it works off, an Event
 * queue that it fills. What devices are to do is handed to whoever stands behind it. IHI 0070 §6.3, §3.5, §4, §7.
 *
 * Every register access leaves the guest. Commands are handed on in batches, up to each CMD_SYNC. Registers, global
 * errors and the queue of events are made of the same parts as hardware's.
 */

import { commandOf } from "../../arch/smmuv3/commands.ts";
import { SMMU_GBPA } from "../../arch/smmuv3/control_registers.ts";
import { RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { SMMU_CMDQ_BASE, SMMU_CMDQ_CONS, SMMU_CMDQ_PROD } from "../../arch/smmuv3/queue_registers.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { GlobalError, GlobalErrors } from "../../engine/smmuv3/global_errors.ts";
import { RecordQueue, RecordStatus } from "../../engine/smmuv3/record_queue.ts";
import { RegisterFile, registerBit, registerIndex } from "../../engine/smmuv3/register_file.ts";
import type { KernelMemory, RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import { guestSte } from "./guest_stream_table.ts";
import { consume, type Operand, operandsOf, ringMemory } from "./guest_words.ts";
import type { StalledTransactions } from "./stalled_transactions.ts";
import { type TrappedRegisters, trappedPage } from "./trapped_page.ts";

/** What stands behind a virtual SMMU. */
export interface SmmuBackend {
  /** The guest's stream has this STE now: its eight 64-bit words as halves; null where the Stream table has none. */
  install(sid: number, ste: Uint32Array | null): void;
  /** SMMUEN is 0: `pass` says what GBPA makes of requests. */
  disabled(sid: number, pass: boolean): void;
  /** Commands for the physical SMMU, 16 bytes each, in order. */
  invalidate(commands: readonly Uint32Array[]): void;
  /** The guest answers a transaction that stalled; absent where none does. */
  readonly stalled?: Pick<StalledTransactions, "resume" | "terminate">;
}

const COMMAND_BYTES = 16;
/** CMD_CFGI_STE_RANGE with this Range is CMD_CFGI_ALL (§4.3.6). */
const EVERY_STREAM = 31;
const RESERVED_SIGNAL = 3;
const CERROR_ILL = 1;
const EVENTS = { name: "EVENTQ", words: RESERVED_EVENT.bits / 32, aborted: GlobalError.EVENTQ_ABT_ERR } as const;

/** Commands that the physical SMMU has to know, those of a stream only for streams that there are. */
const OF_STREAM = new Set(["CMD_CFGI_CD", "CMD_CFGI_CD_ALL", "CMD_ATC_INV"]);
const OF_ALL = new Set([
  "CMD_TLBI_NH_ALL",
  "CMD_TLBI_NH_ASID",
  "CMD_TLBI_NH_VA",
  "CMD_TLBI_NH_VAA",
  "CMD_TLBI_NSNH_ALL",
]);
/** Commands that need nothing done. */
const DONE = new Set(["CMD_PREFETCH_CONFIG", "CMD_PREFETCH_ADDR"]);

const AT = {
  CR0: registerIndex("CR0"),
  GBPA: registerIndex("GBPA"),
  GERRORN: registerIndex("GERRORN"),
  BASE: registerIndex("CMDQ_BASE"),
  PROD: registerIndex("CMDQ_PROD"),
  CONS: registerIndex("CMDQ_CONS"),
} as const;
const SMMUEN = registerBit("CR0", "SMMUEN");
const CMDQEN = registerBit("CR0", "CMDQEN");

export class VirtualSmmu implements TrappedRegisters {
  /** The registers as the guest reaches them. */
  readonly pages: RegisterPages;
  hi = 0;
  lo = 0;
  readonly #file = new RegisterFile();
  readonly #errors = new GlobalErrors(this.#file);
  readonly #events: RecordQueue;
  readonly #memory: KernelMemory;
  readonly #journal: Journal;
  readonly #backend: SmmuBackend;
  readonly #sids: readonly number[];
  /** CR0.SMMUEN as devices meet it. */
  #enabled = false;

  /**
   * @param identification values of identification registers by name, without `SMMU_`
   * @param sids StreamIDs of the devices behind it
   * @param what how the journal names its registers
   */
  constructor(
    identification: Readonly<Record<string, number>>,
    sids: readonly number[],
    memory: KernelMemory,
    backend: SmmuBackend,
    journal: Journal,
    what = "SMMU",
  ) {
    for (const [name, value] of Object.entries(identification)) this.#file.load(registerByName(name)!, value, 0);
    this.#events = new RecordQueue(this.#file, ringMemory(memory), this.#errors, EVENTS);
    this.#sids = sids;
    this.#memory = memory;
    this.#backend = backend;
    this.#journal = journal;
    this.pages = trappedPage(what, this, journal);
  }

  read(offset: number, bytes: number): void {
    this.lo = this.#file.read32(offset);
    this.hi = bytes === 8 ? this.#file.read32(offset + 4) : 0;
  }

  write(offset: number, bytes: number, hi: number, lo: number): void {
    this.#write(offset, lo);
    if (bytes === 8) this.#write(offset + 4, hi);
  }

  /** Put an event into the guest's Event queue, with the guest's own StreamID in it. @returns false when it was lost */
  event(words: Uint32Array): boolean {
    if (this.#events.write(words, 0) !== RecordStatus.Written) return false;
    this.#journal.note("VMM", "interrupt", "event for the guest");
    return true;
  }

  /** Events for the guest were lost on their way: its Event queue says so as of one that overflowed (§7.4). */
  lostEvents(): void {
    if (!this.#events.on) return;
    this.#events.overflow();
    this.#journal.note("VMM", "interrupt", "events for the guest were lost");
  }

  #write(offset: number, value: number): void {
    if (!this.#file.write32(offset, value)) return;
    switch (this.#file.wordAt(offset)) {
      case AT.CR0:
        if (this.#is(SMMUEN) !== this.#enabled) this.#switched();
        this.#consume();
        return;
      case AT.GBPA:
        if (!this.#enabled) this.#switched();
        return;
      case AT.PROD:
      case AT.GERRORN:
        this.#consume();
    }
  }

  #is({ at, mask }: { readonly at: number; readonly mask: number }): boolean {
    return (this.#file.words[at]! & mask) !== 0;
  }

  #switched(): void {
    this.#enabled = this.#is(SMMUEN);
    const pass = SMMU_GBPA.f.ABORT.get(this.#file.words, AT.GBPA) === 0;
    for (const sid of this.#sids) {
      if (this.#enabled) this.#install(sid);
      else this.#backend.disabled(sid, pass);
    }
  }

  /** Work off the Command queue (§3.5.2): up to PROD, or to a command that is not legal. */
  #consume(): void {
    const { words } = this.#file;
    if (!this.#is(CMDQEN) || (this.#errors.active & GlobalError.CMDQ_ERR) !== 0) return;
    const entries = 2 ** SMMU_CMDQ_BASE.f.LOG2SIZE.get(words, AT.BASE);
    const base = SMMU_CMDQ_BASE.f.ADDR.address(words, AT.BASE);
    const wrapMask = 2 * entries - 1;
    const cons = SMMU_CMDQ_CONS.f.RD.get(words, AT.CONS);
    const count = (SMMU_CMDQ_PROD.f.WR.get(words, AT.PROD) - cons) & wrapMask;
    // CHOICE(inconsistent-indexes): nothing is consumed while the indexes are inconsistent (§3.5.1 allows it).
    if (count > entries) return;
    const batch: Uint32Array[] = [];
    const flush = (): void => {
      if (batch.length > 0) this.#backend.invalidate(batch.splice(0));
    };
    const ring = { at: base - (base % (COMMAND_BYTES * entries)), entries, recordBytes: COMMAND_BYTES };
    const done = consume(this.#memory, ring, cons, count, (command) => this.#command(command, batch, flush));
    flush();
    SMMU_CMDQ_CONS.f.RD.set(words, AT.CONS, (cons + done) & wrapMask);
    if (done === count) return;
    SMMU_CMDQ_CONS.f.ERR.set(words, AT.CONS, CERROR_ILL);
    this.#errors.activate(GlobalError.CMDQ_ERR);
  }

  /** @returns false for a command that a guest may not give */
  #command(words: Uint32Array, batch: Uint32Array[], flush: () => void): boolean {
    const command = commandOf(words);
    if (command === undefined) return false;
    const { name, layout } = command;
    const operand = operandsOf(layout, words);
    switch (name) {
      case "CMD_CFGI_STE":
      case "CMD_CFGI_STE_RANGE": {
        flush();
        const [first, last] = name === "CMD_CFGI_STE" ? oneStream(operand) : streamRange(operand);
        if (this.#enabled) for (const sid of this.#sids) if (sid >= first && sid <= last) this.#install(sid);
        return true;
      }
      case "CMD_SYNC":
        flush();
        return operand("CS") !== RESERVED_SIGNAL;
      case "CMD_RESUME":
        this.#backend.stalled?.resume(operand("StreamID"), operand("STAG"), operand("Ac") === 1);
        return true;
      case "CMD_STALL_TERM":
        this.#backend.stalled?.terminate(operand("StreamID"));
        return true;
      default:
        if (OF_ALL.has(name) || (OF_STREAM.has(name) && this.#sids.includes(operand("StreamID")))) batch.push(words);
        return OF_ALL.has(name) || OF_STREAM.has(name) || DONE.has(name);
    }
  }

  #install(sid: number): void {
    const ste = guestSte(this.#file.words, this.#memory, sid);
    this.#backend.install(sid, ste);
  }
}

const oneStream = (operand: Operand): [number, number] => [operand("StreamID"), operand("StreamID")];

function streamRange(operand: Operand): [number, number] {
  if (operand("Range") === EVERY_STREAM) return [0, 2 ** 32 - 1];
  const size = 2 ** (operand("Range") + 1);
  const first = Math.floor(operand("StreamID") / size) * size;
  return [first, first + size - 1];
}
