/**
 * What the rest of a kernel asks of its IOMMU driver, whatever the architecture: the DMA API, SVA and fault handling
 * know nothing else of it.
 *
 * A driver owns its structures in memory and reaches the IOMMU through registers only.
 */
import type { IdPool } from "../../kernel/id_pool.ts";
import type { PageRequest, PageResponse } from "../../kernel/page_requests.ts";
import type { PageTables } from "../../pagetable/build.ts";
import type { TranslationMode } from "../../protocol/software.ts";
import type { Mistakes } from "./mistakes.ts";
import type { OrderChecker } from "./order_checker.ts";

/** Page tables of one domain or process, and the tag that cached translations carry. */
export interface AddressSpace {
  readonly tables: PageTables;
  /** Bits of an input address. */
  readonly inputBits: number;
  /** ASID, domain id: what the architecture tags translations by. */
  readonly tag: number;
}

/** A fault that the IOMMU reported. */
export interface FaultReport {
  /** Requester: StreamID, source id, DeviceID; null for an error of the IOMMU's own. */
  readonly sid: number | null;
  /** PASID; null for none. */
  readonly pasid: number | null;
  readonly address: bigint | null;
  /** What Linux would log. */
  readonly lines: () => readonly string[];
}

/**
 * Has the pages of a group brought for which a device waits, and says how the device is answered. The group is of one
 * device and PASID; a transaction that stalls is a group of its own.
 */
export type ServeFaults = (group: readonly PageRequest[]) => PageResponse;

/** What a driver is told when it is made. */
export interface DriverOptions {
  readonly mistakes: Mistakes;
  /** Requesters that have a cache of their own (ATS). */
  readonly ats: ReadonlySet<number>;
  readonly order: OrderChecker;
  readonly serve: ServeFaults;
  /**
   * Tags that the IOMMUs of a kernel have in common, from 1 to 0xffff: ASIDs of SMMUv3s, ids of AMD's domains. Absent: there
   * is one IOMMU.
   */
  readonly ids?: IdPool;
  /** Number of its IOMMU among those of the machine; absent: 0. */
  readonly instance?: number;
}

/** Something a driver cannot do, with the reason. */
export interface DriverRefusal {
  readonly refused: string;
}

/** How memory partitioning labels transactions (MPAM). */
export interface Partition {
  readonly partid: number;
  readonly pmg: number;
}

/** A driver of one IOMMU. */
export interface IommuDriver {
  /** Reset the IOMMU and set it up: tables, queues, interrupts, translation on. */
  start(): DriverRefusal | null;
  /** Make an address space without a mapping, for a device. */
  makeSpace(sid: number): AddressSpace | DriverRefusal;
  /** Give an address space back; it is attached nowhere. */
  dropSpace(space: AddressSpace): void;
  /**
   * Send a device's requests through a space: those without PASID, or those of one PASID.
   * @param served what the device does not find there is brought: it waits where it and the IOMMU can
   */
  attach(sid: number, pasid: number | null, space: AddressSpace, served?: boolean): DriverRefusal | null;
  /** Refuse a device's requests, or those of one PASID. */
  detach(sid: number, pasid: number | null): void;
  /**
   * Queue what drops cached translations of a range. Nothing is certain before {@link sync}.
   * @param leavesOnly no table entry above the leaves has changed
   */
  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void;
  /** Of an IOMMU that may cache what is not there: a range was mapped, and devices may use it on return. */
  mapped?(space: AddressSpace, va: number, bytes: number): void;
  /** Queue what drops everything cached of a space. */
  invalidateAll(space: AddressSpace): void;
  /** Wait until everything queued has taken effect. */
  sync(): void;
  /** Label a device's requests, or those of one PASID, which have a space. Absent where the kernel knows no partitions. */
  partition?(sid: number, pasid: number | null, partition: Partition): DriverRefusal | null;
  /** Switch translation on, or off with every request passed or refused. */
  switchTo(mode: TranslationMode): DriverRefusal | null;
  /** Serve those that wait, as {@link ServeFaults} says, and take the faults that were reported since the last call. */
  takeFaults(): FaultReport[];
}
