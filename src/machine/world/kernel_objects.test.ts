import { describe, expect, it } from "vitest";
import type { KernelObjectRow } from "../../protocol/software.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm } from "../testing/test_vm.ts";
import { VTD } from "../vtd/architecture.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const NIC = 0x10;

const changed = (before: readonly KernelObjectRow[], after: readonly KernelObjectRow[]): KernelObjectRow[] =>
  after.filter((row, i) => row !== before[i]);

describe("Rows of kernel objects", () => {
  it("stay the same for objects that have not changed; an IOAS says how many ranges it has", () => {
    const { host, vm, mappings } = TestVm.start(VTD, "sapphire-rapids", "emulated");
    const nic = mappings(NIC);
    const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
    nic.map(0x10_0000, buffer, PAGE, RIGHTS);
    const before = host.objects();
    nic.map(0x20_0000, buffer + PAGE, PAGE, RIGHTS);
    const [ioas, ...others] = changed(before, host.objects());
    expect(others).toEqual([]);
    expect(ioas).toMatchObject({ type: "IOAS", about: "2 mapped ranges" });
    nic.unmap(0x20_0000, PAGE);
    expect(host.objects()).toEqual(before);
  });

  it("follow what a device is attached to", () => {
    const { host, vm } = TestVm.start(SMMUV3, "neoverse", "nested, trapped");
    const nicRow = (): KernelObjectRow =>
      host.objects().find(({ type, about }) => type === "DEVICE" && about.includes("00:04.0"))!;
    const held = (): KernelObjectRow[] => host.objects().filter(({ id }) => nicRow().holds.includes(id));
    expect(vm.kernel.driver.switchTo("bypass")).toBeNull();
    expect(nicRow().about).toContain("attached to HWPT_PAGING");
    expect(held()).toMatchObject([{ type: "HWPT_PAGING", id: nicRow().holds[0] }]);
    expect(vm.kernel.driver.switchTo("abort")).toBeNull();
    expect(nicRow().about).toContain("attached to HWPT_NESTED");
    expect(held()).toMatchObject([{ type: "HWPT_NESTED", id: nicRow().holds[0] }]);
  });
});
