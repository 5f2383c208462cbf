/** A virtual machine on every IOMMU that there is to choose, in every mode: it works, or is refused for a reason. */
import { describe, expect, it } from "vitest";
import { ECAP } from "../../arch/vtd/capability_registers.ts";
import { encodeFields } from "../../base/encode.ts";
import { PRESETS as AMDVI_PRESETS } from "../../engine/amdvi/presets.ts";
import { PRESETS as SMMUV3_PRESETS } from "../../engine/smmuv3/presets.ts";
import { PRESETS as VTD_PRESETS } from "../../engine/vtd/presets.ts";
import type { SessionDocument } from "../../protocol/machine.ts";
import { VM_MODES } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { Session } from "../session.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm } from "../testing/test_vm.ts";
import { VTD } from "../vtd/architecture.ts";
import { Software } from "./software.ts";
import { whyRefused } from "./why_refused.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const [VIRTUAL, PHYSICAL] = [0x10, 0x20];

const NO_DIRECT_VTD = 'A virtual machine with this IOMMU has no mode "nested, direct".';
const [TWO_STAGES, NO_QUEUES] = ["SMMU_IDR0.S1P, S2P", "IOMMU_VIOMMU_ALLOC answered EOPNOTSUPP"];
const [NEST, GUEST_TABLES] = ["ECAP.SMTS, NEST, SSTS", "EFR.GTSup, GIoSup"];

/** What the refusals say, by preset: trapped, direct, emulated; null where the virtual machine works. */
const EXPECTED: Readonly<Record<string, readonly (string | null)[]>> = {
  "smmuv3 qemu-11.1-nested": [null, NO_QUEUES, null],
  "smmuv3 qemu-11.1-1": [TWO_STAGES, TWO_STAGES, null],
  "smmuv3 qemu-11.1-2": [TWO_STAGES, TWO_STAGES, null],
  "smmuv3 neoverse": [null, NO_QUEUES, null],
  "smmuv3 grace": [null, null, null],
  "smmuv3 neoverse-dvm-mpam": [null, NO_QUEUES, null],
  "smmuv3 minimal": [TWO_STAGES, TWO_STAGES, "SMMU_IDR5.OAS"],
  "vtd qemu-11.1-legacy": [NEST, NO_DIRECT_VTD, null],
  "vtd qemu-11.1-second-stage": [NEST, NO_DIRECT_VTD, null],
  "vtd qemu-11.1-first-stage": [NEST, NO_DIRECT_VTD, null],
  "vtd skylake-sp": [NEST, NO_DIRECT_VTD, null],
  "vtd sapphire-rapids": [null, NO_DIRECT_VTD, null],
  "vtd virtual-nested": [NEST, NO_DIRECT_VTD, null],
  "amdvi qemu-11.1": [GUEST_TABLES, GUEST_TABLES, null],
  "amdvi full": [null, null, null],
  "amdvi minimal": [GUEST_TABLES, GUEST_TABLES, null],
};

const ROWS = [
  { architecture: SMMUV3, presets: SMMUV3_PRESETS },
  { architecture: VTD, presets: VTD_PRESETS },
  { architecture: AMDVI, presets: AMDVI_PRESETS },
].flatMap(({ architecture, presets }) =>
  presets.flatMap(({ id: preset }) =>
    VM_MODES.map((mode, i) => {
      const refused = EXPECTED[`${architecture.arch} ${preset}`]?.[i];
      return { architecture, arch: architecture.arch, preset, mode, refused };
    }),
  ),
);

describe.each(ROWS)("A virtual machine on $arch $preset, $mode", ({ architecture, arch, preset, mode, refused }) => {
  it("reaches what its guest maps, or is refused with the reason", () => {
    const started = TestVm.attempt({}, architecture, preset, mode);
    if (!(started instanceof TestVm)) {
      expect("refused" in started ? started.refused : whyRefused(arch, started)).toContain(refused);
      return;
    }
    expect(refused).toBeNull();
    const { vm, mappings, dma } = started;
    const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
    mappings(VIRTUAL).map(0x10_0000, buffer, 2 * PAGE, RIGHTS);
    expect(dma(PHYSICAL, 0x10_1008, true)).toBe(vm.hostAddress(buffer + PAGE + 8));
    expect(dma(PHYSICAL, 0x10_2008)).toBeNull();
    expect(vm.iommu.refused).toEqual([]);
  });
});

describe("A unit without interrupt remapping", () => {
  it("is given to nobody, and why is said", () => {
    const without = VTD_PRESETS.find(({ id }) => id === "skylake-sp")!;
    const [lo = 0] = encodeFields(ECAP, { ...without.registers.ECAP, IR: 0 });
    const document: SessionDocument = {
      title: "",
      about: "",
      machine: {
        arch: "vtd",
        preset: without.id,
        registers: { ECAP: BigInt(lo >>> 0) },
        memory: { outside: "abort", zero: [], segments: [] },
        devices: [{ bdf: "0000:00:04.0", sid: PHYSICAL, label: "nic" }],
        software: {
          kind: "virtual machine",
          mode: "emulated",
          guestBytes: 0x100_0000,
          assigned: [{ bdf: "0000:00:04.0", virtualId: VIRTUAL }],
          lazy: false,
          mistakes: [],
        },
      },
      actions: [],
      recorded: { accesses: [], events: [] },
    };
    const opened = Session.open(document, VTD, Software);
    expect(opened.ok ? null : opened.error.detail).toContain("EPERM: without interrupt remapping (ECAP.IR)");
  });
});
