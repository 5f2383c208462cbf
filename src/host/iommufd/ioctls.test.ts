import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IOCTLS } from "./ioctls.ts";

/** Number, smallest size and size of every call: iommufd.h of Linux 7.2. */
const PUBLISHED: readonly (readonly [nr: number, name: string, smallest: number, size: number])[] = [
  [0x80, "DESTROY", 8, 8],
  [0x81, "IOAS_ALLOC", 12, 12],
  [0x82, "IOAS_ALLOW_IOVAS", 24, 24],
  [0x83, "IOAS_COPY", 40, 40],
  [0x84, "IOAS_IOVA_RANGES", 32, 32],
  [0x85, "IOAS_MAP", 40, 40],
  [0x86, "IOAS_UNMAP", 24, 24],
  [0x87, "OPTION", 24, 24],
  [0x88, "VFIO_IOAS", 12, 12],
  [0x89, "HWPT_ALLOC", 24, 48],
  [0x8a, "GET_HW_INFO", 32, 40],
  [0x8b, "HWPT_SET_DIRTY_TRACKING", 16, 16],
  [0x8c, "HWPT_GET_DIRTY_BITMAP", 48, 48],
  [0x8d, "HWPT_INVALIDATE", 32, 32],
  [0x8e, "FAULT_QUEUE_ALLOC", 16, 16],
  [0x8f, "IOAS_MAP_FILE", 40, 40],
  [0x90, "VIOMMU_ALLOC", 24, 40],
  [0x91, "VDEVICE_ALLOC", 24, 24],
  [0x92, "IOAS_CHANGE_PROCESS", 8, 8],
  [0x93, "VEVENTQ_ALLOC", 28, 32],
  [0x94, "HW_QUEUE_ALLOC", 40, 40],
];

describe("calls of /dev/iommu", () => {
  it("have the numbers and sizes that the header gives them", () => {
    const declared = IOCTLS.map((i) => [i.request & 0xff, i.name.replace("IOMMU_", ""), i.smallest, i.size]);
    expect(declared.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(PUBLISHED);
  });

  it("begin with the size and have no padding that the layout does not show", () => {
    for (const { fields, layout, size } of IOCTLS) {
      expect(fields[0].name).toBe("size");
      expect(layout.fields.at(-1)!.hi + 1).toBe(8 * size);
    }
  });

  it.each(IOCTLS.map((i) => [i.name, i] as const))("%s comes back from its bytes as it was", (_name, ioctl) => {
    const bytes = fc.uint8Array({ minLength: ioctl.size, maxLength: ioctl.size });
    fc.assert(
      fc.property(bytes, (given) => {
        expect(ioctl.encode(ioctl.decode(given))).toEqual(given);
      }),
      { numRuns: 20 },
    );
  });
});
