import { describe, expect, it } from "vitest";
import { ERA_ASPECTS } from "../../protocol/eras.ts";
import { eraTables } from "./era_tables.ts";

const tables = await eraTables();
const runOf = (title: string, era: string) =>
  tables.find((t) => t.title === title)!.columns.find((c) => c.era === era)!.run;
const countOf = (list: readonly { name: string; count: number }[], name: string) =>
  list.find((one) => one.name === name)?.count ?? 0;

describe("The same scenario in each era", () => {
  it("has words on every aspect, and a lesson", () => {
    for (const { columns } of tables) {
      for (const { said, lesson } of columns) {
        expect(Object.keys(said).sort()).toEqual(Object.keys(ERA_ASPECTS).sort());
        expect(lesson).not.toBe("");
      }
    }
  });

  it("comes to the same transfers wherever there is nesting", () => {
    for (const { columns } of tables) {
      for (const { era, run } of columns) {
        const expected = era === "Linux 5.15" ? ["refused", "refused", "refused"] : ["went", "refused", "refused"];
        expect([era, ...run.transfers]).toEqual([era, ...expected]);
        expect([era, run.refused.length > 0]).toEqual([era, era === "Linux 5.15"]);
      }
    }
  });

  it("takes a call for each invalidation through either kernel, and none with queues of hardware", () => {
    const v16 = runOf("Nesting on SMMUv3", "SMMUv3 nesting over VFIO v16");
    const now = runOf("Nesting on SMMUv3", "Linux 7.2");
    expect(countOf(v16.calls, "VFIO_IOMMU_CACHE_INVALIDATE")).toBe(16);
    // The commands that told of the new context are a batch as well.
    expect(countOf(now.calls, "IOMMU_HWPT_INVALIDATE")).toBeGreaterThanOrEqual(16);
    expect(countOf(v16.objects, "PASID_TABLE")).toBe(1);
    expect(countOf(now.objects, "HWPT_NESTED")).toBe(1);
    for (const era of ["Linux 7.2", "vCMDQ as posted"]) {
      expect(countOf(runOf("Queues of hardware for a guest", era).calls, "IOMMU_HWPT_INVALIDATE")).toBeLessThan(16);
    }
  });

  it("shows who owns PASIDs, and who keeps a queue's memory", () => {
    const title = "Shared virtual addressing on VT-d";
    expect(countOf(runOf(title, "vSVA over VFIO v8").objects, "IOASID_SET")).toBe(1);
    expect(countOf(runOf(title, "vSVA over VFIO v7").calls, "VFIO_IOMMU_PASID_REQUEST")).toBe(1);
    expect(countOf(runOf(title, "Linux 7.2").calls, "VFIO_DEVICE_ATTACH_IOMMUFD_PT")).toBe(1);
    expect(countOf(runOf("Queues of hardware for a guest", "Linux 7.2").objects, "ACCESS")).toBe(1);
    expect(countOf(runOf("Queues of hardware for a guest", "vCMDQ as posted").objects, "ACCESS")).toBe(0);
  });
});
