/**
 * The Command Queue Virtualization extension of NVIDIA's Tegra241 (Grace): more command queues for one SMMUv3, some of
 * them in the hands of guests (Linux drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c; QEMU hw/arm/tegra241-cmdqv.c).
 *
 * A VCMDQ shows twice: in the pages of all VCMDQs, and as an LVCMDQ in the pages of the VINTF it is mapped to, of which
 * a guest is given the first. BASE of a queue is a physical address: whoever programs it for a guest translates it.
 *
 * UNMODELLED: arbitration between queues (CMDQV_PER_CMD_OFFSET, CMDQ_MAX_*), and the filter registers of a VINTF: each
 * queue is consumed when it is written to.
 */
import {
  CMDQV_AT,
  CMDQV_CMDQ_ALLOC_MAP,
  CMDQV_CONFIG,
  CMDQV_PAGE,
  CMDQV_PARAM,
  CMDQV_STRIDE,
  cmdqvRegisterAt,
  VINTF_AT,
  VINTF_CONFIG,
  VINTF_SID_MATCH,
  VINTF_SID_REPLACE,
  VINTF_STATUS,
} from "../../../arch/smmuv3/cmdqv.ts";
import type { Digest } from "../../../base/digest.ts";
import type { FieldAccess, Layout, Words } from "../../../base/layout.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import { prepareCommand, VINTF_WORDS, vintfWord } from "./guest_commands.ts";
import { type QueueContext, type QueueMemory, VCMDQ_WORDS, Vcmdq } from "./vcmdq.ts";

/** Size of an extension: log2 of how many there are of each. */
export interface CmdqvSize {
  /** VCMDQs, at most 7. */
  readonly vcmdqsLg2: number;
  /** VINTFs, at most 6, and no more than VCMDQs. */
  readonly vintfsLg2: number;
  /** StreamIDs that a VINTF replaces, at most 4. */
  readonly sidsLg2: number;
}

/** The extension as Grace has it. */
export const GRACE: CmdqvSize = { vcmdqsLg2: 7, vintfsLg2: 6, sidsLg2: 4 };

/** What stands around the extension. */
export interface CmdqvSurroundings {
  readonly memory: PhysicalMemory;
  /** Carries out a command as the SMMU's own queue would. */
  execute(command: Words, at: number): number;
  /** IDR1.CMDQS: log2 of the largest queue, in entries. */
  readonly largestLg2: number;
  /** Where the queue memory of a VINTF that a guest owns lies; absent or null: at physical addresses. */
  readonly queueMemory?: (vintf: number) => QueueMemory | null;
}

/** A saved state; never changed once made. */
export interface CmdqvImage {
  readonly config: number;
  readonly masks: Uint32Array;
  readonly map: Uint32Array;
  readonly vintfs: Uint32Array;
  readonly queues: Uint32Array;
  readonly raised: number;
}

const VERSION = 1;
/** CMDQV_CONFIG after reset, and after the firmware has been there. */
const RESET_CONFIG = 1;

/** Bits of a register that are described. */
function described(l: Layout): number {
  const words = new Uint32Array(1);
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  for (const { name, form } of l.fields) if (form !== "reserved") access[name]!.set(words, 0, 0xffffffff);
  return words[0]!;
}

const CONFIG_MASK = described(CMDQV_CONFIG);
const MAP_MASK = described(CMDQV_CMDQ_ALLOC_MAP);
const VINTF_CONFIG_MASK = described(VINTF_CONFIG);
const MATCH_MASK = described(VINTF_SID_MATCH);
const REPLACE_MASK = described(VINTF_SID_REPLACE);

const CONFIG_WORD = vintfWord(VINTF_AT.CONFIG);
const STATUS_WORD = vintfWord(VINTF_AT.STATUS);
const MATCH_WORD = vintfWord(VINTF_AT.SID_MATCH);
const REPLACE_WORD = vintfWord(VINTF_AT.SID_REPLACE);
const ERR_MAP_WORD = vintfWord(VINTF_AT.LVCMDQ_ERR_MAP);
const MAX_SIDS = 16;

const wordIn = (offset: number, first: number): number => (offset - first) >>> 2;

export class Cmdqv {
  /** Interrupts raised so far: one for each error that became active in a VINTF that is not masked. */
  raised = 0;
  /** The value that {@link read} read. */
  hi = 0;
  lo = 0;
  readonly #size: CmdqvSize;
  readonly #around: CmdqvSurroundings;
  readonly #queues: readonly Vcmdq[];
  readonly #sids: number;
  #config = RESET_CONFIG;
  readonly #masks = new Uint32Array(2);
  readonly #map: Uint32Array;
  /** Registers of the VINTFs, VINTF_WORDS each. */
  readonly #vintfs: Uint32Array;

  /** @param asked sizes beyond what the registers have room for are cut to that */
  constructor(asked: CmdqvSize, around: CmdqvSurroundings) {
    const size = withinLimits(asked);
    this.#size = size;
    this.#around = around;
    this.#queues = Array.from({ length: 2 ** size.vcmdqsLg2 }, () => new Vcmdq());
    this.#map = new Uint32Array(2 ** size.vcmdqsLg2);
    this.#vintfs = new Uint32Array(2 ** size.vintfsLg2 * VINTF_WORDS);
    this.#sids = 2 ** size.sidsLg2;
  }

  /** Bytes of its registers. */
  get bytes(): number {
    return CMDQV_PAGE.VINTF_0 + 2 ** this.#size.vintfsLg2 * CMDQV_STRIDE.VINTF_PAGES;
  }

  /** Read the 32-bit word at an offset, a multiple of 4; zero where there is none. */
  read32(offset: number): number {
    if (offset < CMDQV_PAGE.VCMDQ_0) return this.#readConfig(offset) >>> 0;
    const place = this.#place(offset);
    return place === null ? 0 : this.#queues[place.q]!.read(place.page, place.offset) >>> 0;
  }

  /** Write such a word. What the write sets in motion has happened when this returns. */
  write32(offset: number, value: number): void {
    if (offset < CMDQV_PAGE.VCMDQ_0) {
      this.#writeConfig(offset, value);
      return;
    }
    const place = this.#place(offset);
    if (place === null) return;
    const { q, page, offset: inside } = place;
    this.#queues[q]!.write(page, inside, value, this.#contextOf(q), () => this.#failed(q));
  }

  /** Read 4 or 8 aligned bytes, into {@link hi} and {@link lo}; other accesses read as zero. */
  read(offset: number, bytes: number): void {
    const legal = isLegal(offset, bytes);
    this.lo = legal ? this.read32(offset) : 0;
    this.hi = legal && bytes === 8 ? this.read32(offset + 4) : 0;
  }

  /** Write 4 or 8 aligned bytes, the lower half first; other accesses are ignored. */
  write(offset: number, bytes: number, hi: number, lo: number): void {
    if (!isLegal(offset, bytes)) return;
    this.write32(offset, lo);
    if (bytes === 8) this.write32(offset + 4, hi);
  }

  /** Most commands that one run of a queue carries out; 0 holds it. Null for a number beyond the last. */
  limitOf(q: number): { limit: number } | null {
    return this.#queues[q] ?? null;
  }

  /** Have a queue carry out what waits in it, if its owner has it enabled. */
  run(q: number): void {
    const context = this.#contextOf(q);
    if (context !== null) this.#queues[q]?.run(context);
  }

  snapshot(): CmdqvImage {
    const queues = new Uint32Array(this.#queues.length * VCMDQ_WORDS);
    for (const [q, queue] of this.#queues.entries()) queues.set(queue.save(), q * VCMDQ_WORDS);
    return {
      config: this.#config,
      masks: this.#masks.slice(),
      map: this.#map.slice(),
      vintfs: this.#vintfs.slice(),
      queues,
      raised: this.raised,
    };
  }

  /** Take back what {@link snapshot} gave, of an extension of the same size. */
  restore(image: CmdqvImage): void {
    this.#config = image.config;
    this.#masks.set(image.masks);
    this.#map.set(image.map);
    this.#vintfs.set(image.vintfs);
    for (const [q, queue] of this.#queues.entries()) {
      queue.restore(image.queues.subarray(q * VCMDQ_WORDS, (q + 1) * VCMDQ_WORDS));
    }
    this.raised = image.raised;
  }

  /** Take the registers into a digest. */
  digest(into: Digest): void {
    into.word(this.#config).words(this.#masks).words(this.#map).words(this.#vintfs);
    for (const queue of this.#queues) into.words(queue.save());
  }

  get #enabled(): boolean {
    return (this.#config & 1) === 1;
  }

  /** A VINTF is there and enabled, and the extension is. */
  #vintfEnabled(v: number): boolean {
    const at = v * VINTF_WORDS + CONFIG_WORD;
    return this.#enabled && at < this.#vintfs.length && VINTF_CONFIG.f.ENABLE.get(this.#vintfs, at) === 1;
  }

  /** The VINTF that a VCMDQ is mapped to; -1 for none. */
  #vintfOf(q: number): number {
    const f = CMDQV_CMDQ_ALLOC_MAP.f;
    if (f.ALLOC.get(this.#map, q) === 0) return -1;
    const v = f.VIRT_INTF_INDX.get(this.#map, q);
    return v < 2 ** this.#size.vintfsLg2 ? v : -1;
  }

  /** The VCMDQ that is LVCMDQ `l` of a VINTF; -1 for none. */
  #logical(v: number, l: number): number {
    for (let q = 0; q < this.#queues.length; q++) {
      if (this.#vintfOf(q) === v && CMDQV_CMDQ_ALLOC_MAP.f.LVCMDQ.get(this.#map, q) === l) return q;
    }
    return -1;
  }

  /** The queue register at an offset beyond the configuration page. */
  #place(offset: number): { readonly q: number; readonly page: 0 | 1; readonly offset: number } | null {
    const logical = offset >= CMDQV_PAGE.VINTF_0;
    const first = logical ? CMDQV_PAGE.VINTF_0 : CMDQV_PAGE.VCMDQ_0;
    const v = logical ? Math.floor((offset - first) / CMDQV_STRIDE.VINTF_PAGES) : 0;
    const inPages = (offset - first) % CMDQV_STRIDE.VINTF_PAGES;
    const page = inPages < CMDQV_STRIDE.PAGE ? 0 : 1;
    const inPage = inPages % CMDQV_STRIDE.PAGE;
    const number = Math.floor(inPage / CMDQV_STRIDE.VCMDQ);
    const q = logical ? this.#logical(v, number) : number < this.#queues.length ? number : -1;
    return q < 0 ? null : { q, page, offset: inPage % CMDQV_STRIDE.VCMDQ };
  }

  /** What a queue's owner gives it; null where it has none that is enabled. */
  #contextOf(q: number): QueueContext | null {
    const v = this.#vintfOf(q);
    if (v < 0 || !this.#vintfEnabled(v)) return null;
    const { memory, largestLg2, queueMemory } = this.#around;
    const at = v * VINTF_WORDS;
    const guest = VINTF_CONFIG.f.HYP_OWN.get(this.#vintfs, at + CONFIG_WORD) === 0;
    return {
      memory,
      largestLg2,
      queueMemory: guest ? (queueMemory?.(v) ?? null) : null,
      writesReadIndex: CMDQV_CONFIG.f.CONS_DRAM_EN.get([this.#config], 0) === 1,
      prepare: (command) => prepareCommand(command, this.#vintfs, at, this.#sids),
      execute: (command, from) => this.#around.execute(command, from),
      failed: () => this.#failed(q),
    };
  }

  #failed(q: number): void {
    const v = this.#vintfOf(q);
    if (v >= 0 && ((this.#masks[v >>> 5]! >>> (v & 31)) & 1) === 0) this.raised++;
  }

  #readConfig(offset: number): number {
    switch (offset) {
      case CMDQV_AT.CONFIG:
        return this.#config;
      case CMDQV_AT.PARAM:
        return this.#param();
      case CMDQV_AT.STATUS:
        return this.#enabled ? 1 : 0;
      default:
    }
    const name = cmdqvRegisterAt(offset)?.layout.name;
    switch (name) {
      case "CMDQV_VI_ERR_MAP":
        return this.#errorMap(wordIn(offset, CMDQV_AT.VI_ERR_MAP), (q) => this.#vintfOf(q));
      case "CMDQV_VI_INT_MASK":
        return this.#masks[wordIn(offset, CMDQV_AT.VI_INT_MASK)]!;
      case "CMDQV_CMDQ_ERR_MAP":
        return this.#errorMap(wordIn(offset, CMDQV_AT.CMDQ_ERR_MAP), (q) => q);
      case "CMDQV_CMDQ_ALLOC_MAP":
        return this.#map[wordIn(offset, CMDQV_AT.CMDQ_ALLOC_MAP)] ?? 0;
      case undefined:
        return 0;
      default:
        return this.#readVintf(offset);
    }
  }

  #param(): number {
    const words = new Uint32Array(1);
    const f = CMDQV_PARAM.f;
    f.CMDQV_VER.set(words, 0, VERSION);
    f.CMDQV_NUM_CMDQ_LOG2.set(words, 0, this.#size.vcmdqsLg2);
    f.CMDQV_NUM_VI_LOG2.set(words, 0, this.#size.vintfsLg2);
    f.CMDQV_NUM_SID_PER_VI_LOG2.set(words, 0, this.#size.sidsLg2);
    return words[0]!;
  }

  /** Word of a map with a bit for each queue that has an error, at the position that `bitOf` gives the queue. */
  #errorMap(word: number, bitOf: (q: number) => number): number {
    let map = 0;
    for (const [q, queue] of this.#queues.entries()) {
      if (queue.errors === 0) continue;
      const bit = bitOf(q);
      if (bit >= 0 && bit >>> 5 === word) map |= 1 << (bit & 31);
    }
    return map;
  }

  #readVintf(offset: number): number {
    const inside = offset - CMDQV_AT.VINTF;
    const v = Math.floor(inside / CMDQV_STRIDE.VINTF);
    const word = (inside % CMDQV_STRIDE.VINTF) >>> 2;
    if (word === STATUS_WORD) return this.#vintfStatus(v);
    if (word >= ERR_MAP_WORD) {
      const logical = (q: number): number =>
        this.#vintfOf(q) === v ? CMDQV_CMDQ_ALLOC_MAP.f.LVCMDQ.get(this.#map, q) : -1;
      return this.#errorMap(word - ERR_MAP_WORD, logical);
    }
    return this.#vintfs[v * VINTF_WORDS + word] ?? 0;
  }

  #vintfStatus(v: number): number {
    const words = new Uint32Array(1);
    const f = VINTF_STATUS.f;
    const own = [...this.#queues.keys()].filter((q) => this.#vintfOf(q) === v);
    f.ENABLE_OK.set(words, 0, this.#vintfEnabled(v) ? 1 : 0);
    f.STATUS.set(words, 0, own.some((q) => this.#queues[q]!.errors !== 0) ? 1 : 0);
    f.VI_NUM_LVCMDQ.set(words, 0, own.length);
    return words[0]!;
  }

  #writeConfig(offset: number, value: number): void {
    switch (cmdqvRegisterAt(offset)?.layout.name) {
      case "CMDQV_CONFIG":
        this.#config = value & CONFIG_MASK;
        this.#stopOrphans();
        return;
      case "CMDQV_VI_INT_MASK":
        this.#masks[wordIn(offset, CMDQV_AT.VI_INT_MASK)] = value;
        return;
      case "CMDQV_CMDQ_ALLOC_MAP": {
        const q = wordIn(offset, CMDQV_AT.CMDQ_ALLOC_MAP);
        if (q >= this.#map.length) return;
        const before = this.#map[q]!;
        this.#map[q] = value & MAP_MASK;
        // A queue that is mapped elsewhere has to be enabled there.
        if (before !== this.#map[q]) this.#queues[q]!.stop();
        return;
      }
      case "VINTF_CONFIG":
      case "VINTF_SID_MATCH":
      case "VINTF_SID_REPLACE":
        this.#writeVintf(offset, value);
        return;
      default:
    }
  }

  #writeVintf(offset: number, value: number): void {
    const inside = offset - CMDQV_AT.VINTF;
    const v = Math.floor(inside / CMDQV_STRIDE.VINTF);
    const word = (inside % CMDQV_STRIDE.VINTF) >>> 2;
    const at = v * VINTF_WORDS + word;
    if (at >= this.#vintfs.length) return;
    if (word === CONFIG_WORD) {
      const was = this.#vintfs[at]!;
      // CHOICE(VINTF_GUARD): owner and VMID do not change while the VINTF is enabled.
      this.#vintfs[at] = this.#vintfEnabled(v) ? (was & ~1) | (value & 1) : value & VINTF_CONFIG_MASK;
      this.#stopOrphans();
      return;
    }
    const replace = word >= REPLACE_WORD;
    const pair = word - (replace ? REPLACE_WORD : MATCH_WORD);
    if (pair < this.#sids && pair < MAX_SIDS) this.#vintfs[at] = value & (replace ? REPLACE_MASK : MATCH_MASK);
  }

  /** Queues whose VINTF is no longer enabled stop. */
  #stopOrphans(): void {
    for (const [q, queue] of this.#queues.entries()) if (this.#contextOf(q) === null) queue.stop();
  }
}

function withinLimits({ vcmdqsLg2, vintfsLg2, sidsLg2 }: CmdqvSize): CmdqvSize {
  const between = (value: number, most: number): number => Math.max(0, Math.min(Math.trunc(value) || 0, most));
  const queues = between(vcmdqsLg2, GRACE.vcmdqsLg2);
  return {
    vcmdqsLg2: queues,
    vintfsLg2: between(vintfsLg2, Math.min(GRACE.vintfsLg2, queues)),
    sidsLg2: between(sidsLg2, GRACE.sidsLg2),
  };
}

const isLegal = (offset: number, bytes: number): boolean =>
  (bytes === 4 || bytes === 8) && offset % bytes === 0 && offset >= 0;
