import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { encodeFields } from "../../base/encode.ts";
import { ContainerWorld, GUEST_PA } from "../testing/container_world.ts";
import type { Values } from "../uapi_struct.ts";
import { CHECK_EXTENSION, Extension, IOMMU_GET_INFO } from "../vfio/ioctls.ts";
import {
  CACHE_INVALIDATE,
  DEVICE_GET_REGION_INFO,
  FAULT_REGION_INDEX,
  IOASID_REQUEST_ALLOC,
  IOASID_REQUEST_FREE,
  IOMMU_FAULT,
  NESTING_INFO,
  NESTING_OP_V7,
  NESTING_OP_V8,
  PASID_REQUEST,
  PASID_TABLE_CONFIG,
  REGION_DMA_FAULT,
  SET_MSI_BINDING,
  SET_PASID_TABLE,
} from "../vfio/ioctls_before_iommufd.ts";
import type { EraName } from "./eras.ts";

const V16 = "SMMUv3 nesting over VFIO v16";
const V8 = "vSVA over VFIO v8";
const V7 = "vSVA over VFIO v7";
const NESTING = Extension.NESTING_IOMMU;

/** Guest memory: a context, tables of three levels over it, a page of data. */
const CONTEXT = GUEST_PA;
const TABLES = [GUEST_PA + 0x1000n, GUEST_PA + 0x2000n, GUEST_PA + 0x3000n, GUEST_PA + 0x4000n] as const;
const DATA = GUEST_PA + 0x5000n;
const IOVA = 0x1000n;
const ASID = 7;

/** A container of the nesting type with one device and all of the guest's memory. */
function nested(arch: string, era: EraName) {
  const world = new ContainerWorld(arch, era);
  const [device] = world.devices;
  const container = world.open();
  const group = world.join(container, device!).fd;
  expect(world.setIommu(container, NESTING)).toBe(0);
  expect(world.mapGuest(container)).toBe(0);
  return { world, container, group, device: device! };
}

/** Write a guest's SMMUv3 stage 1 that maps {@link IOVA} to {@link DATA}, read-only where asked for. */
function smmuTables(world: ContainerWorld): void {
  const fields = { V: 1, T0SZ: 16, AA64: 1, EPD1: 1, IPS: 5, R: 1, A: 1, ASET: 1, ASID, TTB0: Number(TABLES[0]) };
  const words = encodeFields(CD, fields);
  world.guest(CONTEXT, ...new BigUint64Array(words.buffer));
  for (let level = 0; level < 3; level++) world.guest(TABLES[level]!, TABLES[level + 1]! | 3n);
  world.guest(TABLES[3] + 8n, DATA | 0x743n);
}

/** Write a guest's VT-d first stage that maps {@link IOVA} to {@link DATA}. */
function vtdTables(world: ContainerWorld): void {
  for (let level = 0; level < 3; level++) world.guest(TABLES[level]!, TABLES[level + 1]! | 7n);
  world.guest(TABLES[3] + 8n, DATA | 0x67n);
}

const TABLE_CONFIG = {
  argsz: PASID_TABLE_CONFIG.size,
  version: 1,
  base_ptr: CONTEXT,
  format: 1,
  config: 1,
  smmuv3_version: 1,
};
type WholeTable = Values<(typeof SET_PASID_TABLE.whole)["fields"]>;

/** VFIO_IOMMU_SET_PASID_TABLE with flags, and a configuration that differs from a good one. */
const setTable = (world: ContainerWorld, container: number, flags: number, config: Partial<WholeTable> = {}) => {
  const { whole } = SET_PASID_TABLE;
  const values = { call_argsz: whole.size, call_flags: flags, ...TABLE_CONFIG, ...config };
  return world.host.raw(container, whole, values);
};
const SET = 1;
const UNSET = 2;

type WholeInvalidation = Values<(typeof CACHE_INVALIDATE.whole)["fields"]>;
const invalidate = (world: ContainerWorld, container: number, values: Partial<WholeInvalidation>) => {
  const { whole } = CACHE_INVALIDATE;
  return world.host.raw(container, whole, { call_argsz: whole.size, argsz: 56, version: 1, cache: 1, ...values });
};

describe("VFIO_TYPE1_NESTING_IOMMU", () => {
  it.each([
    ["Linux 7.2", 0, "ENODEV"],
    ["Linux 5.15", 1, 0],
    [V16, 1, 0],
    [V7, 1, 0],
  ] as const)("in %s: extension %i, set %s", (era, extension, set) => {
    const world = new ContainerWorld("smmuv3", era);
    const container = world.open();
    world.join(container, world.devices[0]!);
    expect(world.host.process.ioctl(container, CHECK_EXTENSION, BigInt(NESTING))).toBe(extension);
    expect(world.setIommu(container, NESTING)).toBe(set);
  });

  it("of Linux 5.15 maps a stage 2, and has no call for what it is for", () => {
    const { world, container } = nested("smmuv3", "Linux 5.15");
    expect(world.dma(1, DATA)).toBe(world.hostAddress(DATA));
    expect(setTable(world, container, SET)).toBe("ENOTTY");
  });

  it("of v8 takes one group, and no IOMMU that says nothing of first stages", () => {
    const { world, container } = nested("vtd", V8);
    expect(world.join(container, world.devices[1]!).returned).toBe("EINVAL");
    const smmu = new ContainerWorld("smmuv3", V8);
    const other = smmu.open();
    smmu.join(other, smmu.devices[0]!);
    expect(smmu.setIommu(other, NESTING)).toBe("ENOENT");
    expect(smmu.dma(1, DATA)).toBeNull();
  });

  it("of v16 takes no device whose messages do not pass the IOMMU", () => {
    const world = new ContainerWorld("vtd", V16);
    const container = world.open();
    world.join(container, world.devices[0]!);
    expect(world.setIommu(container, NESTING)).toBe("EINVAL");
  });
});

describe("SMMUv3 nesting over VFIO v16", () => {
  it("translates by the guest's table once it is set, and by stage 2 alone when it is unset", () => {
    const { world, container } = nested("smmuv3", V16);
    smmuTables(world);
    expect(world.dma(1, IOVA)).toBeNull();
    expect(setTable(world, container, SET)).toBe(0);
    expect(world.dma(1, IOVA)).toBe(world.hostAddress(DATA));
    expect(setTable(world, container, SET)).toBe("EINVAL");
    expect(setTable(world, container, UNSET)).toBe(0);
    expect(world.dma(1, DATA)).toBe(world.hostAddress(DATA));
    expect(setTable(world, container, SET, { config: 3 })).toBe(0);
    expect(world.dma(1, DATA)).toBeNull();
    expect(setTable(world, container, SET, { config: 2 })).toBe(0);
    expect(world.dma(1, DATA)).toBe(world.hostAddress(DATA));
  });

  it.each([
    [{ version: 2 }, "EINVAL"],
    [{ smmuv3_version: 0 }, "EINVAL"],
    [{ format: 2 }, "EINVAL"],
    [{ config: 0 }, "EINVAL"],
    [{ config: 4 }, "EINVAL"],
    [{ padding: 1 }, "EINVAL"],
    [{ pasid_bits: 1 }, "EINVAL"],
    [{ argsz: 24 }, "EINVAL"],
    [{ argsz: 8 }, "EINVAL"],
  ] as const)("refuses a table with %o", (config, errno) => {
    const { world, container } = nested("smmuv3", V16);
    expect(setTable(world, container, SET, config)).toBe(errno);
    expect(setTable(world, container, SET | UNSET)).toBe("EINVAL");
    expect(setTable(world, container, 0)).toBe("EINVAL");
  });

  it("drops what is cached by ranges, by ASID and as a whole, whatever ASID the guest uses", () => {
    const range = { granularity: 2, flags: 2, archid: ASID, addr: IOVA, granule_size: 0x1000n, nb_granules: 1n };
    for (const values of [range, { granularity: 1, flags: 2, archid: ASID }, { granularity: 0 }]) {
      const { world, container } = nested("smmuv3", V16);
      smmuTables(world);
      setTable(world, container, SET);
      expect(world.dma(1, IOVA)).toBe(world.hostAddress(DATA));
      world.guest(TABLES[3] + 8n, 0n);
      expect(invalidate(world, container, values)).toBe(0);
      expect(world.dma(1, IOVA)).toBeNull();
    }
  });

  it.each([
    ["addresses without a number of granules", { granularity: 2, flags: 2, granule_size: 0x1000n }, "EINVAL"],
    ["a granule that the SMMU has not", { granularity: 2, flags: 2, granule_size: 0x800n, nb_granules: 1n }, "EINVAL"],
    [
      "a granule that is no power of two",
      { granularity: 2, flags: 2, granule_size: 0x3000n, nb_granules: 1n },
      "EINVAL",
    ],
    ["a PASID's without an ASID", { granularity: 1 }, "EINVAL"],
    ["a PASID by its number", { granularity: 1, flags: 3 }, "ENOENT"],
    ["contexts", { cache: 4, granularity: 1, flags: 2 }, "ENOENT"],
    ["device TLBs", { cache: 2, granularity: 2, flags: 2 }, "ENOENT"],
    ["nothing", { cache: 0 }, "EINVAL"],
    ["another cache", { cache: 8 }, "EINVAL"],
    ["another granularity", { granularity: 3 }, "EINVAL"],
    ["another version", { version: 2 }, "EINVAL"],
  ] as const)("refuses to drop %s", (_what, values, errno) => {
    const { world, container } = nested("smmuv3", V16);
    expect(invalidate(world, container, values)).toBe(errno);
  });

  it("puts faults of the guest's stage 1 into the device's region, without the StreamID", () => {
    const { world, container, group, device } = nested("smmuv3", V16);
    smmuTables(world);
    setTable(world, container, SET);
    expect(world.dma(1, 0x9000n)).toBeNull();
    const fd = world.deviceOf(group, device.name) as number;
    const info = world.call(fd, DEVICE_GET_REGION_INFO, { index: FAULT_REGION_INDEX });
    expect(info.returned).toBe(0);
    const { process } = world.host;
    const file = process.file(fd)!;
    const header = REGION_DMA_FAULT.decode(file.read!(REGION_DMA_FAULT.size, info.out.offset) as Uint8Array);
    expect(header).toEqual({ tail: 0, head: 1, entry_size: 64, nb_entries: 512, offset: 4096 });
    const bytes = file.read!(IOMMU_FAULT.size, info.out.offset + BigInt(header.offset)) as Uint8Array;
    expect(IOMMU_FAULT.decode(bytes)).toMatchObject({ type: 1, reason: 5, flags: 2, perm: 1, addr: 0x9000n });
    expect(file.write!(new Uint8Array([1, 0, 0, 0]), info.out.offset)).toBe(4);
    const after = REGION_DMA_FAULT.decode(file.read!(REGION_DMA_FAULT.size, info.out.offset) as Uint8Array);
    expect(after.tail).toBe(1);
  });

  it("loses faults when nobody reads them, and goes on", () => {
    const { world, container, group, device } = nested("smmuv3", V16);
    smmuTables(world);
    setTable(world, container, SET);
    for (let i = 0; i < 600; i++) world.dma(1, 0x9000n);
    const fd = world.deviceOf(group, device.name) as number;
    const at = BigInt(FAULT_REGION_INDEX) << 40n;
    const header = REGION_DMA_FAULT.decode(world.host.process.file(fd)!.read!(20, at) as Uint8Array);
    expect(header.head).toBe(511);
  });

  it("has no binding of doorbells any more", () => {
    const { world, container } = nested("smmuv3", V16);
    expect(world.host.process.ioctl(container, SET_MSI_BINDING.request, 0n)).toBe("ENOTTY");
  });
});

type WholeBind = Values<(typeof NESTING_OP_V8.bind)["fields"]>;
const BIND = 0;
const UNBIND = 1;
const INVALIDATE = 2;
/** VFIO_IOMMU_NESTING_OP with the data of a bind. */
function bind(world: ContainerWorld, container: number, values: Partial<WholeBind>, op = BIND, v7 = false) {
  const call = (v7 ? NESTING_OP_V7 : NESTING_OP_V8).bind;
  const data = { argsz: 72, version: 1, format: 1, addr_width: 48, gpgd: TABLES[0], ...values };
  return world.host.raw(container, call, { call_argsz: call.size, call_flags: op, ...data });
}

const allocate = (world: ContainerWorld, fd: number, min: number, max: number) =>
  world.call(fd, IOASID_REQUEST_ALLOC, { min, max }).returned;

describe("vSVA over VFIO v8", () => {
  function withPasid() {
    const made = nested("vtd", V8);
    const { kernel, process } = made.world.host;
    const file = kernel.openIoasid(process);
    if (typeof file === "string") throw new Error(file);
    return { ...made, file, ioasid: process.install(file) };
  }

  it("says what the IOMMU offers behind IOMMU_GET_INFO", () => {
    const { world, container } = nested("vtd", V8);
    const { out } = world.call(container, IOMMU_GET_INFO, { argsz: 1024 });
    const bytes = world.host.scratch(1024);
    const at = (o: number) => new DataView(bytes.buffer).getUint32(o, true);
    const found: [number, Uint8Array][] = [];
    for (let o = out.cap_offset; o !== 0; o = at(o + 4)) {
      found.push([at(o) & 0xffff, bytes.slice(o + 8, at(o + 4) === 0 ? undefined : at(o + 4))]);
    }
    const info = NESTING_INFO.decode(found.find(([id]) => id === 4)![1]);
    expect(info).toMatchObject({ argsz: 56, format: 1, features: 3, addr_width: 48, pasid_bits: 20 });
    expect(found.map(([id]) => id)).toEqual([2, 3, 1, 4]);
  });

  it("binds a first stage to a PASID that the process owns", () => {
    const { world, container, ioasid } = withPasid();
    vtdTables(world);
    expect(bind(world, container, { hpasid: 5n })).toBe("ENOENT");
    expect(allocate(world, ioasid, 5, 5)).toBe(5);
    expect(allocate(world, ioasid, 5, 5)).toBe("EINVAL");
    expect(bind(world, container, { hpasid: 5n })).toBe(0);
    expect(bind(world, container, { hpasid: 5n })).toBe("EBUSY");
    // A bind that fails takes back what is bound to that PASID.
    expect(world.dma(1, IOVA, 5)).toBeNull();
    expect(bind(world, container, { hpasid: 5n })).toBe(0);
    expect(world.dma(1, IOVA, 5)).toBe(world.hostAddress(DATA));
    expect(world.dma(1, DATA)).toBe(world.hostAddress(DATA));
    expect(bind(world, container, { hpasid: 5n }, UNBIND)).toBe(0);
    expect(world.dma(1, IOVA, 5)).toBeNull();
    expect(bind(world, container, { hpasid: 5n }, UNBIND)).toBe(0);
  });

  it("keeps PASIDs of one process from another, and one file of them for each", () => {
    const { world, container, ioasid, file } = withPasid();
    vtdTables(world);
    expect(world.host.kernel.openIoasid(world.host.process)).toBe("EBUSY");
    const stranger = world.host.stranger();
    const { pasids } = world.host.kernel;
    expect(pasids.allocate(stranger, 3, 3, 10)).toBe(3);
    expect(bind(world, container, { hpasid: 3n })).toBe("EACCES");
    expect(allocate(world, ioasid, 3, 4)).toBe(4);
    expect(bind(world, container, { hpasid: 4n })).toBe(0);
    file.close();
    expect(world.dma(1, IOVA, 4)).toBeNull();
    expect(pasids.of(world.host.process)).toEqual([]);
    expect(pasids.of(stranger)).toEqual([3]);
  });

  it("unbinds a PASID that is freed", () => {
    const { world, container, ioasid } = withPasid();
    vtdTables(world);
    allocate(world, ioasid, 5, 5);
    bind(world, container, { hpasid: 5n });
    const at = world.host.put(new Uint8Array(new Uint32Array([5]).buffer));
    expect(world.host.process.ioctl(ioasid, IOASID_REQUEST_FREE.request, at)).toBe(0);
    expect(world.dma(1, IOVA, 5)).toBeNull();
  });

  it.each([
    [{ version: 0 }],
    [{ format: 2 }],
    [{ addr_width: 39 }],
    [{ flags: 2n }],
    [{ padding: 1n }],
    [{ hpasid: 0n }],
    [{ hpasid: 1n << 20n }],
    [{ vtd_flags: 16n }],
    [{ argsz: 48 }],
  ])("refuses a bind with %o", (values) => {
    const { world, container, ioasid } = withPasid();
    allocate(world, ioasid, 5, 5);
    expect(bind(world, container, { hpasid: 5n, ...values })).toBe("EINVAL");
  });

  it("drops what is cached of a PASID, and never says that it did not", () => {
    const { world, container, ioasid } = withPasid();
    vtdTables(world);
    allocate(world, ioasid, 5, 5);
    bind(world, container, { hpasid: 5n });
    const call = NESTING_OP_V8.invalidate;
    const whole = { call_argsz: call.size, call_flags: INVALIDATE, argsz: 56, version: 1, cache: 1 };
    const drop = (values: Partial<WholeInvalidation>) => world.host.raw(container, call, { ...whole, ...values });
    expect(world.dma(1, IOVA, 5)).toBe(world.hostAddress(DATA));
    world.guest(TABLES[3] + 8n, 0n);
    expect(drop({ granularity: 2, flags: 1, pasid: 5n, addr: IOVA, granule_size: 0x1000n, nb_granules: 1n })).toBe(0);
    expect(world.dma(1, IOVA, 5)).toBeNull();
    expect(drop({ version: 9 })).toBe(0);
    expect(drop({ granularity: 0 })).toBe(0);
    expect(drop({ granularity: 1, flags: 1, pasid: 6n })).toBe(0);
    expect(bind(world, container, {}, 3)).toBe("EINVAL");
  });
});

describe("vSVA over VFIO v7", () => {
  it("hands out PASIDs by a call of the container, up to a quota", () => {
    const { world, container } = nested("vtd", V7);
    vtdTables(world);
    const ask = (flags: number, min: number, max: number) =>
      world.call(container, PASID_REQUEST, { flags, min, max }).returned;
    expect(ask(1, 5, 9)).toBe(5);
    expect(ask(1, 5, 9)).toBe(6);
    expect(ask(1, 9, 5)).toBe("EINVAL");
    expect(ask(3, 5, 9)).toBe("EINVAL");
    expect(bind(world, container, { hpasid: 6n }, BIND, true)).toBe(0);
    expect(world.dma(1, IOVA, 6)).toBe(world.hostAddress(DATA));
    for (let i = 2; i < 1000; i++) expect(ask(1, 10, 5000)).toBeTypeOf("number");
    expect(ask(1, 10, 5000)).toBe("ENOSPC");
    expect(ask(2, 6, 6)).toBe(0);
    expect(world.dma(1, IOVA, 6)).toBeNull();
    expect(ask(1, 6, 6)).toBe(6);
  });
});
