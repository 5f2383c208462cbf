import { describe, expect, it } from "vitest";
import { DESTROY } from "../iommufd/ioctls.ts";
import { ContainerWorld } from "../testing/container_world.ts";
import { USER_BYTES, USER_VA } from "../testing/host_world.ts";
import { VfioDeviceFile } from "./device_file.ts";
import { VfioGroupFile } from "./group_file.ts";
import {
  CHECK_EXTENSION,
  DEVICE_BIND_IOMMUFD,
  DIRTY_PAGES,
  DmaFlag,
  Extension,
  GROUP_GET_STATUS,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  UnmapFlag,
} from "./ioctls.ts";

const PAGE = 0x1000n;
const LAST = (1n << 64n) - 1n;
const IOVA = 0x100_0000n;
const NOWHERE = 8n;
const [START, STOP, GET] = [1, 2, 4];

/** A container with one group, of a type. */
function container(type: number = Extension.TYPE1v2_IOMMU) {
  const world = new ContainerWorld("smmuv3", "Linux 7.2");
  const { host, devices } = world;
  const { process } = host;
  const fd = world.open();
  const group = world.join(fd, devices[0]!).fd;
  const extension = (which: number) => process.ioctl(fd, CHECK_EXTENSION, BigInt(which));
  return {
    world,
    process,
    host,
    fd,
    group,
    device: devices[0]!,
    extension,
    set: (which = type) => world.setIommu(fd, which),
    map: (iova: bigint, size: bigint, flags: number = DmaFlag.READ | DmaFlag.WRITE, vaddr = USER_VA) =>
      world.call(fd, IOMMU_MAP_DMA, { flags, vaddr, iova, size }).returned,
    unmap: (iova: bigint, size: bigint, flags = 0) => {
      const { returned, out } = world.call(fd, IOMMU_UNMAP_DMA, { flags, iova, size });
      return returned === 0 ? out.size : returned;
    },
    /** VFIO_IOMMU_DIRTY_PAGES: its flags, then words of 64 bits. */
    dirty: (flags: number, words: readonly bigint[] = [], argsz = 8 + 8 * words.length) => {
      const bytes = new Uint8Array(8 + 8 * words.length);
      bytes.set(new Uint8Array(new Uint32Array([argsz, flags]).buffer));
      bytes.set(new Uint8Array(new BigUint64Array(words).buffer), 8);
      return process.ioctl(fd, DIRTY_PAGES, host.put(bytes));
    },
  };
}

describe("a container", () => {
  it("has what its backend can do; addresses are given anew once there is one (vfio_iommu_type1_check_extension)", () => {
    const { extension, set } = container();
    const all = () => Array.from({ length: 12 }, (_, which) => extension(which));
    expect(all()).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect(set()).toBe(0);
    expect(all()).toEqual([0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0]);
  });

  it("tells an extension that is no type from a type that nobody has (vfio_ioctl_set_iommu)", () => {
    const { set } = container();
    expect([2, 4, 6, 8, 10, 11].map((type) => set(type))).toEqual(Array(6).fill("ENODEV"));
    expect(set(Extension.UNMAP_ALL)).toBe("EINVAL");
    expect(set(Extension.TYPE1_IOMMU)).toBe(0);
    expect(set(Extension.TYPE1_IOMMU)).toBe("EINVAL");
  });

  it("is kept by its groups when its file goes", () => {
    const { world, process, set, map, device, fd, group } = container();
    set();
    map(IOVA, PAGE);
    process.close(fd);
    expect(world.dma(device.sid, IOVA)).not.toBeNull();
    process.close(group);
    expect(world.dma(device.sid, IOVA)).toBeNull();
  });
});

describe("a group's file", () => {
  it("is open once, and not beside a device's own file (vfio_group_fops_open)", () => {
    const { host, group, process, device } = container();
    expect(VfioGroupFile.open(host.kernel, device.group)).toBe("EBUSY");
    const bind = (fd: number) => host.device(fd, DEVICE_BIND_IOMMUFD, { iommufd: host.iommufd }).returned;
    const cdev = process.install(new VfioDeviceFile(host.kernel, device));
    expect(bind(cdev)).toBe("EBUSY");
    process.close(group);
    expect(bind(cdev)).toBe(0);
    expect(VfioGroupFile.open(host.kernel, device.group)).toBe("EBUSY");
  });

  it("says whether it is in a container, and what is none (vfio_group_ioctl_set_container)", () => {
    const { world, host, process, group } = container();
    const status = () => world.call(group, GROUP_GET_STATUS, {}).out.flags;
    const set = (fd: number) => process.ioctl(group, GROUP_SET_CONTAINER, host.put(Uint8Array.of(fd, 0, 0, 0)));
    expect([status(), set(world.open())]).toEqual([3, "EINVAL"]);
    expect(process.ioctl(group, GROUP_UNSET_CONTAINER, 0n)).toBe(0);
    expect(process.ioctl(group, GROUP_UNSET_CONTAINER, 0n)).toBe("EINVAL");
    expect([status(), set(99), set(255), set(group), set(host.iommufd)]).toEqual([1, "EBADF", "EBADF", "EBADFD", 0]);
    expect(host.call(DESTROY, { id: 1 }).returned).toBe(0);
  });

  it("keeps its container while a device is open, which needs a type (vfio_group_ioctl_unset_container)", () => {
    const { world, process, set, map, device, group } = container();
    expect(world.deviceOf(group, device.name)).toBe("EINVAL");
    expect(world.deviceOf(group, "nothing")).toBe("ENODEV");
    set();
    map(IOVA, PAGE);
    const fd = world.deviceOf(group, device.name) as number;
    expect(process.ioctl(group, GROUP_UNSET_CONTAINER, 0n)).toBe("EBUSY");
    process.close(group);
    expect(world.dma(device.sid, IOVA)).not.toBeNull();
    process.close(fd);
    expect(world.dma(device.sid, IOVA)).toBeNull();
  });
});

describe("mappings of a container", () => {
  it("are checked for size, wrap, rights, alignment and what is there, in that order (vfio_dma_do_map)", () => {
    const { set, map, unmap } = container();
    set();
    expect(map(0n, 0n, 0)).toBe("EINVAL");
    expect(map(LAST - PAGE + 1n, 2n * PAGE, 0)).toBe("EOVERFLOW");
    expect(map(0n, 2n * PAGE, 3, LAST - PAGE + 1n)).toBe("EOVERFLOW");
    expect(map(IOVA, PAGE, 0)).toBe("EINVAL");
    expect(map(IOVA, PAGE, DmaFlag.READ | DmaFlag.VADDR)).toBe("EINVAL");
    expect(map(IOVA + 1n, PAGE)).toBe("EINVAL");
    expect(map(IOVA, PAGE)).toBe(0);
    expect(map(IOVA, PAGE, 3, USER_VA + USER_BYTES)).toBe("EEXIST");
    expect(map(2n * IOVA, PAGE, 3, USER_VA + USER_BYTES)).toBe("EFAULT");
    expect(map(0x800_0000n, PAGE)).toBe("EINVAL");
    expect(unmap(LAST - PAGE + 1n, 2n * PAGE)).toBe("EOVERFLOW");
    expect(unmap(IOVA, PAGE - 1n)).toBe("EINVAL");
  });

  it("lose the address of their process, and are given it anew (VFIO_DMA_UNMAP_FLAG_VADDR)", () => {
    const { world, set, map, unmap, device } = container();
    set();
    map(IOVA, 2n * PAGE);
    map(IOVA + 2n * PAGE, PAGE);
    expect(map(IOVA, 2n * PAGE, DmaFlag.VADDR)).toBe("EINVAL");
    expect(map(2n * IOVA, PAGE, DmaFlag.VADDR)).toBe("ENOENT");
    expect(unmap(IOVA, 2n * PAGE, UnmapFlag.VADDR)).toBe(2n * PAGE);
    expect(unmap(0n, 0n, UnmapFlag.VADDR | UnmapFlag.ALL)).toBe("EINVAL");
    expect(world.join(2, world.devices[1]!).returned === 0 ? "" : "refused").toBe("refused");
    expect(map(IOVA, PAGE, DmaFlag.VADDR)).toBe("EINVAL");
    expect(map(IOVA, 2n * PAGE, DmaFlag.VADDR, USER_VA + PAGE)).toBe(0);
    expect(unmap(0n, 0n, UnmapFlag.VADDR | UnmapFlag.ALL)).toBe(3n * PAGE);
    expect(world.dma(device.sid, IOVA)).toBe(world.hostAddress(0x4000_0000n));
    expect(unmap(0n, 0n, UnmapFlag.ALL)).toBe(3n * PAGE);
  });
});

describe("dirty pages of a container", () => {
  it("are told of by the second version alone, one request at a time (vfio_iommu_type1_dirty_pages)", () => {
    const first = container(Extension.TYPE1_IOMMU);
    first.set();
    expect(first.dirty(START)).toBe("EACCES");
    const { set, dirty, process, fd } = container();
    set();
    expect(process.ioctl(fd, DIRTY_PAGES, NOWHERE)).toBe("EFAULT");
    expect([dirty(0), dirty(START | STOP), dirty(8), dirty(START, [], 7)]).toEqual(Array(4).fill("EINVAL"));
    expect([dirty(START), dirty(START), dirty(STOP), dirty(STOP)]).toEqual([0, 0, 0, 0]);
  });

  it("are all that is mapped, in words that are written whole (update_user_bitmap)", () => {
    const { set, dirty, map, host, process } = container();
    set();
    map(IOVA, 2n * PAGE);
    map(IOVA + 70n * PAGE, 3n * PAGE);
    const at = USER_VA + 0x8000n;
    const get = (iova: bigint, size: bigint, pgsize = PAGE, bytes = 16n, data = at) =>
      dirty(GET, [iova, size, pgsize, bytes, data]);
    process.write(at, new Uint8Array(24).fill(0xff));
    expect(get(IOVA, 128n * PAGE)).toBe("EINVAL");
    dirty(START);
    expect(dirty(GET, [IOVA, PAGE, PAGE, 8n])).toBe("EINVAL");
    expect(get(IOVA, 0n)).toBe("EINVAL");
    expect(get(LAST - PAGE + 1n, 2n * PAGE)).toBe("EOVERFLOW");
    expect(get(IOVA, 128n * PAGE, PAGE, 15n)).toBe("EINVAL");
    expect(get(IOVA, 128n * PAGE, 2n * PAGE)).toBe("EINVAL");
    expect(get(IOVA + 1n, 128n * PAGE)).toBe("EINVAL");
    expect(get(IOVA + PAGE, 4n * PAGE)).toBe("EINVAL");
    expect(get(IOVA, PAGE)).toBe("EINVAL");
    expect(get(IOVA, 128n * PAGE, PAGE, 16n, NOWHERE)).toBe("EFAULT");
    expect(get(IOVA, 128n * PAGE)).toBe(0);
    const words = [...new BigUint64Array(host.process.read(at, 24)!.buffer)];
    expect(words).toEqual([3n, 0b1_1111_1111n, LAST]);
  });

  it("are told of once more as they are unmapped", () => {
    const { set, dirty, map, world, fd, host, process } = container();
    set();
    map(IOVA, 3n * PAGE);
    const at = USER_VA + 0x8000n;
    const unmap = (pgsize: bigint, argsz = 48) => {
      const bytes = new Uint8Array(48);
      const call = { argsz, flags: UnmapFlag.GET_DIRTY_BITMAP, iova: IOVA, size: 3n * PAGE };
      bytes.set(IOMMU_UNMAP_DMA.encode(call));
      bytes.set(new Uint8Array(new BigUint64Array([pgsize, 8n, at]).buffer), 24);
      return process.ioctl(fd, IOMMU_UNMAP_DMA.request, host.put(bytes));
    };
    expect([unmap(PAGE), unmap(PAGE, 40)]).toEqual(["EINVAL", "EINVAL"]);
    dirty(START);
    expect(unmap(0x20_0000n)).toBe("EINVAL");
    expect(unmap(PAGE)).toBe(0);
    expect(new BigUint64Array(process.read(at, 8)!.buffer)[0]).toBe(7n);
    expect(world.dma(world.devices[0]!.sid, IOVA)).toBeNull();
  });
});
