import { describe, expect, it } from "vitest";
import type { Action, Arch, SessionDocument } from "../../protocol/machine.ts";
import type { AmdNesting, AssignedDevice, Era, VmMode } from "../../protocol/software.ts";
import { NIC, virtualMachineOn } from "../../scenario/library/machines.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { documentOn, openOn } from "../testing/open_session.ts";
import type { Architecture } from "../unit.ts";
import { VTD } from "../vtd/architecture.ts";
import { softwareFault } from "./software_fault.ts";

const PAGE = 4096;
const GUEST = { device: NIC.virtualId, pasid: null };

const dma = (iova: bigint): Action => ({
  do: "dma",
  sid: NIC.sid,
  ssid: null,
  iova,
  write: true,
  privileged: false,
  instruction: false,
  length: 4,
});

const STORY: readonly Action[] = [
  { do: "guest map", ...GUEST, iova: 0x10_0000n, bytes: 4 * PAGE, write: true },
  dma(0x10_0000n),
  { do: "guest unmap", ...GUEST, iova: 0x10_0000n, bytes: 4 * PAGE },
  dma(0x10_0000n),
  { do: "guest map", ...GUEST, iova: 0x20_0000n, bytes: 0x20_0000, write: true },
  dma(0x30_1000n),
  { do: "guest switch", to: "bypass" },
  dma(0x4100_0000n - 8n),
  { do: "guest switch", to: "translate" },
  dma(0x30_1000n),
  { do: "guest detach", ...GUEST },
  dma(0x30_1000n),
];
const WENT = "software went software refused software went software went software went software refused".split(" ");

const VIOMMU = ["IOAS", "DEVICE", "HWPT_PAGING", "VIOMMU", "VDEVICE", "VEVENTQ"];

/** A queue of hardware's, and what keeps its memory in place. */
const QUEUE = ["HW_QUEUE", "ACCESS"];
/** What the VMM maps for a device whose tables it follows. */
const FOLLOWED = ["IOAS", "DEVICE", "HWPT_PAGING", "IOAS", "HWPT_PAGING"];

interface Subject {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly mode: VmMode;
  readonly amdNesting?: AmdNesting;
  readonly objects: readonly string[];
}

const SUBJECTS: readonly Subject[] = [
  { architecture: SMMUV3, preset: "neoverse", mode: "emulated", objects: FOLLOWED },
  { architecture: VTD, preset: "sapphire-rapids", mode: "emulated", objects: FOLLOWED },
  { architecture: AMDVI, preset: "full", mode: "emulated", objects: FOLLOWED },
  { architecture: SMMUV3, preset: "neoverse", mode: "nested, trapped", objects: [...VIOMMU, "FAULT", "HWPT_NESTED"] },
  {
    architecture: SMMUV3,
    preset: "grace",
    mode: "nested, direct",
    // The guest changes its entry in two steps; the domain of the second takes the number of the first's predecessor.
    objects: [...VIOMMU, "VEVENTQ", "HWPT_NESTED", "HW_QUEUE", "ACCESS"],
  },
  {
    architecture: AMDVI,
    preset: "full",
    mode: "nested, direct",
    amdNesting: "as intended",
    // The command buffer, the event log and the log of page requests.
    objects: ["IOAS", "DEVICE", "HWPT_PAGING", "VIOMMU", "VDEVICE", ...QUEUE, ...QUEUE, ...QUEUE, "HWPT_NESTED"],
  },
  {
    architecture: VTD,
    preset: "sapphire-rapids",
    mode: "nested, trapped",
    objects: ["IOAS", "DEVICE", "HWPT_PAGING", "HWPT_NESTED"],
  },
];

const documentOf = (arch: Arch, preset: string, mode: VmMode, amdNesting: AmdNesting = "as shipped"): SessionDocument =>
  documentOn(virtualMachineOn(arch, preset, { mode, amdNesting }), STORY);

describe.each(SUBJECTS)("A session with a virtual machine, $architecture.arch $mode", (subject) => {
  const { architecture, preset, mode, amdNesting } = subject;
  const document = documentOf(architecture.arch, preset, mode, amdNesting);

  it("plays one story with one outcome", () => {
    const session = openOn(architecture, document);
    expect(session.log(0, 100).rows.map((row) => row.result?.type)).toEqual(WENT);
    expect(session.software()?.refused).toEqual([]);
  });

  it("shows the objects that the VMM has of the host's kernel", () => {
    const session = openOn(architecture, { ...document, actions: STORY.slice(0, 1) });
    expect(session.software()?.objects.map((o) => o.type)).toEqual(subject.objects);
  });

  it("has the same digest at every step, forward and back: what software wrote is enough", () => {
    const session = openOn(architecture, document);
    const forward = STORY.map((_, step) => {
      session.seek(step);
      return session.summary().digest;
    });
    expect(new Set(forward).size).toBeGreaterThan(STORY.length / 2);
    for (let step = STORY.length - 1; step >= 0; step--) {
      session.seek(step);
      expect([step, session.summary().digest]).toEqual([step, forward[step]]);
    }
  });
});

describe("An interrupt that a deed of the guest leads to", () => {
  it("is served with that deed: the next page that a resumed write waits for is asked for at once", () => {
    const process = { device: NIC.virtualId, pasid: 5 };
    const over: Action = { ...dma(0x10_0ffcn), ssid: 5, length: 8 } as Action;
    const { machine, ...rest } = documentOf("smmuv3", "neoverse", "nested, trapped");
    const actions: Action[] = [
      { do: "guest bind", ...process, iova: 0x10_0000n, bytes: 2 * PAGE, write: true },
      over,
      { do: "guest faults" },
      { do: "guest faults" },
      over,
    ];
    const { rows } = openOn(SMMUV3, { ...rest, machine, actions }).log(0, 10);
    const told = rows.map(({ result }) => (result?.type === "software" ? result.about : result?.type));
    const served = "0 faults logged, 1 of 1 waiting accesses served";
    expect(told.slice(1)).toEqual(["stalled", served, served, "went"]);
  });
});

describe("Nesting of AMD", () => {
  const { machine, ...rest } = documentOf("amdvi", "full", "nested, trapped");
  const played = (amdNesting: AmdNesting) => {
    const software = { ...machine.software!, amdNesting };
    return openOn(AMDVI, { ...rest, machine: { ...machine, software } });
  };

  it("plays the same story where nested domains are made as intended", () => {
    const session = played("as intended");
    expect(session.log(0, 100).rows.map((row) => row.result?.type)).toEqual(WENT);
    expect(session.software()?.refused).toEqual([]);
  });

  it("is refused by the kernel as it shipped, and the device reaches nothing that the guest maps", () => {
    const session = played("as shipped");
    expect(session.log(0, 2).rows.map((row) => row.result?.type)).toEqual(["software", "refused"]);
    expect(session.software()?.refused).toContain("IOMMU_HWPT_ALLOC answered EOPNOTSUPP.");
  });

  it("has no registers for a guest in the kernel as it shipped, and why is said", () => {
    const document = documentOf("amdvi", "full", "nested, direct");
    expect(() => openOn(AMDVI, document)).toThrow(/mmap of the guest's registers.*amdNesting "as intended"/);
  });
});

describe("A log of written pages", () => {
  const steps: readonly Action[] = [
    { do: "guest map", ...GUEST, iova: 0x20_0000n, bytes: 0x20_0000, write: true },
    { do: "dirty log", what: "start" },
    dma(0x20_0000n),
    { do: "dirty log", what: "read" },
    { do: "dirty log", what: "stop" },
  ];
  const about = (architecture: Architecture, preset: string): (string | undefined)[] => {
    const document = documentOf(architecture.arch, preset, "nested, trapped");
    const { rows } = openOn(architecture, { ...document, actions: steps }).log(0, 100);
    return rows.map(({ result }) => (result?.type === "software" ? result.about : result?.type));
  };

  it("is a step of a session, and says what devices wrote", () => {
    const [mapped, started, went, read, stopped] = about(VTD, "sapphire-rapids");
    expect([started, went, stopped]).toEqual(["the log is on", "went", "the log is off"]);
    const buffer = Number(mapped!.replace("IPA ", ""));
    // Dirty bits of the guest's own tables are written, too; a large page of the host's counts as a whole.
    expect(read).toContain(`IPA 0x${buffer.toString(16)} to 0x${(buffer + 0x1f_ffff).toString(16)}`);
  });

  it("is refused by a host that has none", () => {
    expect(about(SMMUV3, "neoverse")[1]).toBe("the host's kernel refuses");
  });
});

describe("A mode that there is not", () => {
  it.each([["vtd", "nested, direct"]] as const)("%s %s is refused with those that there are", (arch, mode) => {
    const { machine } = documentOf(arch, "x", mode);
    expect(softwareFault(machine)?.place).toBe("software.mode");
    expect(softwareFault(machine)?.detail).toContain('"nested, trapped"');
  });
});

describe("A part of a device (mdev)", () => {
  const mdev = "5c2f0a10-28d0-4c1e-9a53-6f0e8d1b7a01";
  const faultOf = (arch: Architecture["arch"], era: Era, more: readonly AssignedDevice[] = []) => {
    const { machine } = documentOf(arch, "x", "nested, trapped");
    const { software } = machine;
    const assigned = [{ bdf: NIC.bdf, virtualId: 1, mdev }, ...more];
    return softwareFault({ ...machine, software: { ...software!, era, assigned } })?.place ?? null;
  };

  it("is one of VT-d, in eras without iommufd", () => {
    expect(faultOf("vtd", "vSVA over VFIO v8")).toBeNull();
    expect(faultOf("vtd", "Linux 7.2")).toBe("software.assigned[0].mdev");
    expect(faultOf("smmuv3", "SMMUv3 nesting over VFIO v16")).toBe("software.assigned[0].mdev");
  });

  it("is there once, and not beside the device itself; another part may be", () => {
    const beside = (other: AssignedDevice) => faultOf("vtd", "vSVA over VFIO v8", [other]);
    const device = { bdf: NIC.bdf, virtualId: 2 };
    expect([beside(device), beside({ ...device, mdev })]).toEqual(["software.assigned[1]", "software.assigned[1]"]);
    expect(beside({ ...device, mdev: mdev.replace("5", "6") })).toBeNull();
  });
});
