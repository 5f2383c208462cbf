/**
 * A kernel's SMMUv3 driver: set-up through registers, a context descriptor for each address space that a stream uses,
 * invalidation by range where the SMMU offers it. It follows what Linux's driver does. IHI 0070 §3.11, §6.3.9, §4.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { eventByNumber, RESERVED_EVENT } from "../../../arch/smmuv3/events.ts";
import { registerByName } from "../../../arch/smmuv3/registers.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import { fieldValue } from "../../../base/layout.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Platform, RegisterPages } from "../../../kernel/platform.ts";
import { KernelRegisters } from "../../../kernel/registers.ts";
import { PageTables } from "../../../pagetable/build.ts";
import { vmsav8Entries } from "../../../pagetable/entries/vmsav8.ts";
import type { TranslationMode } from "../../../protocol/software.ts";
import { alignedRange } from "../address_range.ts";
import type { MakeDriver } from "../guest_kernel.ts";
import type { AddressSpace, DriverOptions, DriverRefusal, FaultReport, IommuDriver } from "../iommu_driver.ts";
import { CommandProducer } from "./commands.ts";
import { DirectQueue } from "./direct_queue.ts";
import { StreamTable } from "./stream_table.ts";

/** Four levels of 4 KiB tables: 48-bit addresses. */
const SHAPE = { level: 3, inputBits: 48 };
const ENTRIES = vmsav8Entries(1, 12, false);
const CD_BYTES = CD.bits / 8;
const EVENT_BYTES = 32;
const PAGE = 4096;
/** Queue sizes where the SMMU takes them: log2 of 256 commands and of 128 events. */
const COMMANDS_LG2 = 8;
const EVENTS_LG2 = 7;
/** Substreams that a stream gets: log2, where SSIDSIZE allows it. */
const SUBSTREAMS_LG2 = 6;
/** Above so many pages a whole address space is invalidated without range commands. */
const MOST_PAGES = 512;
/** CMD_TLBI with a range: it covers (NUM + 1) * 2^SCALE pages. */
const NUM_BITS = 5;
/** Normal memory, write-back, for AttrIndx 0. */
const MAIR0 = 0xff;
/** IDR3.BBML from which a block may become a table in one write (IHI 0070 §3.21.1.3). */
const BLOCK_SIZE_MAY_CHANGE = 2;
/** Inner shareable, write-back: attributes of queues and tables. */
const CR1 = { TABLE_SH: 3, TABLE_OC: 1, TABLE_IC: 1, QUEUE_SH: 3, QUEUE_OC: 1, QUEUE_IC: 1 };

interface Stream {
  readonly ste: number;
  /** CD table, and how many SubstreamIDs it covers, log2. */
  readonly cds: number;
  readonly cdMax: number;
  /** Spaces by PASID; -1 for requests without. */
  readonly spaces: Map<number, AddressSpace>;
}

interface Queues {
  readonly commands: CommandProducer;
  /** Where the kernel has one that hardware reads without anybody between. */
  readonly direct: DirectQueue | null;
  readonly events: number;
  readonly eventsLg2: number;
}

export class SmmuDriver implements IommuDriver {
  readonly #registers: KernelRegisters;
  readonly #extension: RegisterPages | null;
  readonly #memory: OwnMemory;
  readonly #options: DriverOptions;
  #queues: Queues | null = null;
  /** The queue with commands that were not waited for. */
  #touched: CommandProducer | null = null;
  #streamTable: StreamTable | null = null;
  readonly #streams = new Map<number, Stream>();
  readonly #asids = new Set<number>();
  /** Offered by the SMMU: range invalidation, substreams, ATS. */
  #ranges = false;
  #ssidSize = 0;
  #outputSize = 0;
  #ats = false;

  constructor(platform: Platform, memory: OwnMemory, options: DriverOptions) {
    this.#registers = new KernelRegisters(platform.registers, memory.notes, registerByName);
    this.#extension = platform.blocks?.cmdqv ?? null;
    this.#memory = memory;
    this.#options = options;
  }

  start(): DriverRefusal | null {
    return this.#memory.notes.during("intent", "set up the SMMU", () => this.#start());
  }

  #start(): DriverRefusal | null {
    const r = this.#registers;
    if (r.field("IDR0", "S1P") === 0) return { refused: "The SMMU has no stage 1 (IDR0.S1P)." };
    this.#ranges = r.field("IDR3", "RIL") === 1;
    this.#ssidSize = r.field("IDR1", "SSIDSIZE");
    this.#outputSize = r.field("IDR5", "OAS");
    this.#ats = r.field("IDR0", "ATS") === 1;
    r.write("CR0", 0n);
    r.writeFields("CR1", CR1);
    r.writeFields("CR2", { PTM: 1, RECINVSID: 1 });
    const streams = StreamTable.make(this.#memory, r);
    const commandsLg2 = Math.min(COMMANDS_LG2, r.field("IDR1", "CMDQS"));
    const eventsLg2 = Math.min(EVENTS_LG2, r.field("IDR1", "EVENTQS"));
    const commands = this.#memory.allocate(16 * 2 ** commandsLg2);
    const events = this.#memory.allocate(EVENT_BYTES * 2 ** eventsLg2);
    if (streams === null || commands === null || events === null)
      return { refused: "There is no memory for tables and queues." };
    this.#streamTable = streams;
    r.writeFields("CMDQ_BASE", { ADDR: commands, LOG2SIZE: commandsLg2, RA: 1 });
    r.write("CMDQ_PROD", 0n);
    r.write("CMDQ_CONS", 0n);
    r.writeFields("CR0", { CMDQEN: 1 });
    const producer = new CommandProducer(r, this.#memory, {
      base: commands,
      log2Size: commandsLg2,
    });
    producer.issue("CMD_CFGI_STE_RANGE", { Range: 31 });
    producer.issue("CMD_TLBI_NSNH_ALL", {});
    const [error] = producer.sync();
    if (error !== undefined) return { refused: `The SMMU stopped at the first commands with ${error}.` };
    r.writeFields("EVENTQ_BASE", { ADDR: events, LOG2SIZE: eventsLg2, WA: 1 });
    r.write("EVENTQ_PROD", 0n);
    r.write("EVENTQ_CONS", 0n);
    r.writeFields("CR0", { CMDQEN: 1, EVENTQEN: 1 });
    r.writeFields("IRQ_CTRL", { EVENTQ_IRQEN: 1, GERROR_IRQEN: 1 });
    r.writeFields("CR0", { CMDQEN: 1, EVENTQEN: 1, ...(this.#ats ? { ATSCHK: 1 } : {}), SMMUEN: 1 });
    const direct = this.#extension && DirectQueue.start(this.#extension, this.#memory, commandsLg2);
    this.#queues = { commands: producer, direct, events, eventsLg2 };
    return null;
  }

  makeSpace(): AddressSpace | DriverRefusal {
    let asid = 1;
    while (this.#asids.has(asid)) asid++;
    const most = this.#registers.field("IDR0", "ASID16") === 1 ? 0x10000 : 0x100;
    if (asid >= most) return { refused: "Every ASID is in use." };
    const root = this.#memory.allocate(PageTables.rootBytes(ENTRIES.fmt, SHAPE));
    if (root === null) return { refused: "There is no memory for a page table." };
    this.#asids.add(asid);
    const { order, mistakes } = this.#options;
    const whole = this.#registers.field("IDR3", "BBML") >= BLOCK_SIZE_MAY_CHANGE;
    const store = whole ? this.#memory : order.watchedTables(this.#memory, ENTRIES.fmt);
    const forget = (va: number, bytes: number): void => {
      this.invalidate(space, va, bytes, true);
      this.sync();
    };
    const inOneWrite = whole || mistakes.has("no break before make");
    const tables = new PageTables(ENTRIES, store, SHAPE, root, inOneWrite ? null : forget);
    const space: AddressSpace = { tables, inputBits: SHAPE.inputBits, tag: asid };
    return space;
  }

  dropSpace(space: AddressSpace): void {
    for (const at of space.tables.unmap(0, 2 ** space.inputBits).tables) this.#memory.release(at, PAGE);
    this.invalidateAll(space);
    this.sync();
    this.#memory.release(space.tables.root, PAGE);
    this.#asids.delete(space.tag);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace): DriverRefusal | null {
    const stream = this.#stream(sid);
    if ("refused" in stream) return stream;
    const index = pasid ?? 0;
    if (index >= 2 ** stream.cdMax || (pasid === 0 && stream.cdMax > 0)) {
      return {
        refused: `PASID ${pasid} cannot be used: the stream has ${2 ** stream.cdMax} contexts, and 0 is for requests without PASID.`,
      };
    }
    const at = stream.cds + CD_BYTES * index;
    const fields = this.#contextFields(space);
    const changed = () => this.#contextChanged(sid, index);
    if (this.#memory.readWords(at, CD)[0]! >>> 31 === 1) {
      // Only the tables and the tag differ between two spaces.
      this.#memory.update(at, CD, { V: 0 }, "CD");
      changed();
    }
    this.#memory.writeFields(at, CD, fields);
    changed();
    this.sync();
    stream.spaces.set(pasid ?? -1, space);
    return null;
  }

  detach(sid: number, pasid: number | null): void {
    const stream = this.#streams.get(sid);
    if (stream === undefined) return;
    const index = pasid ?? 0;
    this.#memory.update(stream.cds + CD_BYTES * index, CD, { V: 0 }, "CD");
    this.#contextChanged(sid, index);
    const space = stream.spaces.get(pasid ?? -1);
    stream.spaces.delete(pasid ?? -1);
    if (space !== undefined) this.#dropFromDevice(sid, pasid, 0, 2 ** 64);
    this.sync();
  }

  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void {
    const asid = this.#asidFor(space);
    const pages = bytes / PAGE;
    const operands = { ASID: asid, VMID: 0, Leaf: leavesOnly ? 1 : 0 };
    if (!this.#ranges && pages > MOST_PAGES) this.invalidateAll(space);
    else if (this.#ranges) this.#invalidateRange(operands, va, pages);
    else for (let i = 0; i < pages; i++) this.#issue("CMD_TLBI_NH_VA", { ...operands, Address: va + i * PAGE });
    this.#dropFromDevices(space, va, bytes);
  }

  invalidateAll(space: AddressSpace): void {
    this.#issue("CMD_TLBI_NH_ASID", { ASID: this.#asidFor(space), VMID: 0 });
    this.#dropFromDevices(space, 0, 2 ** 64);
  }

  sync(): void {
    const queue = this.#touched ?? this.#queues?.commands;
    this.#touched = null;
    if (this.#options.mistakes.has("no sync")) queue?.publish();
    else queue?.sync();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    // GBPA says what becomes of requests while SMMUEN is 0; a write of it takes effect with Update set (§6.3.14).
    if (mode !== "translate") this.#registers.writeFields("GBPA", { Update: 1, ABORT: mode === "abort" ? 1 : 0 });
    const on = mode === "translate" ? { SMMUEN: 1 } : {};
    this.#registers.writeFields("CR0", { CMDQEN: 1, EVENTQEN: 1, ...(this.#ats ? { ATSCHK: 1 } : {}), ...on });
    return null;
  }

  takeFaults(): FaultReport[] {
    const queues = this.#queues;
    if (queues === null) return [];
    const mask = 2 * 2 ** queues.eventsLg2 - 1;
    const prod = Number(this.#registers.read("EVENTQ_PROD"));
    let cons = Number(this.#registers.read("EVENTQ_CONS")) & mask;
    const reports: FaultReport[] = [];
    const stopped = queues.direct?.takeError() ?? null;
    if (stopped !== null) reports.push({ sid: null, pasid: null, address: null, line: stopped });
    while (cons !== (prod & mask)) {
      const at = queues.events + EVENT_BYTES * (cons % 2 ** queues.eventsLg2);
      reports.push(report(this.#memory.readWords(at, RESERVED_EVENT)));
      cons = (cons + 1) & mask;
    }
    // OVACKFLG takes the value of OVFLG: an overflow is acknowledged with the entries (§7.4).
    const overflow = prod >>> 31;
    if (reports.length > 0 || overflow === 1) this.#registers.write("EVENTQ_CONS", BigInt(cons + overflow * 2 ** 31));
    return reports;
  }

  /** The stream's STE with its CD table; made when it is first used. */
  #stream(sid: number): Stream | DriverRefusal {
    const known = this.#streams.get(sid);
    if (known !== undefined) return known;
    const ste = this.#streamTable?.place(sid) ?? null;
    if (ste === null) return { refused: `The Stream table has no entry for StreamID 0x${sid.toString(16)}.` };
    const cdMax = Math.min(SUBSTREAMS_LG2, this.#ssidSize);
    const cds = this.#memory.allocate(CD_BYTES * 2 ** cdMax);
    if (cds === null) return { refused: "There is no memory for context descriptors." };
    const fields = {
      V: 1,
      Config: 5,
      S1ContextPtr: cds,
      S1CDMax: cdMax,
      ...(cdMax > 0 ? { S1DSS: 2 } : {}),
      S1CIR: 1,
      S1COR: 1,
      S1CSH: 3,
      EATS: this.#usesAts(sid) ? 1 : 0,
      SHCFG: 1,
    };
    this.#streamTable?.replace(ste, fields, () => {
      this.#issue("CMD_CFGI_STE", { StreamID: sid, Leaf: 1 });
      this.sync();
    });
    const stream = { ste, cds, cdMax, spaces: new Map<number, AddressSpace>() };
    this.#streams.set(sid, stream);
    return stream;
  }

  #contextFields(space: AddressSpace): FieldNumbers {
    return {
      V: 1,
      T0SZ: 64 - space.inputBits,
      IR0: 1,
      OR0: 1,
      SH0: 3,
      EPD1: 1,
      IPS: this.#outputSize,
      AA64: 1,
      R: 1,
      A: 1,
      ASET: 1,
      ASID: space.tag,
      TTB0: space.tables.root,
      MAIR0,
    };
  }

  #contextChanged(sid: number, index: number): void {
    if (this.#options.mistakes.has("no configuration invalidation")) return;
    this.#issue("CMD_CFGI_CD", { StreamID: sid, SubstreamID: index, Leaf: 1 });
    this.sync();
  }

  #asidFor(space: AddressSpace): number {
    return this.#options.mistakes.has("wrong ASID") ? space.tag + 1 : space.tag;
  }

  /** One range command for each digit of the number of pages, in base 32. */
  #invalidateRange(operands: FieldNumbers, va: number, pages: number): void {
    let at = va;
    let left = pages;
    for (let scale = 0; left > 0; scale += NUM_BITS) {
      const unit = 2 ** scale;
      const here = Math.floor(left / unit) % 2 ** NUM_BITS;
      if (here > 0) {
        // A range of a single page is a reserved combination; without TG the command is for one page anyway (§4.4.1.1).
        const range = here === 1 && scale === 0 ? {} : { TG: 1, SCALE: scale, NUM: here - 1 };
        this.#issue("CMD_TLBI_NH_VA", { ...operands, ...range, Address: at });
        at += here * unit * PAGE;
        left -= here * unit;
      }
    }
  }

  /** Tell the devices that use a space; the SMMU itself must have forgotten before, or a device asks and gets the old. */
  #dropFromDevices(space: AddressSpace, va: number, bytes: number): void {
    const users = [...this.#streams].filter(
      ([sid, { spaces }]) => this.#usesAts(sid) && [...spaces.values()].includes(space),
    );
    if (users.length > 0) this.sync();
    for (const [sid, { spaces }] of users) {
      for (const [pasid, used] of spaces) {
        if (used === space) this.#dropFromDevice(sid, pasid < 0 ? null : pasid, va, bytes);
      }
    }
  }

  #usesAts(sid: number): boolean {
    return this.#ats && this.#options.ats.has(sid);
  }

  #dropFromDevice(sid: number, pasid: number | null, va: number, bytes: number): void {
    if (!this.#usesAts(sid) || this.#options.mistakes.has("no ATC invalidation")) return;
    const substream = pasid === null ? {} : { SSV: 1, SubstreamID: pasid };
    const { at, pagesLg2 } = alignedRange(va, bytes);
    this.#issue("CMD_ATC_INV", { StreamID: sid, ...substream, Size: pagesLg2, Address: at });
  }

  /** Queue a command where it may stand. Queues do not wait for each other: what goes to another one is waited for first. */
  #issue(name: string, fields: FieldNumbers): void {
    if (this.#queues === null) return;
    const { commands, direct } = this.#queues;
    const queue = direct?.takes(name) === true ? direct.commands : commands;
    if (this.#touched !== null && this.#touched !== queue) this.sync();
    this.#touched = queue;
    queue.issue(name, fields);
  }
}

/** An event as Linux's driver logs it. */
function report(words: Uint32Array): FaultReport {
  const number = words[0]! & 0xff;
  const definition = eventByNumber(number);
  const get = (field: string): bigint | null => fieldValue(definition?.layout ?? RESERVED_EVENT, field, words);
  const sid = Number(get("StreamID") ?? 0n);
  const pasid = get("SSV") === 1n ? Number(get("SubstreamID") ?? 0n) : null;
  const address = get("InputAddr");
  const name = definition?.linuxName ?? "UNKNOWN";
  const line = `event: ${name} sid: 0x${sid.toString(16)} ssid: 0x${(pasid ?? 0).toString(16)} iova: 0x${(address ?? 0n).toString(16)}`;
  return { sid, pasid, address, line };
}

/** Makes the driver. */
export const makeSmmuDriver: MakeDriver = (platform, memory, options) => new SmmuDriver(platform, memory, options);
