/**
 * A kernel's VT-d driver: scalable mode with first-stage tables where the unit offers them, else legacy mode with
 * second-stage tables; queued invalidation. It follows what Linux's driver does. VT-d §6.5, §11.4.4 to §11.4.9.
 */
import { FRCD } from "../../../arch/vtd/fault_record.ts";
import { PASID_TABLE_ENTRY, Pgtt } from "../../../arch/vtd/pasid_entries.ts";
import { fieldValue } from "../../../base/layout.ts";
import { alignedRange, atsRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Platform } from "../../../kernel/platform.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";
import { openVtdRegisters } from "../../../kernel/vtd/registers.ts";
import { PageTables } from "../../../pagetable/build.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import type { TranslationMode } from "../../../protocol/software.ts";
import type { MakeDriver } from "../guest_kernel.ts";
import type { AddressSpace, DriverOptions, DriverRefusal, FaultReport, IommuDriver } from "../iommu_driver.ts";
import { InvalidationProducer } from "./queue.ts";
import { RemappingTables } from "./tables.ts";

const PAGE = 4096;
/** 4 levels: 48-bit addresses, AW code 2; 3 levels: 39 bits, AW code 1. */
const FOUR_LEVELS = { shape: { level: 3, inputBits: 48 }, aw: 2 };
const THREE_LEVELS = { shape: { level: 2, inputBits: 39 }, aw: 1 };
/** Granularities of descriptors. */
const G = { global: 1, domain: 2, device: 3, page: 3, pasidInDomain: 1, allPasids: 3, pasid: 2, pageInPasid: 3 };
/** PASID that requests without one use: RID_PASID. */
const OWN = 0;

interface Attached {
  readonly sid: number;
  readonly pasid: number;
  readonly space: AddressSpace;
}

export class VtdDriver implements IommuDriver {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #options: DriverOptions;
  #queue: InvalidationProducer | null = null;
  #tables: RemappingTables | null = null;
  #attached: Attached[] = [];
  readonly #domains = new Set<number>();
  #entries = x86Entries(4, false, true);
  #secondStage = false;
  #levels = FOUR_LEVELS;
  #deviceTlbs = false;
  #cachingMode = false;
  #largestMask = 0;
  readonly #faultRecords: readonly string[];

  constructor(platform: Platform, memory: OwnMemory, options: DriverOptions) {
    const { registers, faultRecords } = openVtdRegisters(platform.registers, memory.notes);
    this.#registers = registers;
    this.#faultRecords = faultRecords;
    this.#memory = memory;
    this.#options = options;
  }

  start(): DriverRefusal | null {
    return this.#memory.notes.during("intent", "set up the VT-d unit", () => this.#start());
  }

  #start(): DriverRefusal | null {
    const r = this.#registers;
    const cap = r.fields("CAP", "SAGAW", "SSLPS", "CM", "MAMV", "FS1GP");
    const ecap = r.fields("ECAP", "QI", "SMTS", "FSTS", "DT", "SC");
    if (ecap.QI === 0) return { refused: "The unit has no invalidation queue (ECAP.QI)." };
    const scalable = ecap.SMTS === 1 && ecap.FSTS === 1;
    this.#secondStage = !scalable;
    this.#deviceTlbs = ecap.DT === 1;
    this.#cachingMode = cap.CM === 1;
    this.#largestMask = cap.MAMV;
    if (scalable) this.#entries = x86Entries(4, cap.FS1GP === 1, true);
    else {
      if ((cap.SAGAW & 0b110) === 0)
        return { refused: "The unit has neither 39-bit nor 48-bit second-stage tables (CAP.SAGAW)." };
      this.#levels = (cap.SAGAW & 0b100) === 0 ? THREE_LEVELS : FOUR_LEVELS;
      this.#entries = vtdSecondEntries(
        { largePages: cap.SSLPS & 3, snoop: ecap.SC === 1, transientMapping: false },
        false,
      );
    }
    const tables = RemappingTables.make(this.#memory, scalable);
    if (tables === null) return { refused: "There is no memory for the root table." };
    r.writeFields("RTADDR", { RTA: tables.root, TTM: scalable ? 1 : 0 });
    r.writeFields("GCMD", { SRTP: 1 });
    const queue = InvalidationProducer.make(r, this.#memory, scalable);
    if (queue === null) return { refused: "There is no memory for the invalidation queue." };
    r.writeFields("GCMD", { QIE: 1 });
    if (r.field("GSTS", "QIES") === 0) return { refused: "The unit does not take the invalidation queue into use." };
    queue.issue("cc_inv_dsc", { G: G.global });
    if (scalable) queue.issue("pc_inv_dsc", { G: G.allPasids });
    queue.issue("iotlb_inv_dsc", { G: G.global });
    if (!queue.sync()) return { refused: "The unit stopped at the first invalidations." };
    r.writeFields("FECTL", {});
    r.writeFields("GCMD", { QIE: 1, TE: 1 });
    this.#queue = queue;
    this.#tables = tables;
    return null;
  }

  makeSpace(): AddressSpace | DriverRefusal {
    // Domain 0 is for not-present entries where the unit caches those (CAP.CM).
    let did = 1;
    while (this.#domains.has(did)) did++;
    if (did >= 4 ** (2 + this.#registers.field("CAP", "ND"))) return { refused: "Every domain id is in use." };
    const root = this.#memory.allocate(PAGE);
    if (root === null) return { refused: "There is no memory for a page table." };
    this.#domains.add(did);
    const { shape } = this.#levels;
    return { tables: new PageTables(this.#entries, this.#memory, shape, root), inputBits: shape.inputBits, tag: did };
  }

  dropSpace(space: AddressSpace): void {
    for (const at of space.tables.unmap(0, 2 ** space.inputBits).tables) this.#memory.release(at, PAGE);
    this.invalidateAll(space);
    this.sync();
    this.#memory.release(space.tables.root, PAGE);
    this.#domains.delete(space.tag);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    const tables = this.#tables;
    const at = tables?.contextPlace(sid) ?? null;
    if (tables === null || at === null) return { refused: "There is no memory for a context table." };
    if (!tables.scalable) {
      if (pasid !== null) return { refused: "Requests with a PASID need scalable mode." };
      const fields = {
        P: 1,
        TT: this.#usesAts(sid) ? 1 : 0,
        SSPTPTR: space.tables.root,
        AW: this.#levels.aw,
        DID: space.tag,
      };
      this.#replaceContext(sid, at, fields);
    } else {
      const entry = tables.pasidPlace(sid, pasid ?? OWN);
      const directory = tables.directory(sid);
      if (entry === null || directory === null) return { refused: "There is no memory for a PASID table." };
      const pasids = this.#registers.field("ECAP", "PASID") === 1;
      if (pasid !== null && !pasids) return { refused: "The unit serves no requests with a PASID (ECAP.PASID)." };
      const present = (this.#memory.readWords(at, tables.contextLayout)[0]! & 1) === 1;
      if (!present) {
        const fields = {
          P: 1,
          PASIDDIRPTR: directory,
          ...(pasids ? { PASIDE: 1 } : {}),
          ...(this.#usesAts(sid) ? { DTE: 1 } : {}),
        };
        this.#replaceContext(sid, at, fields);
      }
      this.#replacePasid(sid, pasid ?? OWN, entry, space);
    }
    this.#attached = this.#attached.filter((a) => a.sid !== sid || a.pasid !== (pasid ?? OWN));
    this.#attached.push({ sid, pasid: pasid ?? OWN, space });
    return null;
  }

  detach(sid: number, pasid: number | null): void {
    const tables = this.#tables;
    const used = this.#attached.find((a) => a.sid === sid && a.pasid === (pasid ?? OWN));
    if (tables === null || used === undefined) return;
    this.#attached = this.#attached.filter((a) => a !== used);
    if (tables.scalable) {
      this.#memory.update(tables.pasidPlace(sid, used.pasid)!, PASID_TABLE_ENTRY, { P: 0 }, "PASID table entry");
      this.#pasidChanged(used.pasid, used.space.tag);
    } else {
      this.#memory.update(tables.contextPlace(sid)!, tables.contextLayout, { P: 0 }, "context entry");
      this.#contextChanged(sid, used.space.tag);
    }
    this.invalidateAll(used.space);
    this.#dropFromDevice(used, 0, 2 ** 64);
    this.sync();
  }

  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void {
    const { at, pagesLg2 } = alignedRange(va, bytes);
    if (pagesLg2 > this.#largestMask) this.#drop(space);
    else {
      const operands = { DID: this.#didFor(space), AM: pagesLg2, IH: leavesOnly ? 1 : 0, ADDR: at };
      if (this.#secondStage) this.#issue("iotlb_inv_dsc", { G: G.page, DW: 1, DR: 1, ...operands });
      else
        for (const pasid of this.#pasidsOf(space))
          this.#issue("p_iotlb_inv_dsc", { G: G.pageInPasid, PASID: pasid, ...operands });
    }
    this.#dropFromDevices(space, va, bytes);
  }

  mapped(space: AddressSpace, va: number, bytes: number): void {
    // Only of second-stage tables may what is not present be cached (§6.1); device TLBs hold none of it.
    if (!this.#cachingMode || !this.#secondStage) return;
    const { at, pagesLg2 } = alignedRange(va, bytes);
    if (pagesLg2 > this.#largestMask) this.#drop(space);
    else this.#issue("iotlb_inv_dsc", { G: G.page, DID: this.#didFor(space), AM: pagesLg2, IH: 0, ADDR: at });
    this.sync();
  }

  invalidateAll(space: AddressSpace): void {
    this.#drop(space);
    this.#dropFromDevices(space, 0, 2 ** 64);
  }

  sync(): void {
    if (this.#options.mistakes.has("no sync")) this.#queue?.publish();
    else this.#queue?.sync();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    if (mode === "abort")
      return { refused: "The unit passes requests while translation is off; it cannot refuse all." };
    this.#registers.writeFields("GCMD", { QIE: 1, ...(mode === "translate" ? { TE: 1 } : {}) });
    return null;
  }

  takeFaults(): FaultReport[] {
    const reports: FaultReport[] = [];
    for (const name of this.#faultRecords) {
      const report = this.#takeFault(name);
      if (report !== null) reports.push(report);
    }
    if (reports.length > 0) this.#registers.writeFields("FSTS", { PFO: 1 });
    return reports;
  }

  #takeFault(name: string): FaultReport | null {
    const words = new Uint32Array(4);
    for (let i = 0; i < 4; i++) words[i] = Number(this.#registers.readWord(name, i));
    if (FRCD.f.F.get(words, 0) === 0) return null;
    this.#registers.writeWord(name, 3, 0x8000_0000n);
    const get = (field: string): bigint => fieldValue(FRCD, field, words) ?? 0n;
    const sid = Number(get("SID"));
    const pasid = get("PP") === 1n ? Number(get("PV")) : null;
    const bdf = `${(sid >>> 8).toString(16).padStart(2, "0")}:${((sid >>> 3) & 31).toString(16).padStart(2, "0")}.${sid & 7}`;
    const what = `DMA ${get("T1") === 1n ? "Read" : "Write"} ${pasid === null ? "NO_PASID" : `PASID 0x${pasid.toString(16)}`}`;
    const line = `DMAR: [${what}] Request device [${bdf}] fault addr 0x${get("FI").toString(16)} [fault reason 0x${get("FR").toString(16).padStart(2, "0")}]`;
    return { sid, pasid, address: get("FI"), line };
  }

  #replaceContext(sid: number, at: number, fields: Readonly<Record<string, number>>): void {
    const layout = this.#tables!.contextLayout;
    const words = this.#memory.readWords(at, layout);
    const before = this.#attached.find((a) => a.sid === sid)?.space.tag ?? 0;
    if ((words[0]! & 1) === 1) {
      this.#memory.update(at, layout, { P: 0 }, "context entry");
      this.#contextChanged(sid, before);
    }
    this.#memory.writeFields(at, layout, fields, "context entry");
    // What was not present is not cached, unless the unit says so.
    if (this.#cachingMode) this.#contextChanged(sid, 0);
  }

  #replacePasid(sid: number, pasid: number, at: number, space: AddressSpace): void {
    const old = this.#attached.find((a) => a.sid === sid && a.pasid === pasid);
    if (old !== undefined) {
      this.#memory.update(at, PASID_TABLE_ENTRY, { P: 0 }, "PASID table entry");
      this.#pasidChanged(pasid, old.space.tag);
      this.#drop(old.space);
      this.#dropFromDevice(old, 0, 2 ** 64);
      this.sync();
    }
    const fields = { P: 1, PGTT: Pgtt.First, DID: space.tag, FSPTPTR: space.tables.root, NXE: 1, WPE: 1 };
    this.#memory.writeFields(at, PASID_TABLE_ENTRY, fields, "PASID table entry");
    if (this.#cachingMode) this.#pasidChanged(pasid, space.tag);
  }

  #contextChanged(sid: number, did: number): void {
    if (this.#options.mistakes.has("no configuration invalidation")) return;
    this.#issue("cc_inv_dsc", { G: G.device, DID: did, SID: sid });
    this.#issue("iotlb_inv_dsc", { G: G.domain, DID: did });
    this.sync();
  }

  #pasidChanged(pasid: number, did: number): void {
    if (this.#options.mistakes.has("no configuration invalidation")) return;
    this.#issue("pc_inv_dsc", { G: G.pasidInDomain, DID: did, PASID: pasid });
    this.#issue("p_iotlb_inv_dsc", { G: G.pasid, DID: did, PASID: pasid });
    this.sync();
  }

  #didFor(space: AddressSpace): number {
    return this.#options.mistakes.has("wrong ASID") ? space.tag + 1 : space.tag;
  }

  /** PASIDs under which the IOMMU may have cached a space. */
  #pasidsOf(space: AddressSpace): number[] {
    return [...new Set(this.#attached.filter((a) => a.space === space).map((a) => a.pasid))];
  }

  #drop(space: AddressSpace): void {
    const DID = this.#didFor(space);
    if (this.#secondStage) this.#issue("iotlb_inv_dsc", { G: G.domain, DW: 1, DR: 1, DID });
    else for (const pasid of this.#pasidsOf(space)) this.#issue("p_iotlb_inv_dsc", { G: G.pasid, DID, PASID: pasid });
  }

  #dropFromDevices(space: AddressSpace, va: number, bytes: number): void {
    for (const used of this.#attached) if (used.space === space) this.#dropFromDevice(used, va, bytes);
  }

  #usesAts(sid: number): boolean {
    return this.#deviceTlbs && this.#options.ats.has(sid);
  }

  #dropFromDevice({ sid, pasid }: Attached, va: number, bytes: number): void {
    if (!this.#usesAts(sid) || this.#options.mistakes.has("no ATC invalidation")) return;
    const { S, address } = atsRange(alignedRange(va, bytes));
    const range = { SID: sid, S, ADDR: address };
    if (this.#secondStage || pasid === OWN) this.#issue("dev_tlb_inv_dsc", range);
    else this.#issue("p_dev_tlb_inv_dsc", { PASID: pasid, ...range });
  }

  #issue(name: string, fields: Readonly<Record<string, number>>): void {
    this.#queue?.issue(name, fields);
  }
}

/** Makes the driver. */
export const makeVtdDriver: MakeDriver = (platform, memory, options) => new VtdDriver(platform, memory, options);
