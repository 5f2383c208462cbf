/**
 * The VT-d unit that a virtual machine sees: registers that the VMM answers, an invalidation queue that it works off.
 * VT-d §6.5, §11.4. It is in caching mode: a guest tells of entries that become present, too, which is how the VMM learns
 * of them.
 *
 * UNMODELLED: interrupt remapping.
 */
import { CAP, ECAP, VER } from "../../arch/vtd/capability_registers.ts";
import { descriptorOf } from "../../arch/vtd/commands.ts";
import { GCMD, RTADDR } from "../../arch/vtd/control_registers.ts";
import { IQA, IQEI, IQH, IQT } from "../../arch/vtd/queue_registers.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { high, low } from "../../base/halves.ts";
import { fieldValue, type Layout } from "../../base/layout.ts";
import type { RegisterFile } from "../../engine/common/register_file.ts";
import { PageRequestQueue } from "../../engine/vtd/page_request_queue.ts";
import { makeRegisters } from "../../engine/vtd/registers.ts";
import { PageResponse } from "../../kernel/page_requests.ts";
import type { KernelMemory, RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import type { GuestFault } from "./fault_file.ts";
import { consume, type Operand, operandsOf, ringMemory } from "./guest_words.ts";
import { trappedPage } from "./trapped_page.ts";
import type { WaitingRequests } from "./waiting_requests.ts";

/** Pages of an invalidation: the first, and how many. */
export interface Pages {
  readonly at: bigint;
  readonly count: bigint;
  readonly leavesOnly: boolean;
}

/** Cached translations that are to go; null for all of a kind. */
export interface VtdScope {
  readonly did: number | null;
  readonly pasid: number | null;
  readonly pages: Pages | null;
  /** Pages are of the second stage. */
  readonly secondStage: boolean;
}

/** Where a guest's tables begin. */
export interface GuestRoot {
  readonly at: number;
  /** RTADDR.TTM. */
  readonly mode: number;
}

/** What stands behind a virtual unit. */
export interface VtdBackend {
  /** Tables of devices may have changed; null while the unit does not translate. */
  resync(root: GuestRoot | null): void;
  invalidate(scope: VtdScope): void;
  /** The guest answers page requests; absent where devices have none. */
  readonly requests?: Pick<WaitingRequests, "answer">;
}

/** Where the movable registers are, in units of 16 bytes. */
const FRO = 0x22;
const IRO = 0xf;
const PAGE = 4096;
/** Granularities: of iotlb_inv_dsc everything, of that and p_iotlb_inv_dsc pages. */
const G_GLOBAL = 1;
const G_PAGE = 3;
const NARROW_BYTES = 16;
const WIDE_BYTES = 32;

/** What every unit of a VMM says of itself. It caches what is not present, as far as its guest can tell. */
const OWN_CAP = { ND: 6, CM: 1, SAGAW: 4, MGAW: 47, FRO, PSI: 1, MAMV: 18, DWD: 1, DRD: 1, ESRTPS: 1 };
const OWN_ECAP = { QI: 1, PT: 1, IRO };
const EVERYTHING: VtdScope = { did: null, pasid: null, pages: null, secondStage: true };
const MAJOR_VERSION = 6;

export class VirtualVtd {
  /** The registers as the guest reaches them. */
  readonly pages: RegisterPages;
  readonly #file: RegisterFile;
  /** Null where no page requests are offered. */
  readonly #requests: PageRequestQueue | null;
  readonly #memory: KernelMemory;
  readonly #backend: VtdBackend;
  readonly #journal: Journal;
  /** RTADDR as it was taken into use. */
  #root = new Uint32Array(RTADDR.bits / 32);

  /** @param offered fields of CAP and ECAP besides those that every unit has */
  constructor(
    offered: { readonly cap: FieldNumbers; readonly ecap: FieldNumbers },
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
    file.onWrite("IOTLB", 1, () => this.#byRegister("IOTLB", "IVT", () => backend.invalidate(EVERYTHING)));
    this.#file = file;
    this.#requests = file.has("PQA") ? new PageRequestQueue(file, ringMemory(memory)) : null;
    this.#memory = memory;
    this.#backend = backend;
    this.#journal = journal;
    this.pages = trappedPage("VT-d", file, journal);
  }

  /** Put a page request into the guest's queue. @returns false when it was lost */
  pageRequest({ sid, pasid, group, address, ...asked }: GuestFault): boolean {
    const message = {
      sid,
      ssid: pasid ?? 0,
      ssv: pasid !== null,
      hi: high(address),
      lo: low(address),
      prgIndex: group,
    };
    const queued = this.#requests?.write({ ...message, ...asked }) ?? false;
    if (queued) this.#journal.note("VMM", "interrupt", "page request for the guest");
    return queued;
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

  #resync(): void {
    const { RTA, TTM } = RTADDR.f;
    const root = { at: RTA.address(this.#root, 0), mode: TTM.get(this.#root, 0) };
    this.#backend.resync(this.#file.get("GSTS", "TES") === 1 ? root : null);
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
        this.#backend.invalidate({
          did: operand("G") === G_GLOBAL ? null : operand("DID"),
          pasid: null,
          pages: operand("G") === G_PAGE ? pagesOf(layout, words) : null,
          secondStage: true,
        });
        return true;
      case "p_iotlb_inv_dsc": {
        const pages = operand("G") === G_PAGE ? pagesOf(layout, words) : null;
        this.#backend.invalidate({ did: operand("DID"), pasid: operand("PASID"), pages, secondStage: false });
        return true;
      }
      case "inv_wait_dsc":
        this.#wait(fieldValue(layout, "STADDR", words)!, operand);
        return true;
      case "page_grp_resp_dsc": {
        const pasid = operand("PP") === 1 ? operand("PASID") : null;
        const group = { sid: operand("RID"), pasid, group: operand("PRGI") };
        this.#backend.requests?.answer(group, operand("RC") === PageResponse.Success);
        return true;
      }
      // What drops a guest's translations in hardware drops those of device TLBs, too.
      case "dev_tlb_inv_dsc":
      case "p_dev_tlb_inv_dsc":
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
