/**
 * Behind a virtual AMD IOMMU without nesting: the VMM follows the guest's host (version 1) tables, which it write-protects,
 * and has the host map what it finds. 48882 §2.2.3.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import type { AlignedRange } from "../../kernel/address_range.ts";
import { AMD_V1, V1_READ, V1_WRITE } from "../../pagetable/formats/amdv1.ts";
import type { DeviceBinding } from "./guest_device_table.ts";
import type { GuestTables } from "./shadow_tables.ts";
import { ShadowedDevices } from "./shadowed_devices.ts";
import { type AmdBackend, VirtualAmd } from "./virtual_amd.ts";
import { type MakeVirtualIommu, untold } from "./virtual_iommu.ts";
import { VmObjects } from "./vm_objects.ts";
import { WatchedMemory } from "./watched_memory.ts";

/** Host tables of up to 4 levels (HATS), and no guest tables. What devices keep goes with the host's mappings. */
const OFFERED = { features: { IASup: 1, HATS: 0 }, deviceTlbs: true };
const PAGE = 4096;
const MOST_LEVELS = 4;
const OUTPUT_BITS = 52;

class EmulatedAmd implements AmdBackend {
  readonly #devices: ShadowedDevices;

  constructor(devices: ShadowedDevices) {
    this.#devices = devices;
  }

  install(sid: number, binding: DeviceBinding): void {
    const tables = typeof binding === "string" ? null : hostTables(binding);
    if (binding === "pass") this.#devices.pass(sid);
    else if (tables === null) this.#devices.block(sid);
    else this.#devices.follow(sid, tables);
  }

  /** What devices themselves wrote to tables is seen now at the latest. */
  invalidate(_domain: number | null, range: AlignedRange | null): void {
    for (const tables of this.#devices.tables()) {
      if (range === null) tables.refresh();
      else tables.refresh(range.at, PAGE * 2 ** range.pagesLg2);
    }
  }
}

/** The tables of an entry; null for none that the IOMMU has. */
function hostTables(entry: Uint32Array): GuestTables | null {
  const { Mode, HostPageTableRootPtr, IR, IW } = DTE.f;
  const levels = Mode.get(entry, 0);
  if (levels === 0 || levels > MOST_LEVELS) return null;
  const allowed = (IR.get(entry, 0) === 1 ? V1_READ : 0) | (IW.get(entry, 0) === 1 ? V1_WRITE : 0);
  const at = HostPageTableRootPtr.address(entry, 0);
  return {
    root: { fmt: AMD_V1, at, level: levels - 1, entries: 2 ** AMD_V1.strideLg2, outputBits: OUTPUT_BITS },
    rights: ({ hi, inherited }) => {
      const granted = hi & allowed & ~inherited;
      return { read: (granted & V1_READ) !== 0, write: (granted & V1_WRITE) !== 0 };
    },
  };
}

/** The VMM follows the guest's tables; hardware translates in one stage: `emulated`. */
export const makeEmulatedAmd: MakeVirtualIommu = ({ caller, slots, devices, memory, journal }) => {
  const vm = VmObjects.make(caller, slots, devices, 0);
  if (!(vm instanceof VmObjects)) return vm;
  const sids = devices.map((d) => d.virtualId);
  const watched = new WatchedMemory(memory, journal, (at) => {
    for (const tables of shadowed.tables()) tables.written(at);
  });
  const shadowed = new ShadowedDevices(vm, slots, memory, watched);
  const iommu = new VirtualAmd(OFFERED, sids, memory, new EmulatedAmd(shadowed), journal);
  return untold(vm, iommu.pages, watched);
};
