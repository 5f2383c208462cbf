/**
 * A kernel's AMD-Vi driver: guest (version 2) tables through a GCR3 table where the IOMMU serves requests without PASID
 * from it (EFR.GTSup, GIoSup), else host (version 1) tables. It follows what Linux's driver does. 48882 §2.2, §2.4, §2.5.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { eventByCode } from "../../../arch/amdvi/events.ts";
import { GCR3_ENTRY } from "../../../arch/amdvi/gcr3.ts";
import { registerByName } from "../../../arch/amdvi/registers.ts";
import { encodeFields } from "../../../base/encode.ts";
import { fieldValue } from "../../../base/layout.ts";
import { alignedRange, atsRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Platform } from "../../../kernel/platform.ts";
import { KernelRegisters } from "../../../kernel/registers.ts";
import { PageTables } from "../../../pagetable/build.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import type { TranslationMode } from "../../../protocol/software.ts";
import type { MakeDriver } from "../guest_kernel.ts";
import type { AddressSpace, DriverOptions, DriverRefusal, FaultReport, IommuDriver } from "../iommu_driver.ts";
import { CommandProducer } from "./commands.ts";

const PAGE = 4096;
/** Four levels, of either format: 48-bit addresses. */
const SHAPE = { level: 3, inputBits: 48 };
const MODE = 4;
const DTE_BYTES = DTE.bits / 8;
/** Device table of all 65536 DeviceIDs. */
const DEVICE_TABLE_PAGES = (0x10000 * DTE_BYTES) / PAGE;
const EVENT_BYTES = 16;
/** Code 8: 256 records. */
const EVENT_LENGTH_CODE = 8;
const EVENT_LOG_BYTES = EVENT_BYTES * 2 ** EVENT_LENGTH_CODE;
/** GCR3 tables of one level: PASIDs below 512. */
const PASIDS = 512;
/** PASID that requests without one have with GIoV. */
const OWN = 0;

interface Device {
  /** Domain id that tags what is cached of its guest tables. */
  readonly domain: number;
  readonly gcr3: number;
}

interface Attached {
  readonly sid: number;
  readonly pasid: number;
  readonly space: AddressSpace;
}

export class AmdDriver implements IommuDriver {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #options: DriverOptions;
  #commands: CommandProducer | null = null;
  #deviceTable = 0;
  #events = 0;
  #guest = false;
  #entries = amdV1Entries(false);
  #attached: Attached[] = [];
  readonly #devices = new Map<number, Device>();
  readonly #domains = new Set<number>();

  constructor(platform: Platform, memory: OwnMemory, options: DriverOptions) {
    this.#registers = new KernelRegisters(platform.registers, memory.notes, registerByName);
    this.#memory = memory;
    this.#options = options;
  }

  start(): DriverRefusal | null {
    return this.#memory.notes.during("intent", "set up the AMD IOMMU", () => this.#start());
  }

  #start(): DriverRefusal | null {
    const r = this.#registers;
    const efr = r.fields("EFR", "GTSup", "GIoSup", "NXSup", "HATS", "IASup");
    this.#guest = efr.GTSup === 1 && efr.GIoSup === 1;
    if (this.#guest) this.#entries = x86Entries(4, true, efr.NXSup === 1);
    else if (efr.HATS === 3) return { refused: "The IOMMU does not translate host addresses (EFR.HATS)." };
    r.write("CONTROL", 0n);
    const table = this.#memory.allocate(DEVICE_TABLE_PAGES * PAGE);
    const events = this.#memory.allocate(EVENT_LOG_BYTES);
    if (table === null || events === null) return { refused: "There is no memory for the device table." };
    // An entry with V at 0 lets everything pass: each starts as one that lets nothing pass.
    for (let sid = 0; sid < 0x10000; sid++) this.#memory.write(table + DTE_BYTES * sid, 0, 3, "DTE");
    r.writeFields("DEVTAB_BASE", { DevTabBase: table, Size: DEVICE_TABLE_PAGES - 1 });
    const commands = CommandProducer.make(r, this.#memory);
    if (commands === null) return { refused: "There is no memory for the command buffer." };
    r.writeFields("EVT_BASE", { EventBase: events, EventLen: EVENT_LENGTH_CODE });
    r.write("EVT_HEAD", 0n);
    r.write("EVT_TAIL", 0n);
    r.writeFields("CONTROL", {
      IommuEn: 1,
      EventLogEn: 1,
      EventIntEn: 1,
      CmdBufEn: 1,
      Coherent: 1,
      ...(this.#guest ? { GTEn: 1 } : {}),
    });
    // Without it nothing has to go: the IOMMU was off, and what it learns from now on is of this table.
    if (efr.IASup === 1) commands.issue("INVALIDATE_IOMMU_ALL", {});
    if (!commands.sync()) return { refused: "The IOMMU stopped at the first commands." };
    this.#commands = commands;
    this.#deviceTable = table;
    this.#events = events;
    return null;
  }

  makeSpace(): AddressSpace | DriverRefusal {
    const tag = this.#freeDomain();
    const root = tag === null ? null : this.#memory.allocate(PAGE);
    if (tag === null || root === null)
      return { refused: "There is no memory for a page table, or no domain id is left." };
    this.#domains.add(tag);
    return { tables: new PageTables(this.#entries, this.#memory, SHAPE, root), inputBits: SHAPE.inputBits, tag };
  }

  dropSpace(space: AddressSpace): void {
    for (const at of space.tables.unmap(0, 2 ** space.inputBits).tables) this.#memory.release(at, PAGE);
    this.invalidateAll(space);
    this.sync();
    this.#memory.release(space.tables.root, PAGE);
    this.#domains.delete(space.tag);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    if (this.#guest) return this.#attachGuest(sid, pasid ?? OWN, pasid, space);
    if (pasid !== null) return { refused: "Requests with a PASID need guest tables (EFR.GTSup, EFR.GIoSup)." };
    const before = this.#attached.find((a) => a.sid === sid);
    const fields = {
      V: 1,
      TV: 1,
      Mode: MODE,
      HostPageTableRootPtr: space.tables.root,
      IR: 1,
      IW: 1,
      DomainID: space.tag,
      ...(this.#options.ats.has(sid) ? { I: 1 } : {}),
    };
    this.#writeDte(sid, encodeFields(DTE, fields));
    if (before !== undefined) this.#dropDomain(before.space.tag);
    this.#entryChanged(sid);
    this.#note(sid, OWN, space);
    return null;
  }

  detach(sid: number, pasid: number | null): void {
    const used = this.#attached.find((a) => a.sid === sid && a.pasid === (pasid ?? OWN));
    if (used === undefined) return;
    this.#attached = this.#attached.filter((a) => a !== used);
    const device = this.#devices.get(sid);
    if (device === undefined) {
      this.#writeDte(sid, encodeFields(DTE, { V: 1, TV: 1 }));
      this.#entryChanged(sid);
      this.#dropDomain(used.space.tag);
    } else {
      this.#memory.write(device.gcr3 + 8 * used.pasid, 0, 0, "GCR3 entry");
      this.#dropPasid(device.domain, used.pasid);
    }
    this.#dropFromDevice(used, 0, 2 ** 64);
    this.sync();
  }

  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void {
    const { S, address } = atsRange(alignedRange(va, bytes));
    const range = { S, Address: address, PDE: leavesOnly ? 0 : 1 };
    const off = this.#options.mistakes.has("wrong ASID") ? 1 : 0;
    if (this.#guest) {
      for (const { sid, pasid } of this.#usersOf(space)) {
        this.#issue("INVALIDATE_IOMMU_PAGES", {
          GN: 1,
          PASID: pasid + off,
          DomainID: this.#devices.get(sid)!.domain,
          ...range,
        });
      }
    } else this.#issue("INVALIDATE_IOMMU_PAGES", { DomainID: space.tag + off, ...range });
    for (const used of this.#usersOf(space)) this.#dropFromDevice(used, va, bytes);
  }

  invalidateAll(space: AddressSpace): void {
    if (!this.#guest) this.#dropDomain(space.tag);
    for (const used of this.#usersOf(space)) {
      const device = this.#devices.get(used.sid);
      if (device !== undefined) this.#dropPasid(device.domain, used.pasid);
      this.#dropFromDevice(used, 0, 2 ** 64);
    }
  }

  sync(): void {
    if (this.#options.mistakes.has("no sync")) this.#commands?.publish();
    else this.#commands?.sync();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    if (mode === "abort") return { refused: "The IOMMU passes requests while it is off; it cannot refuse all." };
    const control = this.#registers.read("CONTROL");
    this.#registers.write("CONTROL", mode === "translate" ? control | 1n : control & ~1n);
    return null;
  }

  takeFaults(): FaultReport[] {
    const tail = Number(this.#registers.read("EVT_TAIL"));
    let head = Number(this.#registers.read("EVT_HEAD"));
    const reports: FaultReport[] = [];
    for (; head !== tail && reports.length <= 2 ** EVENT_LENGTH_CODE; head = (head + EVENT_BYTES) % EVENT_LOG_BYTES) {
      reports.push(report(this.#memory.readWords(this.#events + head, eventByCode(2)!.layout)));
    }
    if (reports.length > 0) this.#registers.write("EVT_HEAD", BigInt(head));
    // EventOverflow and EventLogInt are cleared by writing ones; a log that overflowed has to be switched on again.
    const { EventOverflow } = this.#registers.fields("STATUS", "EventOverflow");
    if (EventOverflow === 1) {
      this.#registers.writeFields("STATUS", { EventOverflow: 1 });
      const control = this.#registers.read("CONTROL");
      this.#registers.write("CONTROL", control & ~4n);
      this.#registers.write("CONTROL", control | 4n);
    }
    return reports;
  }

  #attachGuest(sid: number, pasid: number, asked: number | null, space: AddressSpace): DriverRefusal | null {
    if (pasid >= PASIDS || asked === OWN)
      return { refused: `PASID ${asked} cannot be used: 0 is for requests without PASID.` };
    const device = this.#devices.get(sid) ?? this.#makeDevice(sid);
    if (device === null) return { refused: "There is no memory for a GCR3 table, or no domain id is left." };
    const used = this.#attached.find((a) => a.sid === sid && a.pasid === pasid);
    const entry = { V: 1, Address: space.tables.root };
    this.#memory.writeFields(device.gcr3 + 8 * pasid, GCR3_ENTRY, entry, "GCR3 entry");
    if (used !== undefined) {
      this.#dropPasid(device.domain, pasid);
      this.#dropFromDevice(used, 0, 2 ** 64);
    }
    this.sync();
    this.#note(sid, pasid, space);
    return null;
  }

  #makeDevice(sid: number): Device | null {
    const domain = this.#freeDomain();
    const gcr3 = domain === null ? null : this.#memory.allocate(8 * PASIDS);
    if (domain === null || gcr3 === null) return null;
    this.#domains.add(domain);
    const device = { domain, gcr3 };
    this.#devices.set(sid, device);
    const page = gcr3 / PAGE;
    const fields = {
      V: 1,
      TV: 1,
      GV: 1,
      GIoV: 1,
      GCR3TRP_14_12: page % 8,
      GCR3TRP_30_15: Math.floor(page / 8) % 0x10000,
      GCR3TRP_51_31: Math.floor(page / 0x80000),
      IR: 1,
      IW: 1,
      DomainID: domain,
      ...(this.#options.ats.has(sid) ? { I: 1 } : {}),
    };
    this.#writeDte(sid, encodeFields(DTE, fields));
    this.#entryChanged(sid);
    return device;
  }

  #freeDomain(): number | null {
    for (let id = 1; id < 0x10000; id++) if (!this.#domains.has(id)) return id;
    return null;
  }

  #note(sid: number, pasid: number, space: AddressSpace): void {
    this.#attached = this.#attached.filter((a) => a.sid !== sid || a.pasid !== pasid);
    this.#attached.push({ sid, pasid, space });
  }

  #writeDte(sid: number, words: Uint32Array): void {
    this.#memory.writeWords(this.#deviceTable + DTE_BYTES * sid, words, "DTE");
  }

  #entryChanged(sid: number): void {
    if (!this.#options.mistakes.has("no configuration invalidation")) {
      this.#issue("INVALIDATE_DEVTAB_ENTRY", { DeviceID: sid });
    }
    this.sync();
  }

  #usersOf(space: AddressSpace): Attached[] {
    return this.#attached.filter((a) => a.space === space);
  }

  #dropDomain(domain: number): void {
    this.#issue("INVALIDATE_IOMMU_PAGES", { DomainID: domain, S: 1, PDE: 1, Address: 2 ** 63 - PAGE });
  }

  #dropPasid(domain: number, pasid: number): void {
    const range = { S: 1, PDE: 1, Address: 2 ** 63 - PAGE };
    this.#issue("INVALIDATE_IOMMU_PAGES", { GN: 1, PASID: pasid, DomainID: domain, ...range });
  }

  #dropFromDevice({ sid, pasid }: Attached, va: number, bytes: number): void {
    if (!this.#options.ats.has(sid) || this.#options.mistakes.has("no ATC invalidation")) return;
    const { S, address } = atsRange(alignedRange(va, bytes));
    const withPasid =
      pasid === OWN
        ? {}
        : { GN: 1, PASID_7_0: pasid & 0xff, PASID_15_8: (pasid >>> 8) & 0xff, PASID_19_16: pasid >>> 16 };
    this.#issue("INVALIDATE_IOTLB_PAGES", {
      DeviceID: sid,
      QueueID: sid,
      MaxPend: 32,
      S,
      Address: address,
      ...withPasid,
    });
  }

  #issue(name: string, fields: Readonly<Record<string, number>>): void {
    this.#commands?.issue(name, fields);
  }
}

/** A record as Linux's driver logs it. */
function report(words: Uint32Array): FaultReport {
  const definition = eventByCode(words[1]! >>> 28);
  const get = (field: string): bigint | null =>
    definition === undefined ? null : fieldValue(definition.layout, field, words);
  const sid = Number(get("DeviceID") ?? 0n);
  const guest = get("GN") === 1n;
  const domain = Number(get("DomainID_PASID") ?? 0n);
  const pasid = guest ? domain + Number(get("PASID_19_16") ?? 0n) * 0x10000 : null;
  const address = get("Address");
  const flags = (words[1]! >>> 16) & 0xfff;
  const name = definition?.linuxName ?? "UNKNOWN";
  const line = `AMD-Vi: Event logged [${name} domain=0x${domain.toString(16).padStart(4, "0")} address=0x${(address ?? 0n).toString(16)} flags=0x${flags.toString(16).padStart(4, "0")}]`;
  return { sid, pasid: pasid === OWN ? null : pasid, address, line };
}

/** Makes the driver. */
export const makeAmdDriver: MakeDriver = (platform, memory, options) => new AmdDriver(platform, memory, options);
