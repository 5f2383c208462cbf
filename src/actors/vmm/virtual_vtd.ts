/**
 * The VT-d unit that a virtual machine sees: scalable mode with first-stage tables of the guest's, registers that the VMM
 * answers, an invalidation queue that it works off. VT-d §6.5, §11.4. It is in caching mode: a guest tells of entries
 * that become present, too, which is how the VMM learns of them.
 *
 * UNMODELLED: legacy mode and second-stage tables of a guest, which block its devices; interrupt remapping; faults of
 * devices, of which Linux 7.2 tells no VMM.
 */

import { CAP, ECAP, VER } from "../../arch/vtd/capability_registers.ts";
import { descriptorOf } from "../../arch/vtd/commands.ts";
import { GCMD, RTADDR } from "../../arch/vtd/control_registers.ts";
import { IQA, IQEI, IQH, IQT } from "../../arch/vtd/queue_registers.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { fieldValue, type Layout } from "../../base/layout.ts";
import type { RegisterFile } from "../../engine/common/register_file.ts";
import { makeRegisters } from "../../engine/vtd/registers.ts";
import type { KernelMemory, RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import { type Binding, GuestVtdTables } from "./guest_vtd_tables.ts";
import { consume, type Operand, operandsOf } from "./guest_words.ts";
import { trappedPage } from "./trapped_page.ts";

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

/** Where the movable registers are, in units of 16 bytes. */
const FRO = 0x22;
const IRO = 0xf;
const SCALABLE = 1;
const PAGE = 4096;
/** Granularities: of iotlb_inv_dsc everything, of p_iotlb_inv_dsc pages of a PASID. */
const G_GLOBAL = 1;
const G_PAGE = 3;
const NARROW_BYTES = 16;
const WIDE_BYTES = 32;

/** What the unit says of itself besides what its hardware offers. */
const OWN_CAP = { ND: 6, CM: 1, SAGAW: 4, MGAW: 47, FRO, PSI: 1, MAMV: 18, DWD: 1, DRD: 1, ESRTPS: 1 };
const OWN_ECAP = { QI: 1, PT: 1, IRO, SMTS: 1, FSTS: 1 };
const MAJOR_VERSION = 6;

export class VirtualVtd {
  /** The registers as the guest reaches them. */
  readonly pages: RegisterPages;
  readonly #file: RegisterFile;
  readonly #memory: KernelMemory;
  readonly #tables: GuestVtdTables;
  readonly #backend: VtdBackend;
  readonly #journal: Journal;
  readonly #sids: readonly number[];
  /** RTADDR as it was taken into use. */
  #root = new Uint32Array(RTADDR.bits / 32);

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
    const capability = (layout: Layout, fields: FieldNumbers): { readonly hi: number; readonly lo: number } => {
      const [lo = 0, hi = 0] = encodeFields(layout, fields);
      return { hi, lo };
    };
    const file = makeRegisters({
      ver: encodeFields(VER, { MAX: MAJOR_VERSION })[0]!,
      cap: capability(CAP, { ...OWN_CAP, ...offered.cap }),
      ecap: capability(ECAP, { ...OWN_ECAP, ...offered.ecap }),
    });
    file.onWrite("GCMD", 0, (written) => this.#command(written));
    file.onWrite("IQT", 0, () => this.#consume());
    file.onWrite("FSTS", 0, () => this.#consume());
    // ICC and IVT, in the upper halves, have a cache invalidated by register.
    file.onWrite("CCMD", 1, () => this.#byRegister("CCMD", "ICC", () => this.#resync()));
    file.onWrite("IOTLB", 1, () => this.#byRegister("IOTLB", "IVT", () => backend.invalidate(null, null, null)));
    this.#file = file;
    this.#sids = sids;
    this.#memory = memory;
    this.#tables = new GuestVtdTables(memory);
    this.#backend = backend;
    this.#journal = journal;
    this.pages = trappedPage("VT-d", file, journal);
  }

  #byRegister(register: string, started: string, act: () => void): void {
    if (this.#file.get(register, started) === 1) act();
    this.#file.set(register, started, 0);
  }

  /** GCMD: each bit either sets something in motion or switches something on and off (§11.4.4). */
  #command(written: number): void {
    const file = this.#file;
    const asked = (name: keyof typeof GCMD.f): number => GCMD.f[name].get([written], 0);
    const translated = file.get("GSTS", "TES");
    file.set("GSTS", "QIES", asked("QIE"));
    file.set("GSTS", "TES", asked("TE"));
    if (asked("SRTP") === 1) {
      file.set("GSTS", "RTPS", 1);
      const at = file.at("RTADDR");
      this.#root = file.words.slice(at, at + this.#root.length);
    }
    if (asked("SRTP") === 1 || translated !== asked("TE")) this.#resync();
    if (asked("QIE") === 0) file.load("IQH", 0, 0);
    else this.#consume();
  }

  /** Read the tables of devices anew. */
  #resync(): void {
    const root = RTADDR.f.RTA.address(this.#root, 0);
    const scalable = RTADDR.f.TTM.get(this.#root, 0) === SCALABLE;
    const translates = this.#file.get("GSTS", "TES") === 1;
    for (const sid of this.#sids) {
      const all = scalable ? this.#tables.bindings(root, sid) : [];
      this.#backend.install(sid, translates ? all : ["pass"]);
    }
  }

  /** Work off the queue up to its tail, or to a descriptor that is wrong (§6.5.2). */
  #consume(): void {
    const file = this.#file;
    if (file.get("GSTS", "QIES") === 0 || file.get("FSTS", "IQE") === 1) return;
    const base = file.at("IQA");
    const recordBytes = IQA.f.DW.get(file.words, base) === 1 ? WIDE_BYTES : NARROW_BYTES;
    const bytes = PAGE * 2 ** IQA.f.QS.get(file.words, base);
    const head = IQH.f.QH.address(file.words, file.at("IQH"));
    const tail = IQT.f.QT.address(file.words, file.at("IQT"));
    if (tail >= bytes || tail % recordBytes !== 0) {
      this.#stop(tail >= bytes ? IQEI.INVALID_TAIL : IQEI.TAIL_MISALIGNED);
      return;
    }
    const ring = { at: IQA.f.IQA.address(file.words, base), entries: bytes / recordBytes, recordBytes };
    const count = ((tail - head + bytes) % bytes) / recordBytes;
    const done = consume(this.#memory, ring, head / recordBytes, count, (words) => this.#descriptor(words));
    file.load("IQH", 0, (head + done * recordBytes) % bytes);
    if (done < count) this.#stop(IQEI.INVALID_TYPE);
  }

  #stop(error: number): void {
    this.#file.set("IQERCD", "IQEI", error);
    this.#file.set("FSTS", "IQE", 1);
  }

  /** @returns false for a descriptor that this unit does not have */
  #descriptor(words: Uint32Array): boolean {
    const definition = descriptorOf(words);
    if (definition === undefined) return false;
    const { name, layout } = definition;
    const operand = operandsOf(layout, words);
    switch (name) {
      case "cc_inv_dsc":
      case "pc_inv_dsc":
        this.#resync();
        return true;
      case "iotlb_inv_dsc":
        // A page of a domain is one of its second stage; what the first one made of it may be anywhere.
        this.#backend.invalidate(operand("G") === G_GLOBAL ? null : operand("DID"), null, null);
        return true;
      case "p_iotlb_inv_dsc": {
        const pages = operand("G") === G_PAGE ? pagesOf(layout, words) : null;
        this.#backend.invalidate(operand("DID"), operand("PASID"), pages);
        return true;
      }
      case "inv_wait_dsc":
        this.#wait(fieldValue(layout, "STADDR", words)!, operand);
        return true;
      case "iec_inv_dsc":
        return true;
      default:
        return false;
    }
  }

  #wait(statusAddress: bigint, operand: Operand): void {
    if (operand("SW") === 1) {
      const address = Number(statusAddress);
      const [aligned, upper] = [Math.floor(address / 8) * 8, address % 8 !== 0];
      this.#memory.read(aligned);
      const { hi, lo } = this.#memory;
      this.#memory.write(aligned, upper ? operand("STDATA") : hi, upper ? lo : operand("STDATA"));
    }
    if (operand("IF") !== 1) return;
    this.#file.set("ICS", "IWC", 1);
    this.#journal.note("VMM", "interrupt", "the guest's invalidations are complete");
  }
}

/** The pages of an invalidation: 2^AM of them, naturally aligned. */
function pagesOf(layout: Layout, words: Uint32Array): Pages {
  const operand = operandsOf(layout, words);
  const count = 1n << BigInt(operand("AM"));
  const first = fieldValue(layout, "ADDR", words)!;
  return { at: first - (first % (count * BigInt(PAGE))), count, leavesOnly: operand("IH") === 1 };
}
