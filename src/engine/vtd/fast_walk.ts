/**
 * The common nested walk, fast: pages of 4 KiB in both stages, every entry as it should be.
 *
 * It decides nothing but success. Whatever is out of the ordinary — a large page, a fault, a bit that hardware has to
 * set, a table that does not allow everything, memory it does not know — sends the request to the walker, so that faults
 * are made in one place; a property test holds the two equal. Sections as in `first_stage.ts` and `second_stage.ts`.
 *
 * A walk is one pass over typed arrays without a call that could not be inlined. Where it meets a pointer that nobody
 * followed before, it stops, the pointer is resolved, and the walk starts over.
 */
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import { locate } from "../../base/layout.ts";
import type { SecondStageFeatures } from "../../pagetable/formats/vtd_second.ts";
import { pageSlot } from "../common/page_slot.ts";
import { AddressType, Want } from "../common/request.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { RequestConfig } from "./request_config.ts";
import type { Translation } from "./translation.ts";

const PAGE = pagingEntryLayout(1, 1, true);
const bit = (name: string): number => 1 << locate(PAGE, name).shift;
const P = bit("P");
const RW = bit("R_W");
const US = bit("U_S");
const A = bit("A");
const D = bit("D");
const EA = bit("EA");
/** PS of a table entry, which has no large page; of a page PAT. */
const PS = 1 << 7;
/** R and W of a second-stage entry. */
const RIGHTS = Want.Read | Want.Write;
/** SNP, or reserved. */
const BIT_11 = 1 << 11;
/** Bit 62 of a second-stage entry, reserved or TM, in the high half. */
const BIT_62 = 1 << 30;
/** Bits [51:32] and [51:48] of an address, in the high half of an entry. */
const ADDRESS_HI = 0xfffff;
const ABOVE_48 = 0xf0000;

/** What an attempt came to; a negative number other than REFUSED is ~slot of a pointer to resolve first. */
const DONE = 0;
const REFUSED = -1;

/** Whether a configuration qualifies; decided once for a requester and PASID. */
export const qualifies = ({ first, second, ssade }: RequestConfig): boolean => first && second && !ssade;

export class FastWalk {
  readonly #memory: PhysicalMemory;
  /** Bits that a second-stage leaf must not have, low and high half. */
  readonly #leafLo: number;
  readonly #leafHi: number;

  constructor(memory: PhysicalMemory, { snoop, transientMapping }: SecondStageFeatures) {
    this.#memory = memory;
    this.#leafLo = snoop ? 0 : BIT_11;
    this.#leafHi = transientMapping ? 0 : BIT_62;
  }

  /** Translate an untranslated request by both stages. @returns false when the walker has to: nothing is decided then */
  translate(t: Translation, config: RequestConfig): boolean {
    const plain = t.addressType === AddressType.Untranslated && !t.pageRequest;
    if (!plain || (t.instruction && t.hasPasid && !t.write)) return false;
    for (;;) {
      const slot = ~this.#attempt(t, config);
      if (slot === ~DONE) return true;
      if (slot === ~REFUSED) return false;
      const { words } = this.#memory;
      // A target is for what allows everything in any place of the tables, so that whoever finds one need not look at
      // the entry.
      const lo = words[2 * slot]!;
      const hi = words[2 * slot + 1]!;
      if ((lo & (RIGHTS | PS | BIT_11)) !== RIGHTS || (hi & (BIT_62 | ABOVE_48)) !== 0) return false;
      if (this.#memory.target(slot) === 0) return false;
    }
  }

  #attempt(t: Translation, config: RequestConfig): number {
    const { iovaHi: vaHi, iovaLo: vaLo, write, supervisor } = t;
    const { fs, ss } = config;
    const memory = this.#memory;
    const top = vaHi >> (fs.inputBits - 33);
    if (top !== 0 && top !== -1) return REFUSED;
    // What is followed by its target lies in memory, and so within the host address width.
    if (memory.addressBits > ss.outputBits) return REFUSED;
    const rootFrame = memory.wholeFrame(ss.rootHi, ss.rootLo);
    if (rootFrame === 0) return REFUSED;
    const root = rootFrame << 9;
    const { words, targets } = memory;
    const ssLevel = ss.level;
    const ssMask = ss.rootMask;
    const overHi = ss.overHi;
    const overLo = ss.overLo;
    const beyond = fs.beyondHi & ADDRESS_HI;
    const user = supervisor ? 0 : US;
    const rw = write && (!supervisor || config.wpe) ? RW : 0;
    const used = P | A | user | rw | (config.eafe ? EA : 0);
    // Address bits [47:16].
    const vaTop = (vaHi << 16) | (vaLo >>> 16);
    let tableHi = fs.rootHi;
    let tableLo = fs.rootLo;
    let rights = -1;
    let never = 0;
    let lo = 0;
    let hi = 0;
    for (let level = fs.level; ; level--) {
      const index = (level === 0 ? vaLo >>> 12 : level > 3 ? vaHi >>> 16 : vaTop >>> (9 * level - 4)) & 511;
      const atLo = tableLo | (index << 3);
      if (((tableHi & overHi) | (atLo & overLo)) !== 0) return REFUSED;
      const slot = pageSlot(ssLevel, ssMask, targets, root, tableHi, atLo);
      if (slot < 0) return slot;
      const frame = targets[slot]!;
      if (frame === 0) return ~slot;
      const at = (frame << 10) | ((atLo & 0xff8) >>> 2);
      lo = words[at]!;
      hi = words[at + 1]!;
      rights &= lo;
      never |= hi;
      if ((hi & beyond) !== 0) return REFUSED;
      if (level === 0) break;
      if ((lo & (used | PS)) !== used) return REFUSED;
      tableHi = hi & ADDRESS_HI;
      tableLo = lo & ~0xfff;
    }
    const leafUsed = write ? used | D : used;
    if ((lo & leafUsed) !== leafUsed) return REFUSED;

    const ipaHi = hi & ADDRESS_HI;
    const ipaLo = (lo & ~0xfff) | (vaLo & 0xfff);
    if (((ipaHi & overHi) | (ipaLo & overLo)) !== 0) return REFUSED;
    const slot = pageSlot(ssLevel, ssMask, targets, root, ipaHi, ipaLo);
    if (slot < 0) return slot;
    const leafLo = words[2 * slot]!;
    const leafHi = words[2 * slot + 1]!;
    const want = write ? Want.Write : Want.Read;
    if ((leafLo & want) === 0 || (leafLo & this.#leafLo) !== 0) return REFUSED;
    if ((leafHi & (this.#leafHi | (ss.beyondHi & ADDRESS_HI))) !== 0) return REFUSED;
    const paHi = leafHi & ADDRESS_HI;
    const paLo = (leafLo & ~0xfff) | (vaLo & 0xfff);
    // The interrupt address range.
    if (paHi === 0 && paLo >>> 20 === 0xfee) return REFUSED;
    t.permissions = permissions(config, supervisor, rights, never) & leafRights(leafLo);
    t.sizeLg2First = 12;
    t.sizeLg2Second = 12;
    t.paHi = paHi;
    t.paLo = paLo;
    return DONE;
  }
}

/** What the first stage allows: `rights` are bits that all its entries have, `never` those that one has, high halves. */
function permissions(config: RequestConfig, supervisor: boolean, rights: number, never: number): number {
  const write = (rights & RW) !== 0 || (supervisor && !config.wpe) ? Want.Write : 0;
  const executes = config.ere && !(config.nxe && never < 0) && !(config.smep && supervisor && (rights & US) !== 0);
  return Want.Read | write | (executes ? Want.Execute : 0);
}

/** Who may read may execute. */
const leafRights = (lo: number): number => (lo & RIGHTS) | ((lo & Want.Read) << 2);
