/**
 * Devices of a virtual machine without nesting: the VMM has the host map what the guest's tables map, in an IOAS for each
 * device. A device is attached to that, to all of guest memory, or to nothing. Linux 7.2, include/uapi/linux/iommufd.h.
 */
import {
  IOAS_ALLOC,
  IOAS_MAP,
  IOAS_UNMAP,
  MAP_FIXED_IOVA,
  MAP_READABLE,
  MAP_WRITEABLE,
} from "../../host/iommufd/ioctls.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { type GuestTables, ShadowTables, type ShadowTarget } from "./shadow_tables.ts";
import type { MemorySlot, OpenDevice, VmObjects } from "./vm_objects.ts";
import type { WatchedMemory } from "./watched_memory.ts";

/** An IOAS and the guest's tables that fill it. */
interface Shadow {
  readonly ioas: number;
  readonly tables: ShadowTables;
}

export class ShadowedDevices {
  readonly #vm: VmObjects;
  readonly #slots: readonly MemorySlot[];
  readonly #memory: KernelMemory;
  readonly #watched: WatchedMemory | undefined;
  /** By virtual id. */
  readonly #shadows = new Map<number, Shadow>();
  readonly #blocked = new Set<number>();

  /** @param watched where the VMM write-protects the tables that it follows */
  constructor(vm: VmObjects, slots: readonly MemorySlot[], memory: KernelMemory, watched?: WatchedMemory) {
    this.#vm = vm;
    this.#slots = slots;
    this.#memory = memory;
    this.#watched = watched;
  }

  /** What is followed. */
  *tables(): Iterable<ShadowTables> {
    for (const { tables } of this.#shadows.values()) yield tables;
  }

  /** What is followed of a device; undefined where nothing is. */
  of(sid: number): ShadowTables | undefined {
    return this.#shadows.get(sid)?.tables;
  }

  /** A device reaches all of guest memory as it is. */
  pass(sid: number): void {
    const device = this.#vm.device(sid)!;
    this.#attach(device, device.parent);
    this.#drop(sid);
  }

  /** A device reaches nothing. */
  block(sid: number): void {
    if (!this.#blocked.has(sid)) {
      this.#vm.detach(this.#vm.device(sid)!);
      this.#blocked.add(sid);
    }
    this.#drop(sid);
  }

  /** A device reaches what these tables map; it is moved there when all of it is. */
  follow(sid: number, guest: GuestTables | null): void {
    const ioas = this.#vm.call(IOAS_ALLOC, {})?.out_ioas_id;
    if (ioas === undefined) return;
    const tables = new ShadowTables(this.#memory, this.#targetOf(ioas), this.#watched);
    tables.follow(guest);
    const done = this.#attach(this.#vm.device(sid)!, ioas);
    if (done) this.#drop(sid);
    if (done) this.#shadows.set(sid, { ioas, tables });
    else this.#destroy({ ioas, tables });
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

  /** Mappings of guest memory in an IOAS; what lies outside of it has none. */
  #targetOf(ioas_id: number): ShadowTarget {
    const mapped = new Map<number, { readonly iova: bigint; readonly length: bigint }>();
    return {
      map: (iova, gpa, bytes, { read, write }) => {
        const slot = this.#slots.find((s) => gpa < s.gpa + s.bytes && gpa + bytes > s.gpa);
        if (slot === undefined) return;
        const from = Math.max(gpa, slot.gpa);
        const length = BigInt(Math.min(gpa + bytes, slot.gpa + slot.bytes) - from);
        const place = { iova: BigInt(iova + (from - gpa)), length };
        const flags = MAP_FIXED_IOVA | (read ? MAP_READABLE : 0) | (write ? MAP_WRITEABLE : 0);
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
