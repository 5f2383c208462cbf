/**
 * One IOMMU with everything behind its registers, as a machine drives it and a page looks at it.
 *
 * Each architecture has a folder beside this file that puts its engine behind this interface; the machine, the session
 * and the players know nothing else of it. 64-bit values are bigint on this side and halves on the engine's.
 */
import type { Digest } from "../base/digest.ts";
import type { TaggedCache } from "../engine/common/tagged_cache.ts";
import type { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type {
  EventRecord,
  LeafColumns,
  SessionSummary,
  StreamRow,
  StructureAnswer,
  StructureQuery,
  TableMapColumns,
  WalkAnswer,
} from "../protocol/engine.ts";
import type { CacheView, Choices, OwnerRow, QueueEntry, QueueRow, RegisterRow } from "../protocol/inspection.ts";
import type * as protocol from "../protocol/machine.ts";
import type { Access, Arch, DeviceDescription, MachineDescription } from "../protocol/machine.ts";
import type { OverlapQuery } from "../protocol/overlaps.ts";
import type { Consumer } from "./consumer.ts";
import type { DescriptionFault } from "./description.ts";
import type { OverlapSearch } from "./inspect/overlaps.ts";
import type { ContextTables } from "./inspect/table_source.ts";
import type { PcieSide } from "./pcie.ts";

/** Where software finds a register: byte offset from the first page of its block, and width in bytes. */
export interface RegisterPlace {
  readonly offset: number;
  readonly width: 4 | 8;
}

/** Pages of registers. */
export interface RegisterBlock {
  /** By the specification's name; null for a name it does not have. */
  register(name: string): RegisterPlace | null;
  /** Read at a byte offset from the first page. */
  read(offset: number, width: 4 | 8): bigint;
  /** Write at a byte offset from the first page. What the write sets in motion has happened when this returns. */
  write(offset: number, value: bigint, width: 4 | 8): void;
  /** Interrupts that it has raised so far; absent: it raises none. */
  readonly interrupts?: number;
  /** Its writes are for every IOMMU of a machine, as a processor's broadcasts are; absent: for one. */
  readonly heardByAll?: boolean;
}

/** A transaction of a device. `meets` names an event that it is to run into, of {@link Unit.onRequest}. */
export type Transfer = protocol.Transfer & { readonly meets?: string };

/** What became of a transaction. */
export type TransferResult =
  /**
   * It went to `pa`, null where it was taken as an interrupt message; `data` is what a read brought, absent where
   * nothing answers at `pa`.
   */
  | { readonly ok: true; readonly pa: bigint | null; readonly data?: Uint8Array }
  /**
   * It was terminated, or is stalled: `stalled` is then the number of the stall, counted from 0 over the session.
   * `unknown` is the address of memory the session lacks, where that was the cause. `razwi`: it read as zero or was
   * ignored as a write, instead of an abort.
   */
  | { readonly ok: false; readonly unknown?: bigint; readonly razwi: boolean; readonly stalled?: number };

/** What an access would come to, looked at without any effect. */
export type Reach =
  /** `attributes`: a MAIR byte and shareability (0 non-, 2 outer, 3 inner) that it leaves with, where they are modelled. */
  | {
      readonly end: "ok";
      readonly pa: bigint | null;
      readonly attributes?: { readonly mair: number; readonly sh: number };
    }
  /** `why` names the rule and its section. */
  | { readonly end: "refused"; readonly why: string }
  | { readonly end: "unknown"; readonly at: bigint };

/** Transactions that wait for software's word, by the number of their stall. */
export interface Stalls {
  /** What became of it: null while it is stalled, or where it was long ago. */
  resultOf(number: number): TransferResult | null;
  /** Its tag; null once it is answered, or while its record waits for its queue. */
  tagOf(number: number): number | null;
}

/** A saved state of a unit; only meaningful to the unit that made it. */
export type UnitImage = unknown;

/** What a page asks of a unit. Looking changes nothing; addresses and ids that lead nowhere are answers, not errors. */
export interface UnitInspection {
  walk(access: Access, revision: number): WalkAnswer;
  /**
   * Streams (requesters) with an entry worth showing, known devices, and those with events, by rising id. `devices` gives
   * them names, `eventsOf` counts records of a stream.
   */
  streams(devices: readonly DeviceDescription[], eventsOf: ReadonlyMap<number, number>): StreamRow[];
  leaves(sid: number, ssid: number | null, revision: number): LeafColumns;
  /** Trees of tables of a context. */
  tables(sid: number, ssid: number | null): ContextTables;
  /** Null when the stream does not use that stage, or cannot be resolved. */
  tableMap(sid: number, ssid: number | null, stage: 1 | 2, revision: number): TableMapColumns | null;
  /** Look for memory that is reached in more than one way, of these streams and the chosen one. */
  overlaps(query: OverlapQuery, streams: readonly StreamRow[]): OverlapSearch;
  /** Words, broken rules and reserved bits; what was edited and by whom is the session's to add. */
  structure(query: StructureQuery): Pick<StructureAnswer, "words" | "lint" | "wide">;
  /** A record of {@link Unit.takeRecords} or of a session's recorded events, with its name. */
  record(words: Uint32Array): EventRecord;
  /** Every register that exists, by block and rising offset. */
  registers(): RegisterRow[];
  queues(): QueueRow[];
  /** Entries of one of {@link queues} from a number on, at most `count`. */
  queueEntries(id: string, from: number, count: number): QueueEntry[];
  /** The unit's caches, then those of devices. */
  caches(): CacheView[];
  /** What memory is for, in any order; whoever asks stops when it has enough. */
  owners(): Iterable<OwnerRow>;
  capabilities(): SessionSummary["capabilities"];
  /** Sentences: what this session may ask for and the model does not do. */
  notModelled(): readonly string[];
}

/** An IOMMU behind its registers. */
export interface Unit extends RegisterBlock {
  readonly arch: Arch;
  readonly inspect: UnitInspection;
  /** The IOMMU that a requester is behind, where this stands for several. */
  serving?(sid: number): Unit;
  /** One transaction: split at pages, each part translated by itself; the first part that does not pass ends it. */
  transfer(transfer: Transfer): TransferResult;
  /** What an access would come to. */
  reach(access: Access): Reach;
  /** Event or fault records posted since the last call, in memory order, as `iommu-vectors/1` lists them. */
  takeRecords(): Uint8Array[];
  /** Every record so far from number `from` (0) on, oldest first, as 32-bit words. */
  records(from?: number): readonly Uint32Array[];
  /** How many records there are. */
  readonly recordCount: number;
  /** Number of the IOMMU that posted a record, by the record's, where this stands for several. */
  posterOf?(record: number): number;
  snapshot(): UnitImage;
  restore(image: UnitImage): void;
  /** Take everything that is not in memory into a digest. */
  digest(into: Digest): void;

  /** The tables of its caches, which have counted all their uses so far. */
  cacheTables(): readonly TaggedCache[];

  /** Of the queue that software sends commands by; null where the unit has none. */
  readonly consumer: Consumer | null;
  /** Of another queue of commands, by the id that {@link inspect} lists it with; null where there is none. */
  consumerOf?(queue: string): Consumer | null;
  /** The IOMMU whose software sends commands by that queue, where this stands for several; null where none does. */
  commandedBy?(queue: string): Unit | null;

  /** Registers besides the unit's own, by the name of their block. */
  readonly blocks?: Readonly<Record<string, RegisterBlock>>;
  /** Devices with ATS and page requests, and their messages. */
  readonly pcie?: PcieSide;
  readonly stalls?: Stalls;
  /** Events that lie in the make of the hardware, so that the model meets them only when a transfer asks for one. */
  readonly onRequest?: readonly string[];
}

/** Makes a unit: capabilities and programmed state from the description, memory shared with the machine. */
export type MakeUnit<U extends Unit = Unit> = (description: MachineDescription, memory: PhysicalMemory) => U;

/** An architecture as a machine is made of it. */
export interface Architecture<U extends Unit = Unit> {
  readonly arch: Arch;
  readonly make: MakeUnit<U>;
  /** What a description may choose by name. */
  readonly choices: Choices;
  /** What is wrong with a description: the key below `machine` and a sentence; null when a unit can be made of it. */
  check(description: MachineDescription): DescriptionFault | null;
  /** Registers, by name, that a translation depends on: what a case cut down to one walk needs. */
  readonly lookupRegisters: readonly string[];
  /** Bytes of the structures that a walk reads, by `TraceKind`; a kind that is not named has 8. */
  readonly structureBytes: Readonly<Record<number, number>>;
}
