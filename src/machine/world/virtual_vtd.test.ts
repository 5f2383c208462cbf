import { describe, expect, it } from "vitest";
import { TestVm } from "../testing/test_vm.ts";
import { VTD } from "../vtd/architecture.ts";

describe("A virtual VT-d unit", () => {
  it("stops its queue at a descriptor that it does not have, until the guest clears the error (§6.5.2)", () => {
    const { vm, physical } = TestVm.start(VTD, "sapphire-rapids", "nested, trapped");
    const { registers } = vm.iommu;
    const [IQH, IQT, IQA, FSTS] = [0x80, 0x88, 0x90, 0x34];
    const base = Number(registers.read(IQA, 8) & ~0xfffn);
    const tail = Number(registers.read(IQT, 8));
    const put = (type: number) => physical.write(vm.hostAddress(base + tail)!, 0, type);
    put(0xf);
    registers.write(IQT, BigInt(tail + 32), 8);
    expect([registers.read(FSTS, 4), registers.read(IQH, 8)]).toEqual([0x10n, BigInt(tail)]);
    put(0x14);
    registers.write(FSTS, 0x10n, 4);
    expect([registers.read(FSTS, 4), registers.read(IQH, 8)]).toEqual([0n, BigInt(tail + 32)]);
  });
});
