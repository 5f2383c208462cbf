/**
 * The Tegra241 CMDQV that a guest sees: one virtual interface, whose first page is the hardware's own, so that its queues
 * run without the VMM. What sets them up the VMM answers: bases of queues become hardware queues of the vIOMMU over guest
 * memory. Linux 7.2, drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c; include/uapi/linux/iommufd.h.
 *
 * UNMODELLED: read indexes in memory (CONS_INDX_BASE) and masked interrupts; the registers read as zero.
 */

import {
  CMDQV_AT,
  CMDQV_CMDQ_ALLOC_MAP,
  CMDQV_CONFIG,
  CMDQV_PAGE,
  CMDQV_PARAM,
  CMDQV_STATUS,
  CMDQV_STRIDE,
  cmdqvRegisterAt,
  VCMDQ_AT,
  VCMDQ_BASE,
  VINTF_CONFIG,
  VINTF_STATUS,
} from "../../arch/smmuv3/cmdqv.ts";
import { encodeFields } from "../../base/encode.ts";
import { high, low } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import type { RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";

/** What the physical extension gives one interface. */
export interface InterfaceSize {
  readonly version: number;
  readonly queuesLg2: number;
  readonly sidsLg2: number;
}

/** What stands behind the interface. */
export interface CmdqvBackend {
  /** Have hardware read a queue in guest memory; `bytes` is a power of two. @returns its id, null where it is refused */
  openQueue(index: number, gpa: number, bytes: number): number | null;
  /** @returns false where it stays: a queue with a higher index is open */
  closeQueue(id: number): boolean;
  /** The interface's first page. */
  readonly page: RegisterPages;
}

interface Queue {
  /** ALLOC_MAP and BASE as the guest wrote them. */
  map: number;
  baseHi: number;
  baseLo: number;
  /** Of the hardware queue; null where there is none. */
  id: number | null;
}

/** Where the guest finds the page that is not trapped. */
const DIRECT = { from: CMDQV_PAGE.VINTF_0, to: CMDQV_PAGE.VINTF_0 + CMDQV_STRIDE.PAGE };
/** BASE as the hardware takes it: log2 of the largest queue, in entries. */
const LARGEST_LG2 = 19;
const COMMAND_BYTES = 16;

const word = (layout: Layout, fields: Readonly<Record<string, number>>): number => encodeFields(layout, fields)[0]!;

export class VirtualCmdqv implements RegisterPages {
  readonly #size: InterfaceSize;
  readonly #backend: CmdqvBackend;
  readonly #journal: Journal;
  readonly #about: string;
  readonly #queues: readonly Queue[];
  /** CMDQV_CONFIG.CMDQV_EN and VINTF0_CONFIG.ENABLE. */
  #config = 0;
  #vintf = 0;

  /** @param what how the journal names the registers */
  constructor(size: InterfaceSize, backend: CmdqvBackend, journal: Journal, what = "CMDQV") {
    this.#size = size;
    this.#backend = backend;
    this.#journal = journal;
    this.#about = `${what} register`;
    this.#queues = Array.from({ length: 2 ** size.queuesLg2 }, () => ({ map: 0, baseHi: 0, baseLo: 0, id: null }));
  }

  read(offset: number, width: 4 | 8): bigint {
    if (offset >= DIRECT.from && offset + width <= DIRECT.to)
      return this.#backend.page.read(offset - DIRECT.from, width);
    const at = (o: number): bigint => BigInt(this.#read(o) >>> 0);
    const whole = (): bigint => (width === 4 ? at(offset) : (at(offset + 4) << 32n) | at(offset));
    return this.#journal.during("VMM", "trapped read", this.#about, whole, offset);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    if (offset >= DIRECT.from && offset + width <= DIRECT.to) {
      this.#backend.page.write(offset - DIRECT.from, value, width);
      return;
    }
    const [hi, lo] = [high(value), low(value)];
    const act = (): void => {
      // The upper half first: a queue is opened when the lower one of its base is written.
      if (width === 8) this.#write(offset + 4, hi);
      this.#write(offset, lo);
    };
    this.#journal.during("VMM", "trapped write", this.#about, act, offset, hi, lo);
  }

  get #enabled(): boolean {
    return this.#config === 1 && this.#vintf === 1;
  }

  #read(offset: number): number {
    const place = queueRegister(offset);
    if (place !== null) return this.#readQueue(place);
    const known = cmdqvRegisterAt(offset);
    switch (known?.layout.name) {
      case "CMDQV_CONFIG":
        return this.#config;
      case "CMDQV_PARAM":
        return word(CMDQV_PARAM, {
          CMDQV_VER: this.#size.version,
          CMDQV_NUM_CMDQ_LOG2: this.#size.queuesLg2,
          CMDQV_NUM_SID_PER_VI_LOG2: this.#size.sidsLg2,
        });
      case "CMDQV_STATUS":
        return word(CMDQV_STATUS, { CMDQV_ENABLED: this.#config });
      case "CMDQV_CMDQ_ALLOC_MAP":
        return this.#queues[(offset - CMDQV_AT.CMDQ_ALLOC_MAP) >>> 2]?.map ?? 0;
      case "VINTF_CONFIG":
        return known?.name === "VINTF0_CONFIG" ? this.#vintf : 0;
      case "VINTF_STATUS":
        return known?.name === "VINTF0_STATUS" ? this.#status() : 0;
      default:
        return this.#errorMap(known?.name);
    }
  }

  #status(): number {
    const VI_NUM_LVCMDQ = this.#queues.filter((q) => q.id !== null).length;
    return word(VINTF_STATUS, {
      ENABLE_OK: this.#enabled ? 1 : 0,
      STATUS: this.#errors() === 0 ? 0 : 1,
      VI_NUM_LVCMDQ,
    });
  }

  /** Maps of errors: of interfaces, of queues by their numbers, and of the queues of interface 0. */
  #errorMap(name: string | undefined): number {
    switch (name) {
      case "CMDQV_VI_ERR_MAP_0":
        return this.#errors() === 0 ? 0 : 1;
      case "VINTF0_LVCMDQ_ERR_MAP_0":
        return this.#errors();
      case "CMDQV_CMDQ_ERR_MAP_0": {
        const logical = this.#errors();
        const failed = this.#queues.map(({ id, map }, q) =>
          id === null ? 0 : ((logical >>> logicalOf(map)) & 1) << q,
        );
        return failed.reduce((all, bit) => all | bit, 0);
      }
      default:
        return 0;
    }
  }

  /** A bit for each queue of the interface that has an error. */
  #errors(): number {
    let errors = 0;
    for (const { id, map } of this.#queues) {
      if (id === null) continue;
      const l = logicalOf(map);
      const at = l * CMDQV_STRIDE.VCMDQ;
      const differ =
        this.#backend.page.read(at + VCMDQ_AT.GERROR, 4) ^ this.#backend.page.read(at + VCMDQ_AT.GERRORN, 4);
      if (differ !== 0n) errors |= 1 << l;
    }
    return errors;
  }

  #write(offset: number, value: number): void {
    const place = queueRegister(offset);
    if (place !== null) {
      this.#writeQueue(place, value);
      return;
    }
    switch (cmdqvRegisterAt(offset)?.name) {
      case "CMDQV_CONFIG":
        this.#config = CMDQV_CONFIG.f.CMDQV_EN.get([value], 0);
        this.#switched();
        return;
      case "VINTF0_CONFIG":
        // A guest's interface: HYP_OWN stays 0, which tells the guest so; the VMID is the host's.
        this.#vintf = VINTF_CONFIG.f.ENABLE.get([value], 0);
        this.#switched();
        return;
      default: {
        const queue = this.#queues[(offset - CMDQV_AT.CMDQ_ALLOC_MAP) >>> 2];
        if (offset < CMDQV_AT.CMDQ_ALLOC_MAP || queue === undefined || queue.map === value) return;
        this.#close(queue);
        queue.map = value;
      }
    }
  }

  #readQueue({ queue, logical, page, inside }: QueueRegister): number {
    const found = this.#queue(queue, logical);
    if (found === undefined) return 0;
    if (page === 0) return Number(this.#backend.page.read(logicalOf(found.map) * CMDQV_STRIDE.VCMDQ + inside, 4));
    return inside === 0 ? found.baseLo : inside === 4 ? found.baseHi : 0;
  }

  #writeQueue({ queue, logical, page, inside }: QueueRegister, value: number): void {
    const found = this.#queue(queue, logical);
    if (found === undefined) return;
    if (page === 0) this.#backend.page.write(logicalOf(found.map) * CMDQV_STRIDE.VCMDQ + inside, BigInt(value), 4);
    else if (inside === 4) found.baseHi = value;
    else if (inside === 0) {
      this.#close(found);
      found.baseLo = value;
      this.#open(found);
    }
  }

  /** A queue by its own number, or as the interface numbers it. */
  #queue(number: number, logical: boolean): Queue | undefined {
    const mapped = this.#queues.filter(({ map }) => CMDQV_CMDQ_ALLOC_MAP.f.ALLOC.get([map], 0) === 1);
    return logical
      ? mapped.find(({ map }) => logicalOf(map) === number)
      : mapped.find((found) => found === this.#queues[number]);
  }

  /** An interface that is off has no queues: they go, highest first as the host asks for, and come back with it. */
  #switched(): void {
    const queues = this.#queues.toSorted((a, b) => logicalOf(b.map) - logicalOf(a.map));
    if (this.#enabled) for (const queue of queues.reverse()) this.#open(queue);
    else for (const queue of queues) this.#close(queue);
  }

  #open(queue: Queue): void {
    const base = [queue.baseLo, queue.baseHi];
    const log2 = VCMDQ_BASE.f.LOG2SIZE.get(base, 0);
    const gpa = VCMDQ_BASE.f.ADDR.address(base, 0);
    const mapped = CMDQV_CMDQ_ALLOC_MAP.f.ALLOC.get([queue.map], 0) === 1;
    if (!this.#enabled || !mapped || queue.id !== null || gpa === 0 || log2 > LARGEST_LG2) return;
    queue.id = this.#backend.openQueue(logicalOf(queue.map), gpa, COMMAND_BYTES * 2 ** log2);
  }

  #close(queue: Queue): void {
    if (queue.id !== null && this.#backend.closeQueue(queue.id)) queue.id = null;
  }
}

const logicalOf = (map: number): number => CMDQV_CMDQ_ALLOC_MAP.f.LVCMDQ.get([map], 0);

interface QueueRegister {
  readonly queue: number;
  /** `queue` is a number within the interface. */
  readonly logical: boolean;
  readonly page: 0 | 1;
  readonly inside: number;
}

/** The register of a queue at an offset; null in the configuration page, and beyond interface 0. */
function queueRegister(offset: number): QueueRegister | null {
  if (offset < CMDQV_PAGE.VCMDQ_0 || offset >= CMDQV_PAGE.VINTF_0 + CMDQV_STRIDE.VINTF_PAGES) return null;
  const logical = offset >= CMDQV_PAGE.VINTF_0;
  const inPages = offset - (logical ? CMDQV_PAGE.VINTF_0 : CMDQV_PAGE.VCMDQ_0);
  const inPage = inPages % CMDQV_STRIDE.PAGE;
  return {
    queue: Math.floor(inPage / CMDQV_STRIDE.VCMDQ),
    logical,
    page: inPages < CMDQV_STRIDE.PAGE ? 0 : 1,
    inside: inPage % CMDQV_STRIDE.VCMDQ,
  };
}
