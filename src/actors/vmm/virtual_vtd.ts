/**
 * The VT-d unit that a virtual machine sees: scalable mode with first-stage tables of the guest's, registers that the VMM
 * answers, an invalidation queue that it works off. VT-d §6.5, §11.4. It is in caching mode: a guest tells of entries
 * that become present, too, which is how the VMM learns of them.
 *
 * UNMODELLED: legacy mode and second-stage tables of a guest, which block its devices; interrupt remapping; faults of
 * devices, of which Linux 7.2 tells no VMM.
 */

import { CAP, ECAP, VER } from "../../arch/vtd/capability_registers.ts";
import { descriptorByType } from "../../arch/vtd/commands.ts";
import { GCMD, GSTS, RTADDR } from "../../arch/vtd/control_registers.ts";
import { IQA, IQEI } from "../../arch/vtd/queue_registers.ts";
import { registersAt } from "../../arch/vtd/registers.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { high, low } from "../../base/halves.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import type { Journal } from "../journal.ts";
import type { KernelMemory, RegisterPages } from "../platform.ts";
import { type Binding, GuestVtdTables } from "./guest_vtd_tables.ts";
import { readWords } from "./guest_words.ts";

/** Pages of an invalidation: the first, and how many. */
export interface Pages {
  readonly at: bigint;
  readonly count: bigint;
  readonly leavesOnly: boolean;
}

/** What stands behind a virtual unit. */
export interface VtdBackend {
  /** Requests of a device meet this now: by PASID, 0 for those without. */
  install(sid: number, bindings: readonly Binding[]): void;
  /** Cached translations of a domain are to go. @param pasid null for all; `pages` null for all */
  invalidate(did: number | null, pasid: number | null, pages: Pages | null): void;
}

const PAGE_WORDS = 1024;
const DESCRIPTOR_WORDS = 4;
/** Where the movable registers are, in units of 16 bytes. */
const FRO = 0x22;
const IRO = 0xf;
const OFFSETS = new Map(registersAt(IRO, FRO, 0).map((r) => [r.name, r.offset]));
const at = (name: string): number => OFFSETS.get(name)!;
const word = (name: string): number => at(name) >>> 2;
const mask = (layout: Layout, name: string): number => encodeFields(layout, { [name]: 1 })[0]!;

const STORED = new Set(
  ["RTADDR", "FECTL", "FEDATA", "FEADDR", "FEUADDR", "IECTL", "IEDATA", "IEADDR", "IEUADDR"].flatMap((name) =>
    name === "RTADDR" ? [at(name), at(name) + 4] : [at(name)],
  ),
);
const COMMAND = { SRTP: mask(GCMD, "SRTP"), QIE: mask(GCMD, "QIE"), TE: mask(GCMD, "TE") };
const STATUS = { RTPS: mask(GSTS, "RTPS"), QIES: mask(GSTS, "QIES"), TES: mask(GSTS, "TES") };
const SCALABLE = 1;
const QUEUE_ERROR = 1 << 4;
/** Most descriptors that one write of the tail sets in motion: a queue's worth. */
const MOST = 1 << 15;
/** CCMD.ICC and IOTLB.IVT, in the upper halves. */
const REGISTER_INVALIDATION = 1 << 31;

/** What the unit says of itself besides what its hardware offers. */
const OWN_CAP = { ND: 6, CM: 1, SAGAW: 4, MGAW: 47, FRO, PSI: 1, MAMV: 18, DWD: 1, DRD: 1, ESRTPS: 1 };
const OWN_ECAP = { QI: 1, PT: 1, IRO, SMTS: 1, FSTS: 1 };

type Descriptor = (field: string) => number;

export class VirtualVtd implements RegisterPages {
  readonly #words = new Uint32Array(PAGE_WORDS);
  readonly #memory: KernelMemory;
  readonly #tables: GuestVtdTables;
  readonly #backend: VtdBackend;
  readonly #journal: Journal;
  readonly #sids: readonly number[];
  /** RTADDR as it was taken into use. */
  #root = new Uint32Array(2);

  /**
   * @param offered fields of CAP and ECAP that hardware gives the guest
   * @param sids requester ids of the virtual machine's devices
   */
  constructor(
    offered: { readonly cap: FieldNumbers; readonly ecap: FieldNumbers },
    sids: readonly number[],
    memory: KernelMemory,
    backend: VtdBackend,
    journal: Journal,
  ) {
    this.#words.set(encodeFields(VER, { MAX: 6 }), word("VER"));
    this.#words.set(encodeFields(CAP, { ...OWN_CAP, ...offered.cap }), word("CAP"));
    this.#words.set(encodeFields(ECAP, { ...OWN_ECAP, ...offered.ecap }), word("ECAP"));
    this.#sids = sids;
    this.#memory = memory;
    this.#tables = new GuestVtdTables(memory);
    this.#backend = backend;
    this.#journal = journal;
  }

  read(offset: number, width: 4 | 8): bigint {
    const half = (o: number): bigint => BigInt(this.#words[o >>> 2] ?? 0);
    const whole = (): bigint => (width === 4 ? half(offset) : (half(offset + 4) << 32n) | half(offset));
    return this.#journal.during("VMM", "trapped read", "VT-d register", whole, offset);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    const [hi, lo] = [high(value), low(value)];
    const act = (): void => {
      this.#write(offset, lo);
      if (width === 8) this.#write(offset + 4, hi);
    };
    this.#journal.during("VMM", "trapped write", "VT-d register", act, offset, hi, lo);
  }

  get #translates(): boolean {
    return (this.#words[word("GSTS")]! & STATUS.TES) !== 0;
  }

  #write(offset: number, value: number): void {
    const w = this.#words;
    switch (offset) {
      case at("GCMD"):
        this.#command(value);
        return;
      case at("IQT"):
        w[offset >>> 2] = value;
        this.#consume();
        return;
      case at("IQA"):
      case at("IQA") + 4:
        if ((w[word("GSTS")]! & STATUS.QIES) === 0) w[offset >>> 2] = value;
        return;
      case at("FSTS"):
      case at("ICS"):
        w[offset >>> 2] = w[offset >>> 2]! & ~value;
        this.#consume();
        return;
      case at("CCMD") + 4:
        if ((value & REGISTER_INVALIDATION) !== 0) this.#resync();
        w[offset >>> 2] = value & ~REGISTER_INVALIDATION;
        return;
      case at("IOTLB") + 4:
        if ((value & REGISTER_INVALIDATION) !== 0) this.#backend.invalidate(null, null, null);
        w[offset >>> 2] = value & ~REGISTER_INVALIDATION;
        return;
      default:
        if (STORED.has(offset)) w[offset >>> 2] = value;
    }
  }

  /** GCMD: each bit either sets something in motion or switches something on and off (§11.4.4). */
  #command(value: number): void {
    const w = this.#words;
    const status = word("GSTS");
    const before = w[status]!;
    const follows = (command: number, bit: number): number => ((value & command) === 0 ? 0 : bit);
    const rtps = (before & STATUS.RTPS) | follows(COMMAND.SRTP, STATUS.RTPS);
    w[status] = (rtps | follows(COMMAND.QIE, STATUS.QIES) | follows(COMMAND.TE, STATUS.TES)) >>> 0;
    const pointed = (value & COMMAND.SRTP) !== 0;
    if (pointed) this.#root = w.slice(word("RTADDR"), word("RTADDR") + 2);
    if (pointed || ((before ^ w[status]!) & STATUS.TES) !== 0) this.#resync();
    if ((w[status]! & STATUS.QIES) === 0) w[word("IQH")] = 0;
    else this.#consume();
  }

  /** Read the tables of devices anew. */
  #resync(): void {
    const { f } = RTADDR;
    const root = f.RTA.addressHi(this.#root, 0) * 2 ** 32 + f.RTA.addressLo(this.#root, 0);
    const scalable = f.TTM.get(this.#root, 0) === SCALABLE;
    for (const sid of this.#sids) {
      const all = scalable ? this.#tables.bindings(root, sid) : [];
      this.#backend.install(sid, this.#translates ? all : ["pass"]);
    }
  }

  /** Work off the queue up to its tail, or to a descriptor that is wrong (§6.5.2). */
  #consume(): void {
    const w = this.#words;
    const [head, tail, base] = [word("IQH"), word("IQT"), word("IQA")];
    if ((w[word("GSTS")]! & STATUS.QIES) === 0 || (w[word("FSTS")]! & QUEUE_ERROR) !== 0) return;
    const bytes = IQA.f.DW.get(w, base) === 1 ? 32 : 16;
    const size = 4096 * 2 ** IQA.f.QS.get(w, base);
    const from = IQA.f.IQA.address(w, base);
    if (w[tail]! >= size || w[tail]! % bytes !== 0) {
      this.#stop(w[tail]! >= size ? IQEI.INVALID_TAIL : IQEI.TAIL_MISALIGNED);
      return;
    }
    for (let left = MOST; left > 0 && w[head] !== w[tail]; left--) {
      // The second half of a wide descriptor is reserved in all that this unit has.
      if (!this.#descriptor(readWords(this.#memory, from + w[head]!, DESCRIPTOR_WORDS))) {
        this.#stop(IQEI.INVALID_TYPE);
        return;
      }
      w[head] = (w[head]! + bytes) % size;
    }
  }

  #stop(error: number): void {
    this.#words[word("IQERCD")] = error;
    this.#words[word("FSTS")] = this.#words[word("FSTS")]! | QUEUE_ERROR;
  }

  /** @returns false for a descriptor that this unit does not have */
  #descriptor(words: Uint32Array): boolean {
    const definition = descriptorByType((words[0]! & 0xf) | ((words[0]! >>> 5) & 0x70));
    if (definition === undefined) return false;
    const access = definition.layout.f as Readonly<Record<string, FieldAccess>>;
    const get: Descriptor = (field) => access[field]!.get(words, 0);
    switch (definition.name) {
      case "cc_inv_dsc":
      case "pc_inv_dsc":
        this.#resync();
        return true;
      case "iotlb_inv_dsc":
        // A page of a domain is one of its second stage; what the first one made of it may be anywhere.
        this.#backend.invalidate(get("G") === 1 ? null : get("DID"), null, null);
        return true;
      case "p_iotlb_inv_dsc":
        this.#backend.invalidate(get("DID"), get("PASID"), get("G") === 3 ? pagesOf(words, get) : null);
        return true;
      case "inv_wait_dsc":
        this.#wait(words, get);
        return true;
      case "iec_inv_dsc":
        return true;
      default:
        return false;
    }
  }

  #wait(words: Uint32Array, get: Descriptor): void {
    if (get("SW") === 1) {
      const address = words[3]! * 2 ** 32 + (words[2]! & ~3);
      const [aligned, upper] = [Math.floor(address / 8) * 8, address % 8 !== 0];
      this.#memory.read(aligned);
      const { hi, lo } = this.#memory;
      this.#memory.write(aligned, upper ? get("STDATA") : hi, upper ? lo : get("STDATA"));
    }
    if (get("IF") !== 1) return;
    this.#words[word("ICS")] = 1;
    this.#journal.note("VMM", "interrupt", "the guest's invalidations are complete");
  }
}

/** The pages of an invalidation: 2^AM of them, naturally aligned. */
function pagesOf(words: Uint32Array, get: Descriptor): Pages {
  const lg2 = BigInt(12 + get("AM"));
  const first = ((BigInt(words[3]!) << 32n) | BigInt(words[2]!)) >> lg2;
  return { at: BigInt.asUintN(64, first << lg2), count: 1n << (lg2 - 12n), leavesOnly: get("IH") === 1 };
}
