/**
 * Behind a virtual VT-d unit without nesting: in caching mode a guest invalidates what it maps as well as what it unmaps,
 * and the VMM then reads its second-stage tables and has the host map what it finds. VT-d §6.1 (caching mode), §9.8.
 *
 * The unit has legacy mode only. A mapping that the guest tells nobody of does not exist.
 */

import { entrySizeLg2 } from "../../pagetable/format.ts";
import { SecondDenied, vtdSecondFormat } from "../../pagetable/formats/vtd_second.ts";
import { GuestVtdTables, type SecondStage } from "./guest_vtd_tables.ts";
import type { GuestTables } from "./shadow_tables.ts";
import { ShadowedDevices } from "./shadowed_devices.ts";
import { type MakeVirtualIommu, untold } from "./virtual_iommu.ts";
import { type GuestRoot, VirtualVtd, type VtdBackend, type VtdScope } from "./virtual_vtd.ts";
import { VmObjects } from "./vm_objects.ts";

/** CAP: pages of 2 MiB and 1 GiB. */
const OFFERED = { cap: { SSLPS: 3 }, ecap: {} };
const FORMAT = vtdSecondFormat({ largePages: OFFERED.cap.SSLPS, snoop: false, transientMapping: false });
const PAGE = 4096;
const OUTPUT_BITS = 48;

class EmulatedVtd implements VtdBackend {
  readonly #sids: readonly number[];
  readonly #tables: GuestVtdTables;
  readonly #devices: ShadowedDevices;
  /** What each device meets; all start with guest memory as it is. */
  readonly #met = new Map<number, ReturnType<GuestVtdTables["secondStage"]>>();

  constructor(sids: readonly number[], tables: GuestVtdTables, devices: ShadowedDevices) {
    this.#sids = sids;
    this.#tables = tables;
    this.#devices = devices;
  }

  resync(root: GuestRoot | null): void {
    for (const sid of this.#sids) {
      const now = root === null ? "pass" : root.mode === LEGACY ? this.#tables.secondStage(root.at, sid) : "block";
      if (same(this.#met.get(sid) ?? "pass", now)) continue;
      this.#met.set(sid, now);
      if (now === "pass") this.#devices.pass(sid);
      else if (now === "block") this.#devices.block(sid);
      else this.#devices.follow(sid, guestTables(now));
    }
  }

  invalidate({ did, pages }: VtdScope): void {
    for (const [sid, met] of this.#met) {
      if (typeof met === "string" || (did !== null && met.did !== did)) continue;
      const tables = this.#devices.of(sid);
      if (pages === null) tables?.refresh();
      else tables?.refresh(Number(pages.at), Number(pages.count) * PAGE);
    }
  }
}

/** RTADDR.TTM. */
const LEGACY = 0;

function same(a: SecondStage | string, b: SecondStage | string): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.did === b.did && a.root === b.root && a.levels === b.levels;
}

function guestTables({ root, levels }: SecondStage): GuestTables {
  const level = levels - 1;
  const entries = 2 ** FORMAT.strideLg2;
  return {
    root: { fmt: FORMAT, at: root, level, entries, outputBits: Math.min(OUTPUT_BITS, entrySizeLg2(FORMAT, level + 1)) },
    rights: ({ lo, inherited }) => {
      const allowed = lo & ~inherited;
      return { read: (allowed & SecondDenied.Read) !== 0, write: (allowed & SecondDenied.Write) !== 0 };
    },
  };
}

/** The guest tells of every change, and the VMM follows; hardware translates in one stage: `emulated`. */
export const makeEmulatedVtd: MakeVirtualIommu = ({ caller, slots, devices, memory, journal }) => {
  const vm = VmObjects.make(caller, slots, devices, 0);
  if (!(vm instanceof VmObjects)) return vm;
  const sids = devices.map((d) => d.virtualId);
  const shadowed = new ShadowedDevices(vm, slots, memory);
  const backend = new EmulatedVtd(sids, new GuestVtdTables(memory), shadowed);
  const unit = new VirtualVtd(OFFERED, memory, backend, journal);
  return untold(vm, unit.pages);
};
