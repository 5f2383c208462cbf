/**
 * Two virtual machines behind one SMMU: whatever the one does with its calls, commands and memory, no DMA of its devices
 * reaches memory outside its stage 2, and no event and no invalidation crosses to the other.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { SMMUV3 } from "../../../machine/smmuv3/architecture.ts";
import type { Unit } from "../../../machine/unit.ts";
import {
  HWPT_ALLOC,
  HWPT_INVALIDATE,
  HwptDataType,
  HwptFlag,
  InvalidateDataType,
  IOAS_ALLOC,
  IOAS_MAP,
  IOAS_UNMAP,
  VDEVICE_ALLOC,
  VEVENTQ_ALLOC,
  VIOMMU_ALLOC,
} from "../../iommufd/ioctls.ts";
import {
  DRIVER_BYTES,
  DRIVER_PA,
  HostWorld,
  MEMORY_LAYOUT,
  USER_BYTES,
  USER_PA,
  USER_VA,
} from "../../testing/host_world.ts";
import type { HostDevice } from "../driver.ts";
import { SmmuDriver } from "./smmu_driver.ts";

/** Each VM gets half of the user's memory, at the same guest physical address. */
const GUEST_IPA = 0x4000_0000n;
const GUEST_BYTES = USER_BYTES / 2n;
const CDS_TRANSLATE = 0x4000_000bn;
const MAP_ALL = 7;

interface Vm {
  readonly device: HostDevice;
  readonly fd: number;
  readonly id: number;
  readonly ioas: number;
  readonly parent: number;
  readonly viommu: number;
  readonly events: number;
  /** Where its memory lies. */
  readonly va: bigint;
  readonly pa: bigint;
}

interface World {
  readonly host: HostWorld;
  readonly unit: Unit;
  readonly driver: SmmuDriver;
  readonly memory: PhysicalMemory;
  readonly vms: readonly [Vm, Vm];
}

const device = (driver: SmmuDriver, sid: number): HostDevice => {
  const name = `0000:00:0${sid}.0`;
  return { name, group: sid, sid, driver, maxPasidLog2: 0, ats: false, pri: false };
};

const words64 = (...words: readonly bigint[]): Uint8Array =>
  new Uint8Array(new BigUint64Array(words.map((w) => BigInt.asUintN(64, w))).buffer);

/** An SMMU with both stages and caches; the root complex is coherent, so that there are vIOMMUs. */
function makeWorld(): World {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const registers = { IDR0: 0xd44101bn, IDR1: 0x2730010n, IDR3: 0x1414n, IDR5: 0x74n, AIDR: 1n };
  // Large, so that what one guest caches does not push out what the other has.
  const size = { entries: 1024, ways: 16 };
  const caches = { ste: size, cd: size, tlb: size, stage1: size, stage2: size, walk1: size, walk2: size };
  const nothing = { outside: "abort", zero: [], segments: [] } as const;
  const unit = SMMUV3.make({ arch: "smmuv3", registers, memory: nothing, devices: [], caches }, memory);
  const config = { pageLg2: 12, coherentRootComplex: true, sva: false };
  const driver = SmmuDriver.start(config, unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
  const devices = [device(driver, 1), device(driver, 2)];
  const host = new HostWorld(memory, devices);
  const vms = devices.map((d, i) => makeVm(host, d, BigInt(i))) as [Vm, Vm];
  return { host, unit, driver, memory, vms };
}

function makeVm(host: HostWorld, d: HostDevice, half: bigint): Vm {
  const { fd, id } = host.bind(d);
  const va = USER_VA + half * GUEST_BYTES;
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  host.must(IOAS_MAP, { flags: MAP_ALL, ioas_id: ioas, user_va: va, length: GUEST_BYTES, iova: GUEST_IPA });
  const parent = host.must(HWPT_ALLOC, { flags: HwptFlag.NEST_PARENT, dev_id: id, pt_id: ioas }).out_hwpt_id;
  const viommu = host.must(VIOMMU_ALLOC, { type: 1, dev_id: id, hwpt_id: parent }).out_viommu_id;
  host.must(VDEVICE_ALLOC, { viommu_id: viommu, dev_id: id, virt_id: 0x10n });
  const events = host.must(VEVENTQ_ALLOC, { viommu_id: viommu, type: 1, veventq_depth: 64 }).out_veventq_fd;
  return { device: d, fd, id, ioas, parent, viommu, events, va, pa: USER_PA + half * GUEST_BYTES };
}

/** Attach a guest's stream table entry; whatever was there stays if it is refused. */
function attach({ host }: World, vm: Vm, first: bigint, second: bigint): boolean {
  const data = { data_type: HwptDataType.ARM_SMMUV3, data_len: 16, data_uptr: host.put(words64(first, second)) };
  const { returned, out } = host.call(HWPT_ALLOC, { dev_id: vm.id, pt_id: vm.viommu, ...data });
  return returned === 0 && host.attach(vm.fd, out.out_hwpt_id) === 0;
}

/** One access: the physical address it went to, null for a fault. */
function access({ unit, driver }: World, vm: Vm, iova: bigint, write: boolean): bigint | null {
  const transfer = { sid: vm.device.sid, ssid: null, iova, privileged: false, instruction: false, length: 4 };
  const result = unit.transfer({ ...transfer, write, ...(write ? { data: new Uint8Array(4) } : {}) });
  driver.interrupt();
  return result.ok ? result.pa : null;
}

/** A context and tables in which address 0 of the guest's space is the first page of data. */
function goodTables({ host }: World, vm: Vm): void {
  const table = (at: bigint, entry: bigint): void => {
    host.process.write(vm.va + at, words64(entry));
  };
  const cd = words64(0x55e202c0003510n, GUEST_IPA | 0x1000n, 0n, 0xffn);
  host.process.write(vm.va, cd);
  table(0x1000n, GUEST_IPA | 0x2003n);
  table(0x2000n, GUEST_IPA | 0x3003n);
  table(0x3000n, GUEST_IPA | 0x4003n);
  table(0x4000n, GUEST_IPA | 0x10743n);
}

const eventsOf = ({ host }: World, vm: Vm): number => {
  const bytes = host.process.file(vm.events)!.read!(4096, 0n);
  return typeof bytes === "string" ? -1 : bytes.length / 40;
};

const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
/** Words of descriptors and commands: mostly such as mean something, with addresses in and out of the guest's memory. */
const address = fc.oneof(
  fc.bigInt({ min: 0n, max: 0x1ffn }).map((n) => GUEST_IPA + (n << 12n)),
  fc.bigInt({ min: 0n, max: 0xfffffn }).map((n) => n << 12n),
);
const entry = fc.oneof(
  fc.tuple(address, fc.constantFrom(3n, 0x743n, 0x741n, 0x7c3n, 1n)).map(([at, bits]) => at | bits),
  word,
);
const opcode = fc.oneof(
  fc.constantFrom(0x05n, 0x06n, 0x10n, 0x11n, 0x12n, 0x13n, 0x30n, 0x40n, 0x28n, 0x2an, 0x03n, 0x04n),
  fc.bigInt({ min: 0n, max: 255n }),
);
const step = fc.oneof(
  fc.record({ do: fc.constant("write" as const), page: fc.integer({ min: 0, max: 6 }), index: fc.nat(6), entry }),
  fc.record({ do: fc.constant("command" as const), opcode, low: word, high: word }),
  fc.record({ do: fc.constant("entry" as const), first: fc.oneof(fc.constant(CDS_TRANSLATE), word), second: word }),
  fc.record({
    do: fc.constant("dma" as const),
    iova: fc.oneof(fc.nat(0x3000).map(BigInt), address, word),
    write: fc.boolean(),
  }),
  fc.record({ do: fc.constant("unmap" as const) }),
  fc.record({ do: fc.constant("map" as const) }),
);

describe("virtual machines behind one SMMU", () => {
  it("DMA of a guest's device goes where its tables say", () => {
    const world = makeWorld();
    const [vm] = world.vms;
    goodTables(world, vm);
    expect(attach(world, vm, CDS_TRANSLATE, 0xd4n)).toBe(true);
    expect(access(world, vm, 0x10n, true)).toBe(vm.pa + 0x10010n);
    expect(access(world, vm, 0x1000n, true)).toBeNull();
    expect([eventsOf(world, vm), eventsOf(world, world.vms[1])]).toEqual([1, 0]);
  });

  it("nothing a guest does lets its device out of its memory, or touches the other guest", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        const world = makeWorld();
        const { host } = world;
        const [guest, other] = world.vms;
        for (const vm of world.vms) {
          goodTables(world, vm);
          attach(world, vm, CDS_TRANSLATE, 0xd4n);
        }
        expect(access(world, other, 0n, false)).toBe(other.pa + 0x10000n);
        // From now on the other guest's tables lead elsewhere; it has not invalidated what is cached of them.
        host.process.write(other.va + 0x4000n, words64(GUEST_IPA | 0x20743n));
        let mapped = true;
        for (const s of steps) {
          if (s.do === "write") {
            host.process.write(guest.va + BigInt(s.page * 0x1000 + 8 * s.index), words64(s.entry));
          } else if (s.do === "command") {
            const data_uptr = host.put(words64((s.low & ~0xffn) | s.opcode, s.high));
            const type = InvalidateDataType.ARM_SMMUV3;
            const values = { hwpt_id: guest.viommu, data_uptr, data_type: type, entry_len: 16, entry_num: 1 };
            host.call(HWPT_INVALIDATE, values);
          } else if (s.do === "entry") attach(world, guest, s.first, s.second);
          else if (s.do === "unmap") {
            host.call(IOAS_UNMAP, { ioas_id: guest.ioas, iova: GUEST_IPA, length: GUEST_BYTES });
            mapped = false;
          } else if (s.do === "map") {
            const values = { flags: MAP_ALL, ioas_id: guest.ioas, user_va: guest.va, iova: GUEST_IPA };
            host.call(IOAS_MAP, { ...values, length: GUEST_BYTES });
            mapped = true;
          } else {
            const pa = access(world, guest, s.iova, s.write);
            if (pa === null) continue;
            expect(mapped).toBe(true);
            expect(pa >= guest.pa && pa < guest.pa + GUEST_BYTES).toBe(true);
          }
        }
        // What the other guest has cached still serves it, and nothing was said to it.
        expect(access(world, other, 0n, false)).toBe(other.pa + 0x10000n);
        expect(eventsOf(world, other)).toBe(0);
      }),
      { numRuns: 40, seed: 16 },
    );
  }, 60_000);

  it("the context stays the guest's own address: one outside stage 2 is a fault, not a read", () => {
    const world = makeWorld();
    const [vm] = world.vms;
    expect(attach(world, vm, (USER_PA & ~0x3fn) | 0xbn, 0xd4n)).toBe(true);
    expect(access(world, vm, 0n, false)).toBeNull();
  });
});
