/**
 * A kernel's SMMUv3 driver: set-up through registers, a context descriptor for each address space that a stream uses,
 * invalidation by range where the SMMU offers it. It follows what Linux's driver does. IHI 0070 §3.11, §6.3.9, §4.
 */
import { bdfOf } from "../../../arch/requester_id.ts";
import { SteConfig } from "../../../arch/smmuv3/ste.ts";
import { alignedRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import { PageRequestGroups, PageResponse } from "../../../kernel/page_requests.ts";
import type { ReachedIommu, RegisterPages } from "../../../kernel/platform.ts";
import { type CommandQueue, type CommandWords, command } from "../../../kernel/smmuv3/command_queue.ts";
import { type Context, ContextTable } from "../../../kernel/smmuv3/context_table.ts";
import { eventLines } from "../../../kernel/smmuv3/event_log.ts";
import { readEvent, readPageRequest, respond, resume, type SmmuEvent } from "../../../kernel/smmuv3/faults.ts";
import { rangeInvalidation } from "../../../kernel/smmuv3/range_invalidation.ts";
import { Smmu } from "../../../kernel/smmuv3/smmu.ts";
import { PageTables } from "../../../pagetable/build.ts";
import { vmsav8Entries } from "../../../pagetable/entries/vmsav8.ts";
import type { TranslationMode } from "../../../protocol/software.ts";
import type { MakeDriver } from "../guest_kernel.ts";
import type {
  AddressSpace,
  DriverOptions,
  DriverRefusal,
  FaultReport,
  IommuDriver,
  Partition,
} from "../iommu_driver.ts";
import { DirectQueue } from "./direct_queue.ts";
import { Processor } from "./processor.ts";

/** Four levels of 4 KiB tables: 48-bit addresses. */
const SHAPE = { level: 3, inputBits: 48 };
const ENTRIES = vmsav8Entries(1, 12, false);
const PAGE = 4096;
/** Substreams that a stream gets: log2, where SSIDSIZE allows it. */
const SUBSTREAMS_LG2 = 6;
/** IDR3.BBML from which a block may become a table in one write (IHI 0070 §3.21.1.3). */
const BLOCK_SIZE_MAY_CHANGE = 2;
const WHOLE_SPACE = 2 ** 64;
/** IDR0.STALL_MODEL: a context may choose, or has to stall. */
const STALL_MODEL = { both: 0, forced: 2 };

interface Stream {
  readonly table: ContextTable;
  /** By their place in the table. */
  readonly contexts: Map<number, Context>;
  /** Spaces by PASID; -1 for requests without. */
  readonly spaces: Map<number, AddressSpace>;
}

export class SmmuDriver implements IommuDriver {
  readonly #registers: RegisterPages;
  readonly #extension: RegisterPages | null;
  readonly #instructions: RegisterPages | null;
  readonly #memory: OwnMemory;
  readonly #options: DriverOptions;
  #started: Smmu | null = null;
  /** A queue that hardware reads without anybody between, where the kernel has one. */
  #direct: DirectQueue | null = null;
  /** The processor whose TLBI instructions the SMMU takes part in, for processes; null where it does not. */
  #processor: Processor | null = null;
  /** Spaces of processes, which TLBI instructions look after. */
  readonly #shared = new Set<AddressSpace>();
  /** The queue with commands that were not waited for. */
  #touched: CommandQueue | null = null;
  readonly #streams = new Map<number, Stream>();
  readonly #groups = new PageRequestGroups();

  constructor(iommu: ReachedIommu, memory: OwnMemory, options: DriverOptions) {
    this.#registers = iommu.registers;
    this.#extension = iommu.blocks?.cmdqv ?? null;
    this.#instructions = iommu.blocks?.pe ?? null;
    this.#memory = memory;
    this.#options = options;
  }

  start(): DriverRefusal | null {
    return this.#memory.notes.during("intent", "set up the SMMU", () => this.#start());
  }

  #start(): DriverRefusal | null {
    const instructions = this.#instructions;
    const smmu = Smmu.start(this.#registers, this.#memory, instructions !== null, this.#options.ids);
    if (typeof smmu === "string") return { refused: smmu };
    if (smmu.id("IDR0", "S1P") === 0) return { refused: "The SMMU has no stage 1 (IDR0.S1P)." };
    smmu.translate(true);
    this.#started = smmu;
    if (instructions !== null && smmu.id("IDR0", "BTM") === 1)
      this.#processor = new Processor(instructions, this.#memory.notes);
    this.#direct = this.#extension && DirectQueue.start(this.#extension, this.#memory, smmu.id("IDR1", "CMDQS"));
    return null;
  }

  get #smmu(): Smmu {
    if (this.#started === null) throw new Error("the driver has not been started");
    return this.#started;
  }

  makeSpace(): AddressSpace | DriverRefusal {
    const { asids, asidEnd } = this.#smmu;
    const asid = asids.take(asidEnd);
    if (asid === null) return { refused: "Every ASID is in use." };
    const root = this.#memory.allocate(PageTables.rootBytes(ENTRIES.fmt, SHAPE));
    if (root === null) {
      asids.release(asid);
      return { refused: "There is no memory for a page table." };
    }
    const { order, mistakes } = this.#options;
    const whole = this.#smmu.id("IDR3", "BBML") >= BLOCK_SIZE_MAY_CHANGE;
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
    this.#shared.delete(space);
    this.#smmu.asids.release(space.tag);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace, served = false): DriverRefusal | null {
    const stream = this.#stream(sid);
    if ("refused" in stream) return stream;
    const index = pasid ?? 0;
    const { table, contexts, spaces } = stream;
    if (index >= 2 ** table.log2Size || (pasid === 0 && table.log2Size > 0)) {
      return {
        refused: `PASID ${pasid} cannot be used: the stream has ${2 ** table.log2Size} contexts, and 0 is for requests without PASID.`,
      };
    }
    const stalls = this.#stalls(sid, served);
    if (this.#processor !== null && pasid !== null) this.#shared.add(space);
    const labelled = contexts.get(index)?.partition;
    this.#setContext(sid, stream, index, {
      ...this.#contextOf(space, stalls),
      ...(labelled === undefined ? {} : { partition: labelled }),
    });
    spaces.set(pasid ?? -1, space);
    return null;
  }

  detach(sid: number, pasid: number | null): void {
    const stream = this.#streams.get(sid);
    if (stream === undefined) return;
    const index = pasid ?? 0;
    stream.contexts.delete(index);
    stream.table.clear(index, () => this.#contextChanged(sid, index));
    if (stream.spaces.delete(pasid ?? -1)) this.#dropFromDevice(sid, pasid, 0, WHOLE_SPACE);
    this.sync();
  }

  partition(sid: number, pasid: number | null, partition: Partition): DriverRefusal | null {
    const smmu = this.#smmu;
    if (smmu.id("IDR3", "MPAM") === 0) return { refused: "The SMMU has no MPAM (IDR3.MPAM)." };
    const [partids, pmgs] = [smmu.id("MPAMIDR", "PARTID_MAX"), smmu.id("MPAMIDR", "PMG_MAX")];
    if (partition.partid > partids || partition.pmg > pmgs)
      return { refused: `The SMMU has PARTIDs up to ${partids} and PMGs up to ${pmgs} (MPAMIDR).` };
    const index = pasid ?? 0;
    const stream = this.#streams.get(sid);
    const context = stream?.contexts.get(index);
    if (stream === undefined || context === undefined) return { refused: "The device has no context there." };
    this.#setContext(sid, stream, index, { ...context, partition });
    return null;
  }

  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void {
    if (this.#shared.has(space)) {
      this.#processor?.invalidate(this.#asidFor(space), va, bytes, leavesOnly);
      this.#dropFromDevices(space, va, bytes);
      return;
    }
    const operands = { ASID: this.#asidFor(space), VMID: 0, Leaf: leavesOnly ? 1 : 0 };
    const target = { name: "CMD_TLBI_NH_VA", operands, granuleLg2: ENTRIES.fmt.granuleLg2 } as const;
    const commands = rangeInvalidation(target, va, bytes, this.#smmu.id("IDR3", "RIL") === 1);
    if (commands === null) {
      this.invalidateAll(space);
      return;
    }
    for (const words of commands) this.#issue(words);
    this.#dropFromDevices(space, va, bytes);
  }

  invalidateAll(space: AddressSpace): void {
    const asid = this.#asidFor(space);
    if (this.#shared.has(space)) this.#processor?.invalidateAll(asid);
    else this.#issue(command("CMD_TLBI_NH_ASID", { ASID: asid, VMID: 0 }));
    this.#dropFromDevices(space, 0, WHOLE_SPACE);
  }

  sync(): void {
    if (this.#processor?.barrier() === true && this.#touched === null) return;
    const queue = this.#touched ?? this.#smmu.commands;
    this.#touched = null;
    if (this.#options.mistakes.has("no sync")) queue.publish();
    else queue.sync();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    // GBPA says what becomes of requests while SMMUEN is 0; a write of it takes effect with Update set (§6.3.14).
    const smmu = this.#smmu;
    if (mode !== "translate") smmu.registers.writeFields("GBPA", { Update: 1, ABORT: mode === "abort" ? 1 : 0 });
    smmu.translate(mode === "translate");
    return null;
  }

  takeFaults(): FaultReport[] {
    const reports: FaultReport[] = [];
    const ofItself = (line: string): void => {
      reports.push({ sid: null, pasid: null, address: null, lines: () => [line] });
    };
    const refused = this.#direct?.takeError() ?? null;
    if (refused !== null) ofItself(refused);
    const { records, overflowed } = this.#smmu.events.take();
    if (overflowed) ofItself("EVTQ overflow detected -- events lost");
    for (const words of records) this.#serveEvent(words, reports);
    if (this.#servePageRequests()) ofItself("PRIQ overflow detected -- requests lost");
    return reports;
  }

  /** Serve a transaction that waits; any other event is reported. */
  #serveEvent(words: Uint32Array, reports: FaultReport[]): void {
    const event = readEvent(words);
    const { sid, pasid, address, stag } = event;
    if (stag !== null) {
      this.#serveStall(event, stag);
      return;
    }
    const client = this.#streams.has(sid) ? `0000:${bdfOf(sid)}` : null;
    reports.push({ sid, pasid, address, lines: () => eventLines(words, client, this.#options.instance) });
  }

  /** Have a transaction that waits taken up again, or aborted where its address is nobody's (IHI 0070 §3.12.2). */
  #serveStall({ sid, pasid, address, read, execute, privileged }: SmmuEvent, stag: number): void {
    const access = { sid, pasid, address: address ?? 0n, read, write: !read, execute, privileged };
    const response = this.#options.serve([{ ...access, group: stag, last: true }]);
    this.#issue(resume(sid, stag, response === PageResponse.Success ? "retry" : "abort"));
    this.sync();
  }

  /**
   * Answer groups of page requests. CHOICE(smmu-pri): Linux 7.2 refuses every one of an SMMUv3; this driver serves them
   * as Linux does those of other IOMMUs.
   * @returns whether requests were lost
   */
  #servePageRequests(): boolean {
    const taken = this.#smmu.pageRequests?.take();
    if (taken === undefined) return false;
    for (const words of taken.records) {
      const request = readPageRequest(words);
      const group = request && this.#groups.add(request);
      if (group === null) continue;
      this.#issue(respond(group.at(-1)!, this.#options.serve(group)));
      this.sync();
    }
    if (taken.overflowed) this.#groups.dropOpen();
    return taken.overflowed;
  }

  /** Whether faults stall: always where the SMMU says so, else where pages come and the device cannot ask for them. */
  #stalls(sid: number, served: boolean): boolean {
    const model = this.#smmu.id("IDR0", "STALL_MODEL");
    return model === STALL_MODEL.forced || (served && model === STALL_MODEL.both && !this.#usesAts(sid));
  }

  /** The stream's STE with its CD table; made when it is first used. */
  #stream(sid: number): Stream | DriverRefusal {
    const known = this.#streams.get(sid);
    if (known !== undefined) return known;
    const ste = this.#smmu.streams.place(sid);
    if (ste === null) return { refused: `The Stream table has no entry for StreamID 0x${sid.toString(16)}.` };
    const table = ContextTable.make(this.#memory, Math.min(SUBSTREAMS_LG2, this.#smmu.id("IDR1", "SSIDSIZE")));
    if (table === null) return { refused: "There is no memory for context descriptors." };
    const ats = this.#usesAts(sid) ? { EATS: 1 } : {};
    const labels = this.#smmu.id("IDR3", "MPAM") === 1 ? { S1MPAM: 1 } : {};
    this.#smmu.streams.replace(
      ste,
      { V: 1, Config: SteConfig.STAGE_1, ...table.steFields, ...ats, ...labels, SHCFG: 1 },
      () => {
        this.#issue(command("CMD_CFGI_STE", { StreamID: sid, Leaf: 1 }));
        this.sync();
      },
    );
    const stream: Stream = { table, contexts: new Map(), spaces: new Map() };
    this.#streams.set(sid, stream);
    return stream;
  }

  #setContext(sid: number, { table, contexts }: Stream, index: number, context: Context): void {
    contexts.set(index, context);
    table.set(index, context, () => this.#contextChanged(sid, index));
  }

  #contextOf(space: AddressSpace, stalls: boolean): Context {
    const outputSize = this.#smmu.id("IDR5", "OAS");
    const { tables, inputBits, tag: asid } = space;
    const { granuleLg2 } = ENTRIES.fmt;
    return { asid, root: tables.root, inputBits, granuleLg2, outputSize, stalls, shared: this.#shared.has(space) };
  }

  #contextChanged(sid: number, index: number): void {
    if (this.#options.mistakes.has("no configuration invalidation")) return;
    this.#issue(command("CMD_CFGI_CD", { StreamID: sid, SubstreamID: index, Leaf: 1 }));
    this.sync();
  }

  #asidFor(space: AddressSpace): number {
    return this.#options.mistakes.has("wrong ASID") ? space.tag + 1 : space.tag;
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
    return this.#smmu.id("IDR0", "ATS") === 1 && this.#options.ats.has(sid);
  }

  #dropFromDevice(sid: number, pasid: number | null, va: number, bytes: number): void {
    if (!this.#usesAts(sid) || this.#options.mistakes.has("no ATC invalidation")) return;
    const substream = pasid === null ? {} : { SSV: 1, SubstreamID: pasid };
    const { at, pagesLg2 } = alignedRange(va, bytes);
    this.#issue(command("CMD_ATC_INV", { StreamID: sid, ...substream, Size: pagesLg2, Address: at }));
  }

  /** Queue a command where it may stand. Queues do not wait for each other: what goes to another one is waited for first. */
  #issue(words: CommandWords): void {
    const queue = this.#direct?.takes(words) === true ? this.#direct.commands : this.#smmu.commands;
    if (this.#touched !== null && this.#touched !== queue) this.sync();
    this.#touched = queue;
    queue.issue(words);
  }
}

/** Makes the driver. */
export const makeSmmuDriver: MakeDriver = (iommu, memory, options) => new SmmuDriver(iommu, memory, options);
