/**
 * What a session is made of: a machine description and a list of actions. Plain data, structured-cloneable.
 */

/** Memory a machine starts with. Addresses are physical, in bytes. */
export interface MemoryDescription {
  /**
   * What stands at addresses that neither `zero` nor `segments` covers: `abort` when nothing answers there
   * (an external abort), `unknown` when the session just does not hold it.
   */
  readonly outside: "abort" | "unknown";
  /** Ranges `[address, bytes]` that read as zero until written. */
  readonly zero: readonly (readonly [bigint, bigint])[];
  /** Known contents; lengths and addresses are multiples of 8. */
  readonly segments: readonly { readonly at: bigint; readonly bytes: Uint8Array }[];
}

/** A device behind the IOMMU. */
export interface DeviceDescription {
  /** StreamID: for a PCI function usually its requester id, bus << 8 | device << 3 | function. */
  readonly sid: number;
  /** Such as `0000:00:02.0`. */
  readonly bdf: string;
  /** Driver, or vendor:device, or a given name. */
  readonly label: string;
}

/** Architectures, by the names that documents have for them. */
export const ARCHES = ["smmuv3", "vtd", "amdvi"] as const;
export type Arch = (typeof ARCHES)[number];

/** The machine before the first action. */
export interface MachineDescription {
  readonly arch: Arch;
  /** Register values by the specification's name, without `SMMU_`: capabilities and programmed state. */
  readonly registers: Readonly<Record<string, bigint>>;
  readonly memory: MemoryDescription;
  readonly devices: readonly DeviceDescription[];
  /** Command Queue Virtualization (NVIDIA Tegra241) beside the SMMU, by log2 of how many there are; absent: none. */
  readonly cmdqv?: { readonly vcmdqsLg2: number; readonly vintfsLg2: number; readonly sidsLg2: number };
}

/** One memory transaction by a device. */
export interface Access {
  readonly sid: number;
  /** SubstreamID (PASID), or null when the transaction has none. */
  readonly ssid: number | null;
  readonly iova: bigint;
  readonly write: boolean;
  readonly privileged: boolean;
  readonly instruction: boolean;
  /** Memory type as a MAIR byte, and shareability (0 non-, 2 outer, 3 inner); absent: 0xff and 0. */
  readonly attributes?: { readonly mair: number; readonly sh: number };
  /** PCIe No_snoop; absent: false. */
  readonly noSnoop?: boolean;
}

/** Everything that can happen to a machine. */
export type Action =
  | ({ readonly do: "dma"; readonly length: number } & Access)
  /** Write bytes to physical memory, lowest address first. */
  | { readonly do: "write"; readonly at: bigint; readonly bytes: Uint8Array }
  /** Flip one bit (0 to 63) of the 64-bit word at `at`, a multiple of 8. */
  | { readonly do: "toggle"; readonly at: bigint; readonly bit: number }
  /** Write a register by name. */
  | { readonly do: "register"; readonly name: string; readonly value: bigint };

/** An access somebody recorded on a running machine, with what came of it there. */
export interface RecordedAccess {
  readonly access: Access;
  /** The physical address, or null when the access did not go through. */
  readonly pa: bigint | null;
  /** Event name or other word the recorder had for a failed access. */
  readonly result: string | null;
  /** Where this was recorded, such as `traced I/O`. */
  readonly source: string;
}

/** An event record somebody recorded: four 64-bit words, lowest first. */
export interface RecordedEvent {
  readonly words: readonly bigint[];
}

/** What somebody was looking at. */
export interface View {
  /** The access that was chosen, or null for none. */
  readonly access: Access | null;
}

/** A session as a document. */
export interface SessionDocument {
  readonly title: string;
  readonly about: string;
  readonly machine: MachineDescription;
  readonly actions: readonly Action[];
  /** What was recorded on the real thing, to compare with; empty for a shared case. */
  readonly recorded: { readonly accesses: readonly RecordedAccess[]; readonly events: readonly RecordedEvent[] };
  /** What to look at first. */
  readonly view?: View | null;
}
