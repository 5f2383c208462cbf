/**
 * Software on a machine: a host, a VMM and a guest, what a guest may be asked to do, and what can be asked about all of
 * them. Plain data, structured-cloneable.
 */
import type { JournalEntry } from "./journal.ts";

/** What a guest driver can be told to do wrong; each is a mistake that real drivers have made. */
export const MISTAKES = {
  "no TLB invalidation": "Unmaps a page and never tells the IOMMU.",
  "no sync": "Sends invalidations and does not wait for them.",
  "wrong ASID": "Invalidates an address space other than the one it changed.",
  "no ATC invalidation": "Forgets that the device has a cache of its own.",
  "page freed before the sync": "Gives a page back while the IOMMU may still reach it.",
  "no break before make":
    "Replaces a live block by a table without unmapping it first, on an SMMU that asks for that (IDR3.BBML below 2).",
  "no configuration invalidation": "Changes a context descriptor or entry and does not say so.",
} as const;
export type Mistake = keyof typeof MISTAKES;

/**
 * How a VMM gives its guest an IOMMU. `nested, trapped`: hardware translates in two stages, the VMM hands the guest's
 * invalidations on. `nested, direct`: as that, with queues that the hardware reads by itself. `emulated`: the VMM walks
 * the guest's tables and maps what it finds; hardware translates in one stage.
 */
export const VM_MODES = ["nested, trapped", "nested, direct", "emulated"] as const;
export type VmMode = (typeof VM_MODES)[number];

/** Linux 7.2 has code for nested domains of AMD and, as it shipped, refuses to make them. */
export const AMD_NESTING = ["as shipped", "as intended"] as const;
export type AmdNesting = (typeof AMD_NESTING)[number];

/**
 * Kernels of the host that a VMM can find, by what is particular about each: what Linux is now, and what was proposed or
 * there before it.
 */
export const ERAS = {
  "Linux 7.2": "iommufd with vIOMMUs, as Linux has it now.",
  "vCMDQ as posted":
    "iommufd, with queues of hardware given by IOMMU_VCMDQ_ALLOC and data of the driver's (April 2025).",
  "SMMUv3 nesting over VFIO v16": "VFIO containers that take a guest's table of contexts (October 2021).",
  "vSVA over VFIO v8": "VFIO containers that take first stages of PASIDs, which come from /dev/ioasid (March 2021).",
  "vSVA over VFIO v7": "As v8, with PASIDs from a call of the container and a quota of them (September 2020).",
  "Linux 5.15": "VFIO containers of the nesting type, and no call for what they are for.",
} as const;
export type Era = keyof typeof ERAS;

/** By what a VMM reaches its devices: absent, what the kernel's era has for it. */
export const DOORS = ["iommufd", "VFIO container"] as const;
export type Door = (typeof DOORS)[number];

/**
 * Whose VMID a virtual machine's stage 2 has on an SMMUv3. A TLBI instruction drops what is tagged with the VMID that its
 * processor runs with.
 */
export const VMID_OWNERS = {
  "SMMU driver": "As Linux 7.2 has it: VMIDs of the driver's own, and the SMMU ignores what processors broadcast.",
  "KVM, pinned": "As posted in March 2025 and not merged: KVM's, which stays the same as long as the SMMU uses it.",
  "KVM, not pinned": "The same without the pin, to see what that is for.",
} as const;
export type VmidOwner = keyof typeof VMID_OWNERS;

/** A device given to the virtual machine. */
export interface AssignedDevice {
  /** Of one of the machine's devices. */
  readonly bdf: string;
  /** Id that the guest's IOMMU knows it by, 0 to 0xffff. */
  readonly virtualId: number;
  /** A part of that device is given instead of all of it: UUID of a mediated device. On VT-d, in eras without iommufd. */
  readonly mdev?: string;
}

/** The software of a machine: absent for a machine that only hardware is shown of. */
export interface SoftwareDescription {
  /**
   * `kernel`: one kernel on the hardware, which drives the IOMMU and all devices. `virtual machine`: a host that gives
   * devices to a guest, with a VMM between them.
   */
  readonly kind: "kernel" | "virtual machine";
  /** Of a virtual machine; absent: `nested, trapped`. */
  readonly mode?: VmMode;
  /** Whether the host's AMD driver makes nested domains; absent: `as shipped`. */
  readonly amdNesting?: AmdNesting;
  /** The host's kernel as a VMM finds it; absent: `Linux 7.2`. */
  readonly era?: Era;
  /** Of a virtual machine on an SMMUv3; absent: `SMMU driver`. */
  readonly vmid?: VmidOwner;
  /**
   * Of a virtual machine on an SMMUv3 that nests: physical PARTIDs that its own 0, 1 and so on stand for, 1 to 32 of them.
   * Absent: it has none, as in Linux 7.2.
   */
  readonly partids?: readonly number[];
  /**
   * Of a virtual machine behind several SMMUv3s: they walk one stage 2, as posted in March 2026 and not merged. Absent: each
   * has its own, as in Linux 7.2.
   */
  readonly sharedStage2?: boolean;
  /** Of a virtual machine: what its VMM uses. */
  readonly door?: Door;
  /** Bytes of memory of that kernel or guest, a multiple of 2 MiB, 4 MiB to 64 MiB. */
  readonly guestBytes: number;
  /** Devices of the virtual machine; empty for a kernel on hardware. */
  readonly assigned: readonly AssignedDevice[];
  /** The guest waits for many unmaps at once. */
  readonly lazy: boolean;
  /** Most journal entries that are kept, 1 to 2^20; absent: 65536. Counts are of all there were. */
  readonly journal?: number;
  /** What the guest's driver does wrong on purpose, by name. */
  readonly mistakes: readonly Mistake[];
}

/** A device of the guest, and one of its address spaces. */
interface OfDevice {
  /** Id of the device as the kernel that is asked knows it: its requester id on hardware. */
  readonly device: number;
  /** PASID; null for requests without one. */
  readonly pasid: number | null;
}

/** What an IOMMU does to every request: translate it, pass it as it is, or refuse it. */
export const TRANSLATION_MODES = ["translate", "bypass", "abort"] as const;
export type TranslationMode = (typeof TRANSLATION_MODES)[number];

/** What can be done with the log of written pages. Reading it empties it. */
export const DIRTY_LOG_STEPS = ["start", "read", "stop"] as const;
export type DirtyLogStep = (typeof DIRTY_LOG_STEPS)[number];

/** A VMM reads none of its files, as one that is busy, until it is let go. */
export const VMM_STEPS = ["hold", "let go"] as const;
type VmmStep = (typeof VMM_STEPS)[number];

/**
 * A call of the host's kernel by its name in the uAPI, such as IOMMU_DESTROY, with the fields that are not zero: on the
 * VMM's /dev/iommu, or on the file of a device.
 */
export interface VmmCall {
  readonly call: string;
  readonly fields: Readonly<Record<string, bigint>>;
  /** Id that the guest knows the device by, for calls of VFIO. */
  readonly device?: number;
  /** What data_uptr is to point to; data_len is filled in. */
  readonly data?: Uint8Array;
}

/** What the VMM of a virtual machine, or the kernel below it, can be asked to do. */
export type VmmAction =
  /** Log which pages of guest memory devices write, or read what has been logged. */
  | { readonly do: "dirty log"; readonly what: DirtyLogStep }
  /** Make one call; what the kernel answers, a refusal too, is the outcome. */
  | ({ readonly do: "vmm call" } & VmmCall)
  | { readonly do: "vmm"; readonly what: VmmStep }
  /** Route a device's first interrupt message to the guest, which has enabled it. */
  | { readonly do: "vmm msi"; readonly device: number }
  /** So many other virtual machines run that VMIDs of KVM begin anew; then this one goes on. */
  | { readonly do: "vmids begin anew" };

/** What software can be asked to do. Addresses and lengths are multiples of 4096. */
export type GuestAction =
  /** Map a buffer of the guest's own at `iova`; the device is attached when it is first used. */
  | ({ readonly do: "guest map"; readonly iova: bigint; readonly bytes: number; readonly write: boolean } & OfDevice)
  /** Map what lies at the guest physical address `to`, memory or not, such as the doorbell of an interrupt controller. */
  | ({ readonly do: "guest map at"; readonly iova: bigint; readonly bytes: number; readonly to: bigint } & OfDevice)
  /**
   * Give the process that a device's PASID stands for a range of addresses, without pages: they come when the device
   * faults on them. The process is bound to the device when it is first given one (SVA).
   */
  | ({ readonly do: "guest bind"; readonly iova: bigint; readonly bytes: number; readonly write: boolean } & OfDevice)
  /** Unmap, and give the buffers that lie there wholly back. */
  | ({ readonly do: "guest unmap"; readonly iova: bigint; readonly bytes: number } & OfDevice)
  /** In lazy mode: wait for what was unmapped so far. */
  | ({ readonly do: "guest flush" } & OfDevice)
  | ({ readonly do: "guest detach" } & OfDevice)
  /** Switch the IOMMU that the kernel sees. */
  | { readonly do: "guest switch"; readonly to: TranslationMode }
  /** Label what the device accesses with a PARTID (0 to 0xffff) and a PMG (0 to 0xff) of the guest's. */
  | ({ readonly do: "guest partition"; readonly partid: number; readonly pmg: number } & OfDevice)
  /** Read the IOMMU's events and page requests, as its interrupts ask for: pages of processes come, others are refused. */
  | { readonly do: "guest faults" }
  | VmmAction;

/** An object of the host kernel. */
export interface KernelObjectRow {
  readonly id: number;
  /** Such as IOAS, HWPT_NESTED, VIOMMU. */
  readonly type: string;
  readonly users: number;
  /** Ids of the objects it holds a reference on. */
  readonly holds: readonly number[];
  /** In words: what is particular about it. */
  readonly about: string;
}

/** Something done in a wrong order, by action number. */
export interface Hazard {
  readonly action: number;
  readonly text: string;
}

/** How often each deed happened up to some step, by its name, and what that costs by the default numbers, in nanoseconds. */
interface Costs {
  readonly counts: Readonly<Record<string, number>>;
  readonly ns: number;
}

/** The software as it stands after the current step; `counts` and `ns` are of everything up to it. */
export interface SoftwareAnswer extends Costs {
  readonly revision: number;
  readonly objects: readonly KernelObjectRow[];
  /** Lines that the guest's kernel logged, oldest first. */
  readonly guestLog: readonly string[];
  /** Calls that the host's kernel refused the VMM, as sentences. */
  readonly refused: readonly string[];
  /** What the kernel that was asked did in an order that can lose data or leak it, up to now. */
  readonly hazards: readonly Hazard[];
  /** The costs before the newest action of the current step; null before the first action. */
  readonly before: Costs | null;
  /** What one of each deed costs, by its name, in nanoseconds. */
  readonly prices: Readonly<Record<string, number>>;
}

/** A slice of what the actors did. */
export interface JournalAnswer {
  readonly revision: number;
  /** Entries up to the current step that are still kept. */
  readonly total: number;
  readonly entries: readonly JournalEntry[];
}
