/** Software of every kind with devices behind one IOMMU, or behind two: what it does is done at each. */
import { describe, expect, it } from "vitest";
import type { Access, Action, Arch, MachineDescription } from "../../protocol/machine.ts";
import type { SoftwareDescription, VmMode } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { Machine, registerValue } from "../machine.ts";
import type { Session } from "../session.ts";
import { unitsOf } from "../several_units.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { withSoftwareMemory } from "../software_memory.ts";
import { documentOn, openOn } from "../testing/open_session.ts";
import { Timeline } from "../timeline.ts";
import type { Architecture } from "../unit.ts";
import { VTD } from "../vtd/architecture.ts";
import { Software } from "./software.ts";

const PAGE = 4096;
const [NEAR, FAR] = [
  { sid: 0x28, bdf: "0000:00:05.0", virtualId: 0x10 },
  { sid: 0x30, bdf: "0001:00:06.0", virtualId: 0x18 },
];

interface Row {
  readonly architecture: Architecture;
  readonly preset: string;
  /** Of a virtual machine; null for a kernel on hardware. */
  readonly mode: VmMode | null;
}

const KINDS: readonly Row[] = [
  { architecture: SMMUV3, preset: "neoverse", mode: null },
  { architecture: SMMUV3, preset: "neoverse", mode: "nested, trapped" },
  { architecture: SMMUV3, preset: "grace", mode: "nested, direct" },
  { architecture: SMMUV3, preset: "neoverse", mode: "emulated" },
  { architecture: VTD, preset: "sapphire-rapids", mode: null },
  { architecture: VTD, preset: "skylake-sp", mode: null },
  { architecture: VTD, preset: "sapphire-rapids", mode: "nested, trapped" },
  { architecture: VTD, preset: "skylake-sp", mode: "emulated" },
  { architecture: AMDVI, preset: "full", mode: null },
  { architecture: AMDVI, preset: "full", mode: "nested, trapped" },
  { architecture: AMDVI, preset: "full", mode: "nested, direct" },
  { architecture: AMDVI, preset: "full", mode: "emulated" },
];
const ROWS = KINDS.flatMap((kind) =>
  ([1, 2] as const).map((iommus) => ({ ...kind, arch: kind.architecture.arch, kind: kind.mode ?? "kernel", iommus })),
);

const softwareOf = (mode: VmMode | null): SoftwareDescription => ({
  ...(mode === null ? { kind: "kernel" } : { kind: "virtual machine", mode, amdNesting: "as intended" }),
  guestBytes: 0x100_0000,
  assigned: mode === null ? [] : [NEAR, FAR].map(({ bdf, virtualId }) => ({ bdf, virtualId })),
  lazy: false,
  mistakes: [],
});

const machineOf = (arch: Arch, preset: string, mode: VmMode | null, iommus: 1 | 2): MachineDescription => ({
  arch,
  preset,
  registers: {},
  caches: Object.fromEntries(CACHES[arch].map((name) => [name, { entries: 64, ways: 4 }])),
  memory: { outside: "abort", zero: [], segments: [] },
  devices: [
    { sid: NEAR.sid, bdf: NEAR.bdf, label: "nic" },
    { sid: FAR.sid, bdf: FAR.bdf, label: "nic", ...(iommus === 2 ? { iommu: 1 } : {}) },
  ],
  software: softwareOf(mode),
});
const CACHES: Readonly<Record<Arch, readonly string[]>> = {
  smmuv3: ["ste", "cd", "tlb"],
  vtd: ["context", "pasid", "iotlb"],
  amdvi: ["dte", "gcr3", "iotlb"],
};

const IOVAS = [0x10_0000, 0x10_3000, 0x4000_0000];
const access = (sid: number, iova: number): Access => {
  return { sid, ssid: null, iova: BigInt(iova), write: true, privileged: false, instruction: false };
};
const dma = ({ sid }: typeof NEAR, iova = 0x10_0000): Action => ({ do: "dma", ...access(sid, iova), length: 4 });

/** Both devices are used, then each loses its pages in turn. */
function story(mode: VmMode | null): Action[] {
  const of = (device: typeof NEAR) => ({
    device: mode === null ? device.sid : device.virtualId,
    pasid: null,
    iova: 0x10_0000n,
    bytes: 4 * PAGE,
  });
  return [
    { do: "guest map", ...of(NEAR), write: true },
    { do: "guest map", ...of(FAR), write: true },
    dma(NEAR),
    dma(FAR),
    { do: "guest unmap", ...of(FAR) },
    dma(NEAR),
    dma(FAR),
    { do: "guest map", ...of(FAR), write: true },
    dma(FAR, 0x10_3000),
    { do: "guest unmap", ...of(NEAR) },
    dma(NEAR),
    dma(FAR),
  ];
}
const OUTCOMES = "went went went refused went refused went".split(" ");

const dmas = (session: Session): string[] =>
  session.log(0, 100).rows.flatMap(({ result }) => (result?.type === "software" ? [] : [result?.type ?? ""]));
const stale = (session: Session): unknown[] =>
  session.caches().caches.flatMap(({ entries }) => entries.filter((entry) => entry.stale !== null));

describe.each(ROWS)("$arch $preset, $kind, IOMMUs: $iommus", ({ architecture, arch, preset, mode, iommus }) => {
  const description = machineOf(arch, preset, mode, iommus);

  it("plays one story with one outcome, and no cache keeps what is gone", () => {
    const session = openOn(architecture, documentOn(description, story(mode)));
    expect(dmas(session)).toEqual(OUTCOMES);
    expect(stale(session)).toEqual([]);
    expect(session.software()!.hazards).toEqual([]);
  });

  it("has the same state at every step, forward and back", () => {
    const session = openOn(architecture, documentOn(description, story(mode)));
    const steps = Array.from({ length: story(mode).length + 1 }, (_, step) => step);
    const digestAt = (step: number): string => {
      session.seek(step);
      return session.summary().digest;
    };
    const forward = steps.map(digestAt);
    expect(steps.toReversed().map(digestAt).reverse()).toEqual(forward);
  });

  it("leaves structures from which fresh IOMMUs translate alike, after every step", () => {
    const whole = withSoftwareMemory(description);
    const machine = new Machine(whole, unitsOf(architecture.make));
    const actors = Software.boot(machine, whole);
    if (typeof actors === "string") throw new Error(actors);
    const timeline = new Timeline(machine, null, actors);
    let reached = 0;
    for (const action of story(mode)) {
      timeline.append(action);
      for (const { sid } of [NEAR, FAR]) {
        const serving = machine.unit.serving?.(sid) ?? machine.unit;
        const registers = architecture.lookupRegisters.map((name) => [name, registerValue(serving, name)]);
        const alone = { ...whole, caches: {}, registers: Object.fromEntries(registers), devices: [] };
        const fresh = architecture.make(alone, machine.memory);
        for (const iova of IOVAS) {
          const [is, wanted] = [fresh, machine.unit].map((unit) => unit.reach(access(sid, iova)));
          expect([action.do, sid, iova, is!.end, paOf(is!)]).toEqual([
            action.do,
            sid,
            iova,
            wanted!.end,
            paOf(wanted!),
          ]);
          if (wanted!.end === "ok") reached++;
        }
      }
    }
    expect(reached).toBeGreaterThan(10);
  });
});

const paOf = (reach: ReturnType<Machine["unit"]["reach"]>): bigint | null => (reach.end === "ok" ? reach.pa : null);

it("each SMMU of a kernel logs its faults by its own name", () => {
  const faults = [dma(NEAR), dma(FAR), { do: "guest faults" } as const];
  const session = openOn(SMMUV3, documentOn(machineOf("smmuv3", "neoverse", null, 2), [...story(null), ...faults]));
  const names = session.software()!.guestLog.map((line) => /^arm-smmu-v3 (\S+):/.exec(line)?.[1]);
  expect(new Set(names)).toEqual(new Set(["arm-smmu-v3.0.auto", "arm-smmu-v3.1.auto"]));
});

/** Where processes have PASIDs, and devices ask for pages by themselves. */
const PAGED = KINDS.filter(
  ({ preset, mode }) => ["sapphire-rapids", "full"].includes(preset) && (mode === null || mode === "nested, trapped"),
);

describe.each(PAGED.map((row) => ({ ...row, arch: row.architecture.arch, kind: row.mode ?? "kernel" })))(
  "A process on a device behind the second IOMMU, $arch $preset, $kind",
  ({ architecture, arch, preset, mode }) => {
    const description = machineOf(arch, preset, mode, 2);
    const ats = { capacity: 16, pageRequests: 8, responsePasidRequired: false, answersInvalidations: true };
    const devices = description.devices.map((device) => ({ ...device, ats }));
    const PASID = 3;

    it("gets its pages when the device asks for them", () => {
      const range = {
        device: mode === null ? FAR.sid : FAR.virtualId,
        pasid: PASID,
        iova: 0x10_0000n,
        bytes: 2 * PAGE,
      };
      const asks = { do: "access", ...access(FAR.sid, 0x10_1000), ssid: PASID, length: 4 } as const;
      const session = openOn(
        architecture,
        documentOn({ ...description, devices }, [
          { do: "guest bind", ...range, write: true },
          asks,
          { do: "guest faults" },
          asks,
          { do: "guest unmap", ...range },
          asks,
        ]),
      );
      const turns = session
        .log(0, 10)
        .rows.map(({ result }) => (result?.type === "device" ? result.turn : result?.type));
      expect(turns).toEqual(["software", "waiting", "software", "translated", "software", "waiting"]);
      expect(stale(session)).toEqual([]);
    });
  },
);

const NESTED = KINDS.filter(({ mode }) => mode?.startsWith("nested")).map((row) => ({
  ...row,
  arch: row.architecture.arch,
}));

describe.each(NESTED)("Guest memory beneath two IOMMUs, $arch $mode", ({ architecture, arch, preset, mode }) => {
  it("that is taken away is reached behind neither, and no cache keeps it", () => {
    const [ADDED, IOVA] = [0x2000_0000n, 0x30_0000n];
    const range = { ioas_id: 1n, iova: ADDED, length: BigInt(PAGE) };
    const mapAt = ({ virtualId: device }: typeof NEAR): Action => {
      return { do: "guest map at", device, pasid: null, iova: IOVA, bytes: PAGE, to: ADDED };
    };
    const add = { ...range, flags: 7n, user_va: 0x7e00_00f0_0000n };
    const session = openOn(
      architecture,
      documentOn(machineOf(arch, preset, mode, 2), [
        { do: "vmm call", call: "IOMMU_IOAS_MAP", fields: add },
        ...[NEAR, FAR].map(mapAt),
        ...[NEAR, FAR].map((device) => dma(device, Number(IOVA))),
        { do: "vmm call", call: "IOMMU_IOAS_UNMAP", fields: range },
        ...[NEAR, FAR].map((device) => dma(device, Number(IOVA))),
      ]),
    );
    expect(dmas(session)).toEqual(["went", "went", "refused", "refused"]);
    expect(stale(session)).toEqual([]);
  });
});
