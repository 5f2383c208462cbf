/**
 * A kernel's AMD-Vi driver: guest (version 2) tables through a GCR3 table where the IOMMU serves requests without PASID
 * from it (EFR.GTSup, GIoSup), else host (version 1) tables. It follows what Linux's driver does. 48882 §2.2, §2.4 to
 * §2.6.
 */
import type { FieldNumbers } from "../../../base/encode.ts";
import { type AlignedRange, alignedRange } from "../../../kernel/address_range.ts";
import type { Command } from "../../../kernel/amdvi/command_buffer.ts";
import { BLOCKED } from "../../../kernel/amdvi/device_table.ts";
import { eventLine, readEvent } from "../../../kernel/amdvi/event_log.ts";
import { hasGuestTables, hasPasids } from "../../../kernel/amdvi/features.ts";
import { GCR3_PASIDS, Gcr3Table } from "../../../kernel/amdvi/gcr3_table.ts";
import { dropDevice, dropFromDevice, dropPages, dropPasidPages } from "../../../kernel/amdvi/invalidations.ts";
import { AmdIommu } from "../../../kernel/amdvi/iommu.ts";
import { completePageRequest } from "../../../kernel/amdvi/page_requests.ts";
import { IdPool } from "../../../kernel/id_pool.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import { PageResponse } from "../../../kernel/page_requests.ts";
import type { ReachedIommu, RegisterPages } from "../../../kernel/platform.ts";
import { type EntryMaker, PageTables } from "../../../pagetable/build.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import type { TranslationMode } from "../../../protocol/software.ts";
import { type Attached, Attachments, NO_PASID } from "../attachments.ts";
import type { MakeDriver } from "../guest_kernel.ts";
import type { AddressSpace, DriverOptions, DriverRefusal, FaultReport, IommuDriver } from "../iommu_driver.ts";

const PAGE = 4096;
/** Four levels, of either format: 48-bit addresses. */
const SHAPE = { level: 3, inputBits: 48 };
const MODE = 4;
const DOMAINS = 0x10000;

/** A device with guest tables. */
interface Device {
  /** Domain id that tags what is cached of them. */
  readonly domain: number;
  readonly gcr3: Gcr3Table;
}

/** What there is once the driver has been started. */
interface Parts {
  readonly iommu: AmdIommu;
  /** Guest tables are used, else host tables. */
  readonly guest: boolean;
  readonly entries: EntryMaker;
}

const NO_PROCESSES =
  "Processes are bound to PASIDs, where there are guest tables and page requests (EFR.GTSup, GIoSup, PPRSup, EPHSup).";
/** EFR.HATS: the IOMMU has no host tables. */
const NO_HOST_TABLES = 3;

const line = (text: string): FaultReport => ({ sid: null, pasid: null, address: null, lines: () => [text] });

export class AmdDriver implements IommuDriver {
  readonly #pages: RegisterPages;
  readonly #memory: OwnMemory;
  readonly #options: DriverOptions;
  #started: Parts | null = null;
  readonly #attached = new Attachments();
  readonly #devices = new Map<number, Device>();
  readonly #domains: IdPool;

  constructor(iommu: ReachedIommu, memory: OwnMemory, options: DriverOptions) {
    this.#pages = iommu.registers;
    this.#memory = memory;
    this.#options = options;
    this.#domains = options.ids ?? new IdPool(1, DOMAINS);
  }

  start(): DriverRefusal | null {
    return this.#memory.notes.during("intent", "set up the AMD IOMMU", () => this.#start());
  }

  #start(): DriverRefusal | null {
    const control = (has: AmdIommu["has"]): FieldNumbers => (hasGuestTables(has) ? { GTEn: 1 } : {});
    const iommu = AmdIommu.start(this.#pages, this.#memory, control);
    if (typeof iommu === "string") return { refused: iommu };
    const guest = hasGuestTables(iommu.has);
    if (!guest && iommu.has("EFR", "HATS") === NO_HOST_TABLES)
      return { refused: "The IOMMU does not translate host addresses (EFR.HATS)." };
    const entries = guest ? x86Entries(4, true, iommu.has("EFR", "NXSup") === 1) : amdV1Entries(false);
    this.#started = { iommu, guest, entries };
    return null;
  }

  makeSpace(): AddressSpace | DriverRefusal {
    const root = this.#memory.allocate(PAGE);
    if (root === null) return { refused: "There is no memory for a page table." };
    const tag = this.#domains.take();
    if (tag === null) {
      this.#memory.release(root, PAGE);
      return { refused: "Every domain id is in use." };
    }
    const tables = new PageTables(this.#parts.entries, this.#memory, SHAPE, root);
    return { tables, inputBits: SHAPE.inputBits, tag };
  }

  dropSpace(space: AddressSpace): void {
    for (const at of space.tables.unmap(0, 2 ** space.inputBits).tables) this.#memory.release(at, PAGE);
    this.invalidateAll(space);
    this.sync();
    this.#memory.release(space.tables.root, PAGE);
    this.#domains.release(space.tag);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace, served = false): DriverRefusal | null {
    if (served && (pasid === null || !hasPasids(this.#iommu.has))) return { refused: NO_PROCESSES };
    const refused = this.#parts.guest ? this.#attachGuest(sid, pasid, space) : this.#attachHost(sid, pasid, space);
    if (refused === null) this.#attached.set(sid, pasid, space);
    return refused;
  }

  detach(sid: number, pasid: number | null): void {
    const used = this.#attached.remove(sid, pasid);
    if (used === undefined) return;
    const device = this.#devices.get(sid);
    if (device === undefined) {
      this.#iommu.devices.write(sid, BLOCKED);
      this.#entryChanged(sid);
      this.#issue(dropPages(used.space.tag, null));
    } else {
      device.gcr3.set(used.pasid, null);
      this.#issue(dropPasidPages(device.domain, used.pasid, null));
    }
    this.#dropFromDevice(used, null);
    this.sync();
  }

  invalidate(space: AddressSpace, va: number, bytes: number): void {
    this.#drop(space, alignedRange(va, bytes));
  }

  invalidateAll(space: AddressSpace): void {
    this.#drop(space, null);
  }

  sync(): void {
    if (this.#options.mistakes.has("no sync")) this.#iommu.commands.publish();
    else this.#iommu.commands.sync();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    if (mode === "abort") return { refused: "The IOMMU passes requests while it is off; it cannot refuse all." };
    this.#iommu.registers.update("CONTROL", { IommuEn: mode === "translate" ? 1 : 0 });
    return null;
  }

  takeFaults(): FaultReport[] {
    const { records, overflowed } = this.#iommu.events.take();
    return [
      ...(overflowed ? [line("AMD-Vi: IOMMU Event log restarting")] : []),
      ...(this.#servePageRequests() ? [line("AMD-Vi: IOMMU PPR log restarting")] : []),
      ...records.map(report),
    ];
  }

  /** Answer groups of page requests. @returns whether requests were lost */
  #servePageRequests(): boolean {
    const taken = this.#iommu.pageRequests?.take();
    if (taken === undefined) return false;
    for (const group of taken.groups) {
      const last = group.at(-1)!;
      // Nobody is asked about requests that have no PASID of their own (iommu_call_iopf_notifier).
      const own = last.pasid !== null && last.pasid !== NO_PASID;
      this.#iommu.run(completePageRequest(last, own ? this.#options.serve(group) : PageResponse.Failure));
    }
    return taken.overflowed;
  }

  get #parts(): Parts {
    if (this.#started === null) throw new Error("the driver has not been started");
    return this.#started;
  }

  get #iommu(): AmdIommu {
    return this.#parts.iommu;
  }

  #attachHost(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    if (pasid !== null) return { refused: "Requests with a PASID need guest tables (EFR.GTSup, EFR.GIoSup)." };
    const before = this.#attached.find(sid, pasid);
    const tables = { Mode: MODE, HostPageTableRootPtr: space.tables.root, DomainID: space.tag };
    this.#writeEntry(sid, tables);
    if (before !== undefined) this.#issue(dropPages(before.space.tag, null));
    this.#entryChanged(sid);
    return null;
  }

  #attachGuest(sid: number, asked: number | null, space: AddressSpace): DriverRefusal | null {
    const pasid = asked ?? NO_PASID;
    if (pasid >= GCR3_PASIDS || asked === NO_PASID)
      return { refused: `PASID ${asked} cannot be used: 0 is for requests without PASID.` };
    const device = this.#devices.get(sid) ?? this.#makeDevice(sid);
    if (device === null) return { refused: "There is no memory for a GCR3 table, or no domain id is left." };
    device.gcr3.set(pasid, space.tables.root);
    // As Linux does, whether the entry was empty before or not (update_gcr3).
    this.#issue(dropPasidPages(device.domain, pasid, null));
    this.#dropFromDevice({ sid, pasid }, null);
    this.sync();
    return null;
  }

  #makeDevice(sid: number): Device | null {
    const gcr3 = Gcr3Table.make(this.#memory);
    const domain = gcr3 && this.#domains.take();
    if (domain === null || gcr3 === null) return null;
    const device = { domain, gcr3 };
    this.#devices.set(sid, device);
    this.#writeEntry(sid, { GV: 1, GIoV: 1, ...gcr3.root, DomainID: domain });
    this.#entryChanged(sid);
    return device;
  }

  /** Let a device's requests through the tables that these fields lead to. */
  #writeEntry(sid: number, tables: FieldNumbers): void {
    const ats = this.#usesAts(sid);
    const asks = ats && this.#iommu.pageRequests !== null;
    this.#iommu.devices.write(sid, {
      V: 1,
      TV: 1,
      IR: 1,
      IW: 1,
      ...tables,
      ...(ats ? { I: 1 } : {}),
      ...(asks ? { PPR: 1 } : {}),
    });
  }

  #usesAts(sid: number): boolean {
    return this.#options.ats.has(sid) && this.#iommu.has("PCICAP_HEADER", "IotlbSup") === 1;
  }

  #entryChanged(sid: number): void {
    if (!this.#options.mistakes.has("no configuration invalidation")) this.#issue(dropDevice(sid));
    this.sync();
  }

  /** Queue what drops a range of a space, from the IOMMU and from devices. @param range null for everything */
  #drop(space: AddressSpace, range: AlignedRange | null): void {
    const off = this.#options.mistakes.has("wrong ASID") ? 1 : 0;
    const users = this.#attached.of(space);
    if (!this.#parts.guest) this.#issue(dropPages(space.tag + off, range));
    else
      for (const { sid, pasid } of users)
        this.#issue(dropPasidPages(this.#devices.get(sid)!.domain, pasid + off, range));
    for (const used of users) this.#dropFromDevice(used, range);
  }

  #dropFromDevice({ sid, pasid }: Pick<Attached, "sid" | "pasid">, range: AlignedRange | null): void {
    if (!this.#usesAts(sid) || this.#options.mistakes.has("no ATC invalidation")) return;
    this.#issue(dropFromDevice(sid, pasid === NO_PASID ? null : pasid, range));
  }

  #issue(command: Command): void {
    this.#iommu.commands.issue(command);
  }
}

function report(words: Uint32Array): FaultReport {
  const { pasid, ...event } = readEvent(words);
  // With DTE.GIoV requests without a PASID have one all the same.
  return { ...event, pasid: pasid === NO_PASID ? null : pasid, lines: () => [eventLine(words)] };
}

/** Makes the driver. */
export const makeAmdDriver: MakeDriver = (iommu, memory, options) => new AmdDriver(iommu, memory, options);
