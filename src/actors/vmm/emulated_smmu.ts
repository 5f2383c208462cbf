/**
 * Behind a virtual SMMUv3 without nesting: the VMM follows the guest's tables in software and has the host map what they
 * map, in an IOAS for each device. The guest's stage 1 and the VMM's slots become one stage of hardware.
 *
 * Substreams are not offered, and faults of devices do not reach the guest: they are of the host's tables.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import {
  HwInfoType,
  IOAS_ALLOC,
  IOAS_MAP,
  IOAS_UNMAP,
  MAP_FIXED_IOVA,
  MAP_READABLE,
  MAP_WRITEABLE,
} from "../../host/iommufd/ioctls.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { DirtyLog } from "./dirty_log.ts";
import { readWords } from "./guest_words.ts";
import { ShadowTables, type ShadowTarget } from "./shadow_tables.ts";
import { HW_INFO_BYTES, virtualIdentity } from "./virtual_identity.ts";
import type { MakeVirtualIommu } from "./virtual_iommu.ts";
import { type SmmuBackend, VirtualSmmu } from "./virtual_smmu.ts";
import { type MemorySlot, type OpenDevice, VmObjects } from "./vm_objects.ts";
import { WatchedMemory } from "./watched_memory.ts";

const CONFIG_BYPASS = 4;
const CONFIG_STAGE_1 = 5;
const CFGI_CD = 0x05;
const CFGI_CD_ALL = 0x06;
/** What the VMM does not follow is not offered. */
const LESS = { IDR1: { SSIDSIZE: 0 }, IDR5: { GRAN16K: 0, GRAN64K: 0 } };

/** A device whose stream has a stage 1. */
interface Shadow {
  readonly ioas: number;
  readonly context: number;
  readonly tables: ShadowTables;
}

class EmulatedSmmu implements SmmuBackend {
  readonly watched: WatchedMemory;
  readonly #vm: VmObjects;
  readonly #slots: readonly MemorySlot[];
  readonly #memory: KernelMemory;
  /** By virtual id. */
  readonly #shadows = new Map<number, Shadow>();
  readonly #blocked = new Set<number>();

  constructor(
    vm: VmObjects,
    slots: readonly MemorySlot[],
    memory: KernelMemory,
    watch: (written: (at: number) => void) => WatchedMemory,
  ) {
    this.#vm = vm;
    this.#slots = slots;
    this.#memory = memory;
    this.watched = watch((at) => {
      for (const { tables } of this.#shadows.values()) tables.written(at);
    });
  }

  install(sid: number, ste: Uint32Array | null): void {
    const config = ste !== null && STE.f.V.get(ste, 0) === 1 ? STE.f.Config.get(ste, 0) : 0;
    const { f } = STE;
    if (config === CONFIG_BYPASS) this.disabled(sid, true);
    else if (config !== CONFIG_STAGE_1) this.disabled(sid, false);
    else this.#follow(sid, f.S1ContextPtr.address(ste!, 0));
  }

  disabled(sid: number, pass: boolean): void {
    const device = this.#vm.device(sid)!;
    if (pass) this.#attach(device, this.#vm.parent);
    else if (!this.#blocked.has(sid)) {
      this.#vm.detach(device);
      this.#blocked.add(sid);
    }
    this.#drop(sid);
  }

  invalidate(commands: readonly Uint32Array[]): void {
    for (const words of commands) {
      const opcode = words[0]! & 0xff;
      const shadow = this.#shadows.get(words[1]!);
      if ((opcode === CFGI_CD || opcode === CFGI_CD_ALL) && shadow !== undefined) this.#readContext(shadow);
    }
    // What devices themselves wrote to tables is seen now at the latest.
    for (const { tables } of this.#shadows.values()) tables.refresh();
  }

  #follow(sid: number, context: number): void {
    const device = this.#vm.device(sid)!;
    const ioas = this.#vm.call(IOAS_ALLOC, {})?.out_ioas_id;
    if (ioas === undefined) return;
    const tables = new ShadowTables(this.#memory, this.watched, this.#targetOf(ioas));
    const shadow = { ioas, context, tables };
    this.#readContext(shadow);
    if (this.#attach(device, ioas)) {
      this.#drop(sid);
      this.#shadows.set(sid, shadow);
    } else this.#destroy(shadow);
  }

  #attach(device: OpenDevice, pt: number): boolean {
    const done = this.#vm.attach(device, pt);
    if (done) this.#blocked.delete(device.virtualId);
    return done;
  }

  #drop(sid: number): void {
    const old = this.#shadows.get(sid);
    this.#shadows.delete(sid);
    if (old !== undefined) this.#destroy(old);
  }

  #destroy({ ioas, tables }: Shadow): void {
    tables.follow(null);
    this.#vm.destroy(ioas);
  }

  #readContext({ context, tables }: Shadow): void {
    tables.follow(readWords(this.#memory, context, CD.bits / 32));
  }

  /** Mappings of guest memory in an IOAS; what lies outside of it has none. */
  #targetOf(ioas_id: number): ShadowTarget {
    const mapped = new Map<number, { readonly iova: bigint; readonly length: bigint }>();
    return {
      map: (iova, gpa, bytes, write) => {
        const slot = this.#slots.find((s) => gpa < s.gpa + s.bytes && gpa + bytes > s.gpa);
        if (slot === undefined) return;
        const from = Math.max(gpa, slot.gpa);
        const length = BigInt(Math.min(gpa + bytes, slot.gpa + slot.bytes) - from);
        const place = { iova: BigInt(iova + (from - gpa)), length };
        const flags = MAP_FIXED_IOVA | MAP_READABLE | (write ? MAP_WRITEABLE : 0);
        const user_va = slot.va + BigInt(from - slot.gpa);
        if (this.#vm.call(IOAS_MAP, { flags, ioas_id, user_va, ...place }) !== null) mapped.set(iova, place);
      },
      unmap: (iova) => {
        const place = mapped.get(iova);
        if (place !== undefined) this.#vm.call(IOAS_UNMAP, { ioas_id, ...place });
        mapped.delete(iova);
      },
      overflowed: () => this.#vm.note({ step: "following the guest's tables", errno: "ENOSPC" }),
    };
  }
}

/** The VMM follows the guest's tables; hardware translates in one stage: `emulated`. */
export const makeEmulatedSmmu: MakeVirtualIommu = ({ caller, slots, devices, memory, journal }) => {
  const vm = VmObjects.make(caller, slots, devices, 0);
  if (!(vm instanceof VmObjects)) return vm;
  const backend = new EmulatedSmmu(vm, slots, memory, (written) => new WatchedMemory(memory, journal, written));
  const identity = virtualIdentity(vm.hardwareInfo(HwInfoType.ARM_SMMUV3, HW_INFO_BYTES), LESS);
  const sids = devices.map((d) => d.virtualId);
  const smmu = new VirtualSmmu(identity, sids, memory, backend, journal);
  const dirty = new DirtyLog(vm, slots);
  return { registers: smmu.pages, memory: backend.watched, serve: () => 0, dirty, refused: vm.refused };
};
