/**
 * What a session is made of: a machine description and a list of actions. Plain data, structured-cloneable.
 */
import type { GuestAction, SoftwareDescription } from "./software.ts";

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
  /** How it uses ATS and page requests; absent: not at all. */
  readonly ats?: DeviceAts;
  /** Number of the IOMMU that it is behind, of several alike; absent: 0, the first. */
  readonly iommu?: number;
}

/** A device with a translation cache of its own (PCI Express, chapter 10). */
interface DeviceAts {
  /** Entries of its cache. */
  readonly capacity: number;
  /** Page request groups it may have open at a time; 0: it asks for no pages. */
  readonly pageRequests: number;
  /** A response to a request with a PASID counts only if it carries it. */
  readonly responsePasidRequired: boolean;
  /** It answers Invalidate Requests; otherwise they time out, and what it cached stays. */
  readonly answersInvalidations: boolean;
}

/** Size of a cache: entries in all, and entries that one look-up can find an address in; powers of two. */
export interface CacheSize {
  readonly entries: number;
  readonly ways: number;
}

/** Architectures, by the names that documents have for them. */
export const ARCHES = ["smmuv3", "vtd", "amdvi"] as const;
export type Arch = (typeof ARCHES)[number];

/** The machine before the first action. */
export interface MachineDescription {
  readonly arch: Arch;
  /** A named set of capabilities of the architecture; `registers` has precedence over it. */
  readonly preset?: string;
  /** Register values by the specification's name, without `SMMU_`: capabilities and programmed state. */
  readonly registers: Readonly<Record<string, bigint>>;
  readonly memory: MemoryDescription;
  readonly devices: readonly DeviceDescription[];
  /** The IOMMU's caches, by the architecture's names for them; those that are not named are absent. */
  readonly caches?: Readonly<Record<string, CacheSize>>;
  /** Host, VMM and guest; absent: hardware alone. */
  readonly software?: SoftwareDescription;
  /** Choices that an implementation has, by name; absent: false. */
  readonly options?: Readonly<Record<string, boolean>>;
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

/**
 * What a device moves: `length` bytes, 1 to 2^20. `data` is what a write sends, at most that many; without it nothing
 * is written.
 */
export type Transfer = Access & { readonly length: number; readonly data?: Uint8Array };

/** A Page Request message. */
export interface PageRequestMessage {
  readonly sid: number;
  readonly ssid: number | null;
  /** Address of the page; bits [11:0] are ignored. */
  readonly address: bigint;
  /** Page Request Group Index, 0 to 511. */
  readonly prgIndex: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
  /** Last request of its group. */
  readonly last: boolean;
}

/** A command by its name and the fields that are not zero, as the specification spells them; an address in place. */
export interface CommandWords {
  readonly name: string;
  readonly fields: Readonly<Record<string, bigint>>;
  /** The command queue of one of several IOMMUs, by the id that an inspection lists it with; absent: the first's. */
  readonly queue?: string;
}

/** What somebody who debugs a machine does with the consumer of a queue. */
export const CONSUMER_STEPS = ["hold", "step", "let go"] as const;
export type ConsumerStep = (typeof CONSUMER_STEPS)[number];

/** Everything that can happen to the hardware of a machine. */
export type HardwareAction =
  /** A transaction. `meets` names an event that lies in the make of the hardware, which it is to run into. */
  | ({ readonly do: "dma"; readonly meets?: string } & Transfer)
  /** A transaction marked Translated: `iova` is an address that a Translation Completion gave. */
  | ({ readonly do: "translated" } & Transfer)
  /** A Translation Request; `write` is !NW, `instruction` Exe and `privileged` Priv. */
  | ({ readonly do: "translation request" } & Access)
  | ({ readonly do: "page request" } & PageRequestMessage)
  /** The device of that sid makes an access by its own means: from its cache, by asking for a translation or a page. */
  | ({ readonly do: "access" } & Transfer)
  /** Write bytes to physical memory, lowest address first. */
  | { readonly do: "write"; readonly at: bigint; readonly bytes: Uint8Array }
  /** Flip one bit (0 to 63) of the 64-bit word at `at`, a multiple of 8. */
  | { readonly do: "toggle"; readonly at: bigint; readonly bit: number }
  /** Software puts a command into the command queue and moves the producer on. */
  | ({ readonly do: "command" } & CommandWords)
  /**
   * The consumer of a queue is held, carries out one command although it is held, or is let go. `queue`: by the id that an
   * inspection lists it with; absent: the command queue. What hardware writes, the host's driver reads: all such queues,
   * and all that is in them, at once.
   */
  | { readonly do: "consumer"; readonly what: ConsumerStep; readonly queue?: string }
  /** Write a register by name. `block`: a block beside the IOMMU's own registers, such as `cmdqv`. */
  | { readonly do: "register"; readonly name: string; readonly value: bigint; readonly block?: string }
  /** Write 4 or 8 bytes at an offset from the first page of a block of registers. */
  | {
      readonly do: "mmio";
      readonly offset: number;
      readonly width: 4 | 8;
      readonly value: bigint;
      readonly block?: string;
    };

/** Everything that can happen to a machine. */
export type Action = HardwareAction | GuestAction;

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

/** A remark that belongs to a step. */
export interface Note {
  /** Actions applied when it is shown: 0 for before the first. */
  readonly step: number;
  readonly text: string;
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
  /** Remarks for a reader, in order of their steps. */
  readonly notes?: readonly Note[];
}
