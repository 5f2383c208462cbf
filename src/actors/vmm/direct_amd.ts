/**
 * A virtual AMD IOMMU whose buffers hardware works on by itself: the `nested, direct` mode. The guest's command buffer,
 * event log and page request log are the physical IOMMU's, and the page of registers with their heads and tails is the
 * guest's own; what places and enables them, and the device table, still leave the guest. 48882 chapter 5; the division
 * of work as public patches of the feature for Linux and QEMU have it.
 */
import { CMD_BASE, EVT_BASE, PPR_BASE } from "../../arch/amdvi/buffer_registers.ts";
import { DTE_BYTES } from "../../arch/amdvi/dte.ts";
import { VF_BYTES } from "../../arch/amdvi/viommu.ts";
import { fieldValue, type Layout } from "../../base/layout.ts";
import type { RegisterFile } from "../../engine/common/register_file.ts";
import { HW_QUEUE_ALLOC, HwQueueType } from "../../host/iommufd/ioctls.ts";
import type { FurtherIommu, KernelMemory, RegisterPages } from "../../kernel/platform.ts";
import { ofUnit } from "../../protocol/unit_names.ts";
import type { Journal } from "../journal.ts";
import { AmdNesting, amdParts, guestFeatures, PAGE_REQUESTS } from "./amd_nesting.ts";
import { bindingOf, type DeviceBinding, entryAddress } from "./guest_device_table.ts";
import { trappedPage } from "./trapped_page.ts";
import type { Viommu } from "./viommus.ts";
import { type AmdOffer, virtualRegisters } from "./virtual_amd_registers.ts";
import { type MakeVirtualIommu, untold } from "./virtual_iommu.ts";
import type { VmObjects } from "./vm_objects.ts";
import { WatchedMemory } from "./watched_memory.ts";

/** iommu_viommu_amd: the offset to map the guest's page of registers at. */
const VIOMMU_DATA_BYTES = 8;
/** Where the guest finds that page. */
const DIRECT = { from: 0x2000, to: 0x2000 + VF_BYTES };
const ENTRY_BYTES = 16;

/** A buffer: the register that places it, and what enables it and its flags, lowest bit first. */
interface Buffer {
  readonly type: number;
  readonly register: Layout;
  readonly base: string;
  readonly length: string;
  readonly flags: readonly [enable: string, ...others: string[]];
}

const BUFFERS: readonly Buffer[] = [
  {
    type: HwQueueType.AMD_CMD,
    register: CMD_BASE,
    base: "ComBase",
    length: "ComLen",
    flags: ["CmdBufEn", "ComWaitIntEn"],
  },
  {
    type: HwQueueType.AMD_EVT,
    register: EVT_BASE,
    base: "EventBase",
    length: "EventLen",
    flags: ["EventLogEn", "EventIntEn"],
  },
  {
    type: HwQueueType.AMD_PPR,
    register: PPR_BASE,
    base: "PPRLogBase",
    length: "PPRLogLen",
    flags: ["PPRLogEn", "PprIntEn", "PPREn", "PprAutoRspEn", "BlkStopMrkEn", "PprAutoRspAon"],
  },
];

/** What stands behind the virtual IOMMU. */
interface DirectBackend {
  install(sid: number, binding: DeviceBinding): void;
  /** Have hardware work on a buffer in guest memory. @returns its id, null where it is refused */
  openQueue(type: number, flags: number, gpa: number, bytes: number): number | null;
  closeQueue(id: number): void;
  /** The page of registers that hardware answers. */
  readonly page: RegisterPages;
}

class DirectAmd {
  readonly pages: RegisterPages;
  readonly #file: RegisterFile;
  readonly #watched: WatchedMemory;
  readonly #memory: KernelMemory;
  readonly #backend: DirectBackend;
  readonly #sids: readonly number[];
  /** What hardware works on, by type, with what it was opened as. */
  readonly #open = new Map<number, { readonly id: number | null; readonly as: string }>();
  /** By device: where its entry is, whose page is watched, and what its requests meet. */
  readonly #entries = new Map<number, number>();
  readonly #installed = new Map<number, string>();

  /** @param what how the journal names its registers */
  constructor(
    offer: AmdOffer,
    sids: readonly number[],
    memory: { readonly whole: KernelMemory; readonly watched: WatchedMemory },
    backend: DirectBackend,
    journal: Journal,
    what: string,
  ) {
    const file = virtualRegisters(offer);
    for (const word of [0, 1]) {
      file.onWrite("CONTROL", word, () => this.#switched());
      file.onWrite("DEVTAB_BASE", word, () => this.#moved());
      for (const { register } of BUFFERS) file.onWrite(register.name, word, () => this.#place());
    }
    this.#file = file;
    this.#sids = sids;
    this.#memory = memory.whole;
    this.#watched = memory.watched;
    this.#backend = backend;
    this.pages = divided(trappedPage(what, file, journal), backend.page);
  }

  /** The guest wrote to a page of its device table. */
  written(at: number): void {
    for (const [sid, entry] of this.#entries) {
      if (at >= entry && at < entry + DTE_BYTES) this.#install(sid);
    }
  }

  #switched(): void {
    for (const sid of this.#sids) this.#install(sid);
    this.#place();
  }

  /** The device table lies elsewhere. */
  #moved(): void {
    for (const entry of this.#entries.values()) this.#watched.unwatch(entry);
    this.#entries.clear();
    for (const sid of this.#sids) {
      const entry = entryAddress(this.#file, sid);
      if (entry !== null) this.#entries.set(sid, entry);
    }
    for (const entry of this.#entries.values()) this.#watched.watch(entry);
  }

  #install(sid: number): void {
    const on = this.#file.get("CONTROL", "IommuEn") === 1;
    const binding = on ? bindingOf(this.#file, this.#memory, sid) : "pass";
    const text = String(binding);
    if (this.#installed.get(sid) === text) return;
    this.#installed.set(sid, text);
    this.#backend.install(sid, binding);
  }

  /** Have hardware work on what is enabled, where it lies. */
  #place(): void {
    const file = this.#file;
    for (const { type, register, base, length, flags } of BUFFERS) {
      const gpa = Number(fieldValue(register, base, file.words, file.at(register.name)));
      const bytes = ENTRY_BYTES * 2 ** file.get(register.name, length);
      const set = flags.reduce((all, name, bit) => all | (file.get("CONTROL", name) << bit), 0);
      const on = file.get("CONTROL", "IommuEn") === 1 && file.get("CONTROL", flags[0]) === 1;
      const as = on ? `${gpa} ${bytes} ${set}` : "";
      const open = this.#open.get(type);
      if ((open?.as ?? "") === as) continue;
      if (open !== undefined && open.id !== null) this.#backend.closeQueue(open.id);
      this.#open.delete(type);
      if (on) this.#open.set(type, { id: this.#backend.openQueue(type, set, gpa, bytes), as });
    }
  }
}

/** Registers of which one page is hardware's, and the rest is trapped. */
function divided(trapped: RegisterPages, page: RegisterPages): RegisterPages {
  const direct = (offset: number, width: number): boolean => offset >= DIRECT.from && offset + width <= DIRECT.to;
  return {
    read: (offset, width) =>
      direct(offset, width) ? page.read(offset - DIRECT.from, width) : trapped.read(offset, width),
    write: (offset, value, width) =>
      direct(offset, width) ? page.write(offset - DIRECT.from, value, width) : trapped.write(offset, value, width),
  };
}

/** The guest's page of registers, where the vIOMMU's data say. */
function mapPage(vm: VmObjects, { data }: Viommu): RegisterPages | string {
  const [offset] = new BigUint64Array(data.slice().buffer);
  return vm.caller.system.mmap(vm.iommufd, offset!, BigInt(VF_BYTES));
}

/** Buffers are of the IOMMU that works on them: the guest has an IOMMU for each of the host's. */
export const makeDirectAmd: MakeVirtualIommu = (setting) => {
  const parts = amdParts(setting, new Uint8Array(VIOMMU_DATA_BYTES));
  if (!("vm" in parts)) return parts;
  const { vm, viommus } = parts;
  const { memory, journal } = setting;
  const nesting = new AmdNesting(parts, "the guest's");
  // What a guest tells its devices, hardware tells them; and what they ask for stands in the guest's own log.
  const offer = { features: guestFeatures(vm, ...PAGE_REQUESTS), deviceTlbs: true };
  const iommus: DirectAmd[] = [];
  const watched = new WatchedMemory(memory, journal, (at) => {
    for (const iommu of iommus) iommu.written(at);
  });
  const reached: FurtherIommu[] = [];
  for (const [i, viommu] of viommus.entries()) {
    const page = mapPage(vm, viommu);
    if (typeof page === "string") return { step: "mmap of the guest's registers", errno: page };
    const backend = { page, install: nesting.install.bind(nesting), ...queuesOf(vm, viommu) };
    const what = `${ofUnit(i)} AMD IOMMU`.trimStart();
    const iommu = new DirectAmd(offer, viommu.sids, { whole: memory, watched }, backend, journal, what);
    iommus.push(iommu);
    reached.push({ name: ofUnit(i), registers: iommu.pages, behind: new Set(viommu.sids) });
  }
  const [first, ...further] = reached;
  return { ...untold(vm, first!.registers, watched), further };
};

const queuesOf = (vm: VmObjects, { id: viommu_id }: Viommu): Pick<DirectBackend, "openQueue" | "closeQueue"> => ({
  openQueue: (type, flags, gpa, bytes) => {
    const where = { nesting_parent_iova: BigInt(gpa), length: BigInt(bytes) };
    return vm.call(HW_QUEUE_ALLOC, { viommu_id, type, flags, index: 0, ...where })?.out_hw_queue_id ?? null;
  },
  closeQueue: (id) => vm.destroy(id),
});
