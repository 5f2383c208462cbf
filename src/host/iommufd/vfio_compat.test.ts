import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { HostWorld, MEMORY_LAYOUT, USER_VA } from "../testing/host_world.ts";
import { DmaFlag, Extension, IOMMU_GET_INFO, IOMMU_MAP_DMA, IOMMU_UNMAP_DMA, SET_IOMMU } from "../vfio/ioctls.ts";
import { IOAS_ALLOC, VFIO_IOAS } from "./ioctls.ts";
import { ULONG_MAX } from "./ranges.ts";

const PAGE = 0x1000n;
const SET = 1;

/** An iommufd that container calls are made on, of a type; four pages are mapped at 64 KiB. */
function container(type: number) {
  const host = new HostWorld(new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] }), []);
  const { out_ioas_id: ioas_id } = host.must(IOAS_ALLOC, {});
  host.must(VFIO_IOAS, { ioas_id, op: SET });
  expect(host.process.ioctl(host.iommufd, SET_IOMMU, BigInt(type))).toBe(0);
  const map = { flags: DmaFlag.READ | DmaFlag.WRITE, vaddr: USER_VA, iova: 0x1_0000n, size: 4n * PAGE };
  expect(host.device(host.iommufd, IOMMU_MAP_DMA, map).returned).toBe(0);
  return {
    host,
    unmap: (iova: bigint, size: bigint) => {
      const { returned, out } = host.device(host.iommufd, IOMMU_UNMAP_DMA, { iova, size });
      return [returned, out.size];
    },
  };
}

describe("container calls on an iommufd", () => {
  it("of the first type cut a mapping; a cut that is refused leaves the size as it was (iommufd_vfio_unmap_dma)", () => {
    const { unmap } = container(Extension.TYPE1_IOMMU);
    expect(unmap(0x1_1000n, 0x1800n)).toEqual(["EINVAL", 0x1800n]);
    expect(unmap(0x1_1000n, PAGE)).toEqual([0, PAGE]);
    expect(unmap(0x1_0000n, 4n * PAGE)).toEqual([0, 3n * PAGE]);
  });

  it("of the second type refuse a part, and say that nothing was unmapped", () => {
    const { unmap } = container(Extension.TYPE1v2_IOMMU);
    expect(unmap(0x1_1000n, PAGE)).toEqual(["ENOENT", 0n]);
    expect(unmap(0x1_0000n, 0n)).toEqual(["EINVAL", 0n]);
    expect(unmap(0x1_0000n, ULONG_MAX)).toEqual(["EOVERFLOW", 0n]);
    expect(unmap(0x9_0000n, PAGE)).toEqual([0, 0n]);
  });

  it("tell first that there is no limit, then which addresses may be used (iommufd_vfio_iommu_get_info)", () => {
    const { host } = container(Extension.TYPE1v2_IOMMU);
    expect(host.device(host.iommufd, IOMMU_GET_INFO, { argsz: 24 }).out.argsz).toBe(24 + 16 + 32);
    expect(host.device(host.iommufd, IOMMU_GET_INFO, { argsz: 256 }).out.cap_offset).toBe(24);
    const words = new Uint32Array(host.scratch(64).buffer);
    expect([...words.subarray(6, 9)]).toEqual([0x1_0003, 40, 0xffff_ffff]);
    expect([...words.subarray(10, 13)]).toEqual([0x1_0001, 0, 1]);
  });
});
