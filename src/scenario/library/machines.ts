/** Machines that lessons play on: one network card, and the software around it. */
import type { Arch, DeviceDescription, MachineDescription } from "../../protocol/machine.ts";
import type { Door, Era, SoftwareDescription, VmidOwner, VmMode } from "../../protocol/software.ts";

/** The device of every lesson: its address on the bus, its id on hardware, and the id that a guest knows it by. */
export const NIC = { bdf: "0000:00:05.0", sid: 0x28, virtualId: 0x10 } as const;

const GUEST_BYTES = 0x100_0000;
const SMALL = { entries: 64, ways: 4 };

/** Caches that each architecture's lessons have: of structures, and of whole translations. */
const CACHES: Readonly<Record<Arch, readonly string[]>> = {
  smmuv3: ["ste", "cd", "tlb"],
  vtd: ["context", "pasid", "iotlb"],
  amdvi: ["dte", "gcr3", "iotlb"],
};

/** What a lesson chooses. */
export interface Choice {
  readonly mistakes?: SoftwareDescription["mistakes"];
  readonly lazy?: boolean;
  /** How a virtual machine's IOMMU is made; trapped where it is not said. */
  readonly mode?: VmMode;
  /** An AMD host with nesting as it is meant to be once it can be reached. */
  readonly amdNesting?: SoftwareDescription["amdNesting"];
  /** The host's kernel, and what its VMM uses; Linux 7.2 and iommufd where it is not said. */
  readonly era?: Era;
  readonly door?: Door;
  /** The guest gets a part of the card, by this UUID, instead of the card. */
  readonly mdev?: string;
  /** Whose VMIDs the host's SMMUv3 driver gives to stage 2; its own where it is not said. */
  readonly vmid?: VmidOwner;
  /** Physical PARTIDs that the guest's own stand for; none where it is not said. */
  readonly partids?: readonly number[];
  /** The device has a translation cache of its own. */
  readonly ats?: boolean;
}

const software = (
  kind: SoftwareDescription["kind"],
  { mistakes = [], lazy = false, mode, amdNesting, era, door, mdev, vmid, partids }: Choice,
): SoftwareDescription => ({
  kind,
  ...(era === undefined ? {} : { era }),
  ...(door === undefined ? {} : { door }),
  ...(vmid === undefined ? {} : { vmid }),
  ...(partids === undefined ? {} : { partids }),
  ...(mode === undefined ? {} : { mode }),
  ...(amdNesting === undefined ? {} : { amdNesting }),
  guestBytes: GUEST_BYTES,
  assigned:
    kind === "kernel" ? [] : [{ bdf: NIC.bdf, virtualId: NIC.virtualId, ...(mdev === undefined ? {} : { mdev }) }],
  lazy,
  mistakes,
});

function machine(arch: Arch, preset: string, kind: SoftwareDescription["kind"], choice: Choice): MachineDescription {
  const ats = { capacity: 16, pageRequests: 8, responsePasidRequired: false, answersInvalidations: true };
  const device: DeviceDescription = { sid: NIC.sid, bdf: NIC.bdf, label: "nic", ...(choice.ats ? { ats } : {}) };
  return {
    arch,
    preset,
    registers: {},
    caches: Object.fromEntries(CACHES[arch].map((name) => [name, SMALL])),
    memory: { outside: "abort", zero: [], segments: [] },
    devices: [device],
    software: software(kind, choice),
  };
}

/** A virtual machine with the card, on a host with an SMMUv3. */
export const virtualMachine = (choice: Choice = {}): MachineDescription =>
  machine("smmuv3", "neoverse", "virtual machine", choice);

/** The same on other hardware than the Neoverse class. */
export const virtualMachineOn = (arch: Arch, preset: string, choice: Choice = {}): MachineDescription =>
  machine(arch, preset, "virtual machine", choice);

/** A kernel on hardware with the card. */
export const kernelOn = (arch: Arch, preset: string, choice: Choice = {}): MachineDescription =>
  machine(arch, preset, "kernel", choice);
