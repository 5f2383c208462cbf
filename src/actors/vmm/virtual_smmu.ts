/**
 * The SMMUv3 that a virtual machine sees: registers that the VMM answers, a Command queue that it works off, an Event
 * queue that it fills. What devices are to do is handed to whoever stands behind it. IHI 0070 §6.3, §3.5, §4, §7.
 *
 * Every register access leaves the guest. Commands are handed on in batches, up to each CMD_SYNC.
 */

import { commandByOpcode } from "../../arch/smmuv3/commands.ts";
import { REGISTERS } from "../../arch/smmuv3/registers.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import { high, low } from "../../base/halves.ts";
import type { Journal } from "../journal.ts";
import type { KernelMemory, RegisterPages } from "../platform.ts";
import { readWords } from "./guest_words.ts";

/** What stands behind a virtual SMMU. */
export interface SmmuBackend {
  /** The guest's stream has this STE now: its eight 64-bit words as halves; null where the Stream table has none. */
  install(sid: number, ste: Uint32Array | null): void;
  /** SMMUEN is 0: `pass` says what GBPA makes of requests. */
  disabled(sid: number, pass: boolean): void;
  /** Commands for the physical SMMU, 16 bytes each, in order. */
  invalidate(commands: readonly Uint32Array[]): void;
}

const ENTRY = 16;
const EVENT_BYTES = 32;
const STE_BYTES = STE.bits / 8;
const STE_WORDS = STE.bits / 32;
const PAGE = 0x10000;
/** Most commands that one write of PROD sets in motion: a queue's worth. */
const MOST = 1 << 19;

const CERROR_ILL = 1;
const CMDQ_ERR = 1;

/** Commands that change what a stream is configured as, and those that the physical SMMU has to know. */
const CFGI_STE = 0x03;
const CFGI_STE_RANGE = 0x04;
const CFGI_CD = 0x05;
const CFGI_CD_ALL = 0x06;
const ATC_INV = 0x40;
const SYNC = 0x46;
const TLBI_FIRST = 0x10;
const TLBI_LAST = 0x30;

const offsetOf = (name: string): number => REGISTERS.find((r) => r.name === `SMMU_${name}`)!.offset;
const at = {
  CR0: offsetOf("CR0"),
  CR0ACK: offsetOf("CR0ACK"),
  GBPA: offsetOf("GBPA"),
  IRQ_CTRL: offsetOf("IRQ_CTRL"),
  IRQ_CTRLACK: offsetOf("IRQ_CTRLACK"),
  GERROR: offsetOf("GERROR"),
  GERRORN: offsetOf("GERRORN"),
  STRTAB_BASE: offsetOf("STRTAB_BASE"),
  STRTAB_BASE_CFG: offsetOf("STRTAB_BASE_CFG"),
  CMDQ_BASE: offsetOf("CMDQ_BASE"),
  CMDQ_PROD: offsetOf("CMDQ_PROD"),
  CMDQ_CONS: offsetOf("CMDQ_CONS"),
  EVENTQ_BASE: offsetOf("EVENTQ_BASE"),
  EVENTQ_PROD: offsetOf("EVENTQ_PROD"),
  EVENTQ_CONS: offsetOf("EVENTQ_CONS"),
} as const;
const SMMUEN = 1;
const EVENTQEN = 4;
const CMDQEN = 8;
const GBPA_UPDATE = 1 << 31;
const GBPA_ABORT = 1 << 20;

const READ_ONLY = new Set(REGISTERS.filter((r) => r.access === "RO").map((r) => r.offset));

/** Saved state. */
export interface VirtualSmmuImage {
  readonly words: Uint32Array;
}

export class VirtualSmmu implements RegisterPages {
  readonly #words = new Uint32Array((2 * PAGE) / 4);
  readonly #memory: KernelMemory;
  readonly #journal: Journal;
  readonly #backend: SmmuBackend;
  readonly #sids: readonly number[];

  /**
   * @param identification values of identification registers by name, without `SMMU_`
   * @param sids StreamIDs of the virtual machine's devices
   */
  constructor(
    identification: Readonly<Record<string, number>>,
    sids: readonly number[],
    memory: KernelMemory,
    backend: SmmuBackend,
    journal: Journal,
  ) {
    for (const [name, value] of Object.entries(identification)) this.#words[offsetOf(name) >>> 2] = value;
    this.#sids = sids;
    this.#memory = memory;
    this.#backend = backend;
    this.#journal = journal;
  }

  read(offset: number, width: 4 | 8): bigint {
    return this.#journal.during("VMM", "trapped read", "SMMU register", () => this.#read(offset, width), offset);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    const [hi, lo] = [high(value), low(value)];
    const act = (): void => {
      this.#write(offset, lo);
      if (width === 8) this.#write(offset + 4, hi);
    };
    this.#journal.during("VMM", "trapped write", "SMMU register", act, offset, hi, lo);
  }

  /** Put an event into the guest's Event queue, with the guest's own StreamID in it. @returns false when it was lost */
  event(words: Uint32Array): boolean {
    const w = this.#words;
    if ((w[at.CR0 >>> 2]! & EVENTQEN) === 0) return false;
    const base = this.#base(at.EVENTQ_BASE);
    const prod = w[at.EVENTQ_PROD >>> 2]!;
    const cons = w[at.EVENTQ_CONS >>> 2]!;
    const mask = 2 * base.entries - 1;
    if (((prod ^ cons) & mask) === base.entries) {
      // Full: OVFLG is toggled unless an overflow is active already (§7.4).
      if ((prod ^ cons) >>> 31 === 0) w[at.EVENTQ_PROD >>> 2] = (prod ^ (1 << 31)) >>> 0;
      return false;
    }
    const slot = base.at + EVENT_BYTES * (prod % base.entries);
    for (let i = 0; i < EVENT_BYTES / 4; i += 2) this.#memory.write(slot + 4 * i, words[i + 1]!, words[i]!);
    w[at.EVENTQ_PROD >>> 2] = ((prod & (1 << 31)) | ((prod + 1) & mask)) >>> 0;
    this.#journal.note("VMM", "interrupt", "event for the guest", slot);
    return true;
  }

  snapshot(): VirtualSmmuImage {
    return { words: this.#words.slice() };
  }

  restore({ words }: VirtualSmmuImage): void {
    this.#words.set(words);
  }

  #read(offset: number, width: 4 | 8): bigint {
    const word = (n: number): bigint => BigInt(this.#words[n] ?? 0);
    return width === 4 ? word(offset >>> 2) : (word((offset >>> 2) + 1) << 32n) | word(offset >>> 2);
  }

  #write(offset: number, value: number): void {
    const w = this.#words;
    if (offset >= 2 * PAGE || READ_ONLY.has(offset)) return;
    switch (offset) {
      case at.CR0: {
        const before = w[at.CR0 >>> 2]!;
        w[at.CR0 >>> 2] = w[at.CR0ACK >>> 2] = value;
        if (((before ^ value) & SMMUEN) !== 0) this.#enabledChanged((value & SMMUEN) !== 0);
        this.#consume();
        return;
      }
      case at.GBPA:
        // A write takes effect with Update set, and reads back without it when it is done (§6.3.14).
        if ((value & GBPA_UPDATE) === 0) return;
        w[at.GBPA >>> 2] = value & ~GBPA_UPDATE;
        if ((w[at.CR0 >>> 2]! & SMMUEN) === 0) this.#enabledChanged(false);
        return;
      case at.IRQ_CTRL:
        w[at.IRQ_CTRL >>> 2] = w[at.IRQ_CTRLACK >>> 2] = value;
        return;
      case at.CMDQ_PROD:
      case at.GERRORN:
        w[offset >>> 2] = value;
        this.#consume();
        return;
      default:
        w[offset >>> 2] = value;
    }
  }

  #enabledChanged(on: boolean): void {
    const pass = (this.#words[at.GBPA >>> 2]! & GBPA_ABORT) === 0;
    for (const sid of this.#sids) {
      if (on) this.#backend.install(sid, this.#steOf(sid));
      else this.#backend.disabled(sid, pass);
    }
  }

  #base(offset: number): { readonly at: number; readonly entries: number } {
    const lo = this.#words[offset >>> 2]!;
    const hi = this.#words[(offset >>> 2) + 1]!;
    const log2 = Math.min(lo & 31, 19);
    return { at: (hi & 0xfffff) * 0x1_0000_0000 + ((lo & ~31) >>> 0), entries: 2 ** log2 };
  }

  /** Work off the Command queue (§3.5.2): up to PROD, or to a command that is not legal. */
  #consume(): void {
    const w = this.#words;
    const error = (w[at.GERROR >>> 2]! ^ w[at.GERRORN >>> 2]!) & CMDQ_ERR;
    if ((w[at.CR0 >>> 2]! & CMDQEN) === 0 || error !== 0) return;
    const base = this.#base(at.CMDQ_BASE);
    const mask = 2 * base.entries - 1;
    let batch: Uint32Array[] = [];
    const flush = (): void => {
      if (batch.length > 0) this.#backend.invalidate(batch);
      batch = [];
    };
    let cons = w[at.CMDQ_CONS >>> 2]! & mask;
    for (let left = MOST; left > 0 && cons !== (w[at.CMDQ_PROD >>> 2]! & mask); left--) {
      const words = readWords(this.#memory, base.at + ENTRY * (cons % base.entries), ENTRY / 4);
      const opcode = words[0]! & 0xff;
      const passed = commandByOpcode(opcode) !== undefined && this.#command(opcode, words, batch, flush);
      if (!passed) {
        w[at.CMDQ_CONS >>> 2] = ((CERROR_ILL << 24) | cons) >>> 0;
        w[at.GERROR >>> 2] = w[at.GERROR >>> 2]! ^ CMDQ_ERR;
        break;
      }
      cons = (cons + 1) & mask;
      w[at.CMDQ_CONS >>> 2] = cons;
    }
    flush();
  }

  /** @returns false for a command that a guest may not give */
  #command(opcode: number, words: Uint32Array, batch: Uint32Array[], flush: () => void): boolean {
    switch (opcode) {
      case CFGI_STE:
        flush();
        this.#reinstall((sid) => sid === words[1]);
        return true;
      case CFGI_STE_RANGE: {
        flush();
        const size = 2 ** ((words[2]! & 31) + 1);
        const first = Math.floor(words[1]! / size) * size;
        this.#reinstall((sid) => sid >= first && sid < first + size);
        return true;
      }
      case SYNC:
        flush();
        return ((words[0]! >>> 12) & 3) !== 3;
      case CFGI_CD:
      case CFGI_CD_ALL:
      case ATC_INV:
        if (this.#sids.includes(words[1]!)) batch.push(words);
        return true;
      default:
        if (opcode >= TLBI_FIRST && opcode <= TLBI_LAST) batch.push(words);
        return true;
    }
  }

  #reinstall(concerns: (sid: number) => boolean): void {
    if ((this.#words[at.CR0 >>> 2]! & SMMUEN) === 0) return;
    for (const sid of this.#sids) if (concerns(sid)) this.#backend.install(sid, this.#steOf(sid));
  }

  /** The guest's STE of a stream, read from its memory; null where its Stream table does not reach. */
  #steOf(sid: number): Uint32Array | null {
    const cfg = this.#words[at.STRTAB_BASE_CFG >>> 2]!;
    const log2Size = cfg & 63;
    if (sid >= 2 ** log2Size) return null;
    const base = this.#base(at.STRTAB_BASE);
    const table = Math.floor(base.at / 64) * 64;
    const split = (cfg >>> 6) & 31;
    if (((cfg >>> 16) & 3) === 0) return readWords(this.#memory, table + STE_BYTES * sid, STE_WORDS);
    const l1 = readWords(this.#memory, table + (L1STD.bits / 8) * Math.floor(sid / 2 ** split), L1STD.bits / 32);
    const span = L1STD.f.Span.get(l1, 0);
    const index = sid % 2 ** split;
    if (span === 0 || span > split + 1 || index >= 2 ** (span - 1)) return null;
    const array = L1STD.f.L2Ptr.address(l1, 0);
    return readWords(this.#memory, array + STE_BYTES * index, STE_WORDS);
  }
}
