/**
 * A kernel's VT-d driver: scalable mode with first-stage tables where the unit offers them, else legacy mode with
 * second-stage tables; queued invalidation, page requests. It follows what Linux's driver does. VT-d §6.5, §7.4, §11.4.
 */
import { Pgtt } from "../../../arch/vtd/pasid_entries.ts";
import { type AlignedRange, alignedRange } from "../../../kernel/address_range.ts";
import { IdPool } from "../../../kernel/id_pool.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { ReachedIommu, RegisterPages } from "../../../kernel/platform.ts";
import { faultLine, readFault, statusLine } from "../../../kernel/vtd/fault_log.ts";
import type { Descriptor } from "../../../kernel/vtd/invalidation_queue.ts";
import { groupResponse } from "../../../kernel/vtd/page_request_queue.ts";
import { RequesterEntries } from "../../../kernel/vtd/requester_entries.ts";
import { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import { type EntryMaker, PageTables } from "../../../pagetable/build.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import type { TranslationMode } from "../../../protocol/software.ts";
import { Attachments, NO_PASID } from "../attachments.ts";
import type { MakeDriver } from "../guest_kernel.ts";
import type { AddressSpace, DriverOptions, DriverRefusal, FaultReport, IommuDriver } from "../iommu_driver.ts";

const PAGE = 4096;

/** Tables that spaces are made of; `aw` is the code of their width where they are second-stage ones. */
interface Tables {
  readonly entries: EntryMaker;
  readonly shape: { readonly level: number; readonly inputBits: number };
  readonly aw: number;
}
const FOUR_LEVELS = { shape: { level: 3, inputBits: 48 }, aw: 2 };
const THREE_LEVELS = { shape: { level: 2, inputBits: 39 }, aw: 1 };

/** What there is once the driver has been started. */
interface Parts {
  readonly unit: RemappingUnit;
  readonly entries: RequesterEntries;
  readonly tables: Tables;
  readonly domains: IdPool;
}

const LOST: FaultReport = { sid: null, pasid: null, address: null, lines: () => ["DMAR: PRQ overflow detected"] };

/** First-stage tables are used: the unit has scalable mode and those. */
const usesFirstStage = (has: RemappingUnit["has"]): boolean => has("ECAP", "SMTS") === 1 && has("ECAP", "FSTS") === 1;

export class VtdDriver implements IommuDriver {
  readonly #pages: RegisterPages;
  readonly #memory: OwnMemory;
  readonly #options: DriverOptions;
  #started: Parts | null = null;
  readonly #attached = new Attachments();

  constructor(iommu: ReachedIommu, memory: OwnMemory, options: DriverOptions) {
    this.#pages = iommu.registers;
    this.#memory = memory;
    this.#options = options;
  }

  start(): DriverRefusal | null {
    return this.#memory.notes.during("intent", "set up the VT-d unit", () => this.#start());
  }

  #start(): DriverRefusal | null {
    const unit = RemappingUnit.start(this.#pages, this.#memory, usesFirstStage);
    if (typeof unit === "string") return { refused: unit };
    const tables = tablesOf(unit.has);
    if (tables === null) return { refused: "The unit has neither 39-bit nor 48-bit second-stage tables (CAP.SAGAW)." };
    const entries = new RequesterEntries(
      unit,
      this.#memory,
      (sid) => this.#usesAts(sid),
      (what, descriptors) => {
        const forgotten = what === "entry" ? "no configuration invalidation" : "no ATC invalidation";
        if (!this.#options.mistakes.has(forgotten)) this.#issue(...descriptors);
        this.sync();
      },
    );
    // Domain 0 is for not-present entries where the unit caches those (CAP.CM).
    const domains = new IdPool(1, 4 ** (2 + unit.has("CAP", "ND")));
    this.#started = { unit, entries, tables, domains };
    unit.commands.give("TE");
    return null;
  }

  makeSpace(): AddressSpace | DriverRefusal {
    const { domains, tables } = this.#parts;
    const root = this.#memory.allocate(PAGE);
    if (root === null) return { refused: "There is no memory for a page table." };
    const tag = domains.take();
    if (tag === null) {
      this.#memory.release(root, PAGE);
      return { refused: "Every domain id is in use." };
    }
    const { entries, shape } = tables;
    return { tables: new PageTables(entries, this.#memory, shape, root), inputBits: shape.inputBits, tag };
  }

  dropSpace(space: AddressSpace): void {
    for (const at of space.tables.unmap(0, 2 ** space.inputBits).tables) this.#memory.release(at, PAGE);
    this.invalidateAll(space);
    this.sync();
    this.#memory.release(space.tables.root, PAGE);
    this.#parts.domains.release(space.tag);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    const refused = this.#unit.tables.scalable
      ? this.#attachPasid(sid, pasid, space)
      : this.#attachRequester(sid, pasid, space);
    if (refused === null) this.#attached.set(sid, pasid, space);
    return refused;
  }

  detach(sid: number, pasid: number | null): void {
    const used = this.#attached.remove(sid, pasid);
    if (used === undefined) return;
    this.#parts.entries.clear(sid, used.pasid);
    this.invalidateAll(used.space);
    this.sync();
  }

  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void {
    this.#drop(space, alignedRange(va, bytes), leavesOnly);
  }

  mapped(space: AddressSpace, va: number, bytes: number): void {
    const { unit } = this.#parts;
    // Only of second-stage tables may what is not present be cached (§6.1); device TLBs hold none of it.
    if (unit.has("CAP", "CM") === 0 || unit.tables.scalable) return;
    this.#issue(...unit.drop.secondStage(this.#didFor(space), alignedRange(va, bytes), false));
    this.sync();
  }

  invalidateAll(space: AddressSpace): void {
    this.#drop(space, null, false);
  }

  sync(): void {
    if (this.#options.mistakes.has("no sync")) this.#unit.queue.publish();
    else this.#unit.queue.sync();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    if (mode === "abort")
      return { refused: "The unit passes requests while translation is off; it cannot refuse all." };
    if (mode === "translate") this.#unit.commands.give("TE");
    else this.#unit.commands.switchOff("TE");
    return null;
  }

  takeFaults(): FaultReport[] {
    const lost = this.#servePageRequests() ? [LOST] : [];
    const { status, records } = this.#unit.takeFaults();
    const reports = records.map((words, i) => {
      const fault = readFault(words);
      const { sid, pasid, address } = fault;
      const lines = () => (i === 0 ? [statusLine(status), faultLine(fault)] : [faultLine(fault)]);
      return { sid, pasid, address, lines };
    });
    return [...lost, ...reports];
  }

  /** Answer groups of page requests. @returns whether requests were lost */
  #servePageRequests(): boolean {
    const { pageRequests } = this.#unit;
    if (pageRequests === null) return false;
    const { groups, overflowed } = pageRequests.take();
    for (const group of groups) this.#unit.run(groupResponse(group.at(-1)!, this.#options.serve(group)));
    return overflowed;
  }

  get #parts(): Parts {
    if (this.#started === null) throw new Error("the driver has not been started");
    return this.#started;
  }

  get #unit(): RemappingUnit {
    return this.#parts.unit;
  }

  #attachRequester(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    if (pasid !== null) return { refused: "Requests with a PASID need scalable mode." };
    const { entries, tables } = this.#parts;
    const fields = { TT: this.#usesAts(sid) ? 1 : 0, SSPTPTR: space.tables.root, AW: tables.aw, DID: space.tag };
    return entries.setContext(sid, fields) ? null : { refused: "There is no memory for a context table." };
  }

  #attachPasid(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    const { unit, entries } = this.#parts;
    const pasids = unit.has("ECAP", "PASID") === 1;
    if (pasid !== null && !pasids) return { refused: "The unit serves no requests with a PASID (ECAP.PASID)." };
    const ats = this.#usesAts(sid);
    const context = {
      ...(pasids ? { PASIDE: 1 } : {}),
      ...(ats ? { DTE: 1 } : {}),
      ...(ats && unit.pageRequests !== null ? { PRE: 1 } : {}),
    };
    const fields = { PGTT: Pgtt.First, DID: space.tag, FSPTPTR: space.tables.root, NXE: 1, WPE: 1 };
    const done = entries.prepare(sid, context) && entries.setPasid(sid, pasid ?? NO_PASID, fields);
    return done ? null : { refused: "There is no memory for a PASID table." };
  }

  #didFor(space: AddressSpace): number {
    return this.#options.mistakes.has("wrong ASID") ? space.tag + 1 : space.tag;
  }

  /** Queue what drops a range of a space, from the unit and from devices. @param range null for everything */
  #drop(space: AddressSpace, range: AlignedRange | null, leavesOnly: boolean): void {
    const { drop, tables } = this.#unit;
    const did = this.#didFor(space);
    const users = this.#attached.of(space);
    if (!tables.scalable) this.#issue(...drop.secondStage(did, range, leavesOnly));
    else
      for (const pasid of new Set(users.map((a) => a.pasid)))
        this.#issue(...drop.firstStage(did, pasid, range, leavesOnly));
    if (this.#options.mistakes.has("no ATC invalidation")) return;
    for (const { sid, pasid } of users) if (this.#usesAts(sid)) this.#issue(drop.device(sid, pasid, range));
  }

  #usesAts(sid: number): boolean {
    return this.#unit.has("ECAP", "DT") === 1 && this.#options.ats.has(sid);
  }

  #issue(...descriptors: readonly Descriptor[]): void {
    this.#unit.queue.issue(...descriptors);
  }
}

/** The tables that a unit takes; null where the driver has none of those. */
function tablesOf(has: RemappingUnit["has"]): Tables | null {
  if (usesFirstStage(has)) return { entries: x86Entries(4, has("CAP", "FS1GP") === 1, true), ...FOUR_LEVELS };
  const offers = ({ aw }: { readonly aw: number }): boolean => ((has("CAP", "SAGAW") >>> aw) & 1) === 1;
  const levels = [FOUR_LEVELS, THREE_LEVELS].find(offers);
  if (levels === undefined) return null;
  const features = { largePages: has("CAP", "SSLPS"), snoop: has("ECAP", "SC") === 1, transientMapping: false };
  return { entries: vtdSecondEntries(features, false), ...levels };
}

/** Makes the driver. */
export const makeVtdDriver: MakeDriver = (iommu, memory, options) => new VtdDriver(iommu, memory, options);
