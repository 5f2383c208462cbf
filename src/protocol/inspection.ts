/**
 * The hardware's parts as a page looks at them: registers, queues, caches, memory. Every answer carries the revision it
 * was computed for, and is the same whatever the architecture; names are the architecture's.
 */
import type { Result, Tag, Writer } from "./engine.ts";
import type { Arch, CacheSize, CommandWords } from "./machine.ts";

/** What a machine description may choose of an architecture, by name. */
export interface Choices {
  readonly presets: readonly { readonly id: string; readonly title: string; readonly about: string }[];
  /** In the order in which a transaction meets them; `size` is that of a small implementation. */
  readonly caches: readonly { readonly name: string; readonly title: string; readonly size: CacheSize }[];
  readonly options: readonly { readonly name: string; readonly about: string }[];
}

/** A field of a register or of a queue entry, decoded by its layout. */
export interface DecodedField {
  readonly name: string;
  /** Bits, numbered over the whole register or entry. */
  readonly hi: number;
  readonly lo: number;
  readonly value: bigint;
  /** What the value means, where its codes have names; null where they have none. */
  readonly meaning: string | null;
  /** What the field is for. */
  readonly about: string;
}

/** A register. */
export interface RegisterRow {
  /** The block it belongs to; empty for the IOMMU's own registers. */
  readonly block: string;
  readonly name: string;
  /** Byte offset from the first page of its block, and width in bytes. */
  readonly offset: number;
  readonly width: 4 | 8;
  readonly value: bigint;
  /** What software may do with it. */
  readonly access: "RO" | "RW" | "WO";
  readonly section: string;
  /** Reserved fields are left out. */
  readonly fields: readonly DecodedField[];
}

/** One end of a queue: where the next entry is written, or read. */
export interface QueueIndex {
  /** The register that holds it. */
  readonly register: string;
  /** Number of an entry, from 0. */
  readonly index: number;
  /** The wrap bit beside the index; null where the queue has none. */
  readonly wrap: 0 | 1 | null;
}

/** A queue in memory. */
export interface QueueRow {
  /** Stands for the queue in {@link InspectionApi.queueEntries}. */
  readonly id: string;
  /** As the architecture calls it: "Command queue", "Invalidation queue", "Event log". */
  readonly title: string;
  /** Who writes it. */
  readonly writer: "software" | "hardware";
  /** Whose it is, where it is not the host's: the other end is a guest. */
  readonly of?: "guest";
  readonly enabled: boolean;
  /** Physical address of the first entry; 0 where it has none. */
  readonly base: bigint;
  readonly entryBytes: number;
  /** Number of entries. */
  readonly entries: number;
  /** Where the next entry is written. */
  readonly producer: QueueIndex;
  /** Where the next entry is read. */
  readonly consumer: QueueIndex;
  /** Entries that are written and not read. */
  readonly waiting: number;
  /** An entry was lost because the queue was full. */
  readonly overflow: boolean;
  /** Why it stands still, or null. */
  readonly error: string | null;
}

/** Who takes entries out of a queue, and whether somebody holds them; or why nobody can be held. */
export type QueueReader = { readonly by: "IOMMU" | "host"; readonly held: boolean } | { readonly why: string };

/** The queues of a machine. */
export interface QueuesAnswer {
  readonly revision: number;
  readonly queues: readonly QueueRow[];
  /** Ids of the queues that typed commands can go to: one for each IOMMU that has one. */
  readonly commands: readonly string[];
  /** By the ids of the queues. */
  readonly readers: Readonly<Record<string, QueueReader>>;
}

/** An entry of a queue. */
export interface QueueEntry {
  readonly index: number;
  readonly at: bigint;
  /** 32-bit words, lowest first; null where the session does not hold the memory. */
  readonly words: Uint32Array | null;
  /** The command or record, such as "CMD_TLBI_NH_VA"; empty where the words are not known. */
  readonly name: string;
  /** It is written and not read. */
  readonly waiting: boolean;
  /** Reserved fields are left out. */
  readonly fields: readonly DecodedField[];
}

/** Why a cached entry no longer says what memory says, and the commands that are missing. */
export interface StaleMark {
  /** What changed: a structure, or tables of a stage. */
  readonly what: string;
  /** In the order in which software issues them, with their operands. */
  readonly missing: readonly string[];
}

/** An entry of a cache. */
export interface CacheEntry {
  /** Number of the entry in its cache. */
  readonly entry: number;
  /** Stream, context and address space it is tagged with. */
  readonly tags: readonly Tag[];
  /** Input range: first address and log2 of its bytes; null for entries that are not found by address. */
  readonly input: bigint | null;
  readonly sizeLg2: number | null;
  /** Where it leads: the output of the first address, or the structure it was read from. */
  readonly output: bigint | null;
  /** Bit 0 read, 1 write, 2 execute; null where it says nothing of them. */
  readonly permissions: number | null;
  /** How many fills (or uses, where the least recently used goes first) of its cache ago it was made; 0 the newest. */
  readonly age: number;
  readonly stale: StaleMark | null;
}

/** A cache. */
export interface CacheView {
  readonly name: string;
  /** What it keeps, in words. */
  readonly title: string;
  /** The device it belongs to, or null for the IOMMU's own. */
  readonly sid: number | null;
  readonly capacity: number;
  readonly ways: number;
  readonly counts: {
    readonly hits: number;
    readonly misses: number;
    readonly fills: number;
    readonly evictions: number;
    readonly drops: number;
  };
  readonly entries: readonly CacheEntry[];
}

/** An entry of one of the caches. */
export interface CachePlace {
  readonly cache: string;
  readonly sid: number | null;
  readonly entry: number;
}

/** What a command would take out of the caches once it is carried out. */
export interface InvalidationAnswer {
  readonly revision: number;
  /** What it has to drop. */
  readonly drops: readonly CachePlace[];
  /** What it says need not go, and may. */
  readonly mayDrop: readonly CachePlace[];
}

/** What the session knows of each 8 bytes of memory. */
export const MemoryState = {
  /** The session does not hold it. */
  Unknown: 0,
  Known: 1,
  /** Nothing answers there. */
  Absent: 2,
} as const;

/** Bytes of memory. */
export interface MemoryAnswer {
  readonly revision: number;
  /** A multiple of 8. */
  readonly at: bigint;
  /** Zero where they are not known. */
  readonly bytes: Uint8Array;
  /** A {@link MemoryState} for each 8 bytes. */
  readonly state: Uint8Array;
}

/** What a range of memory is for. */
export interface OwnerRow {
  readonly from: bigint;
  /** One past the last byte. */
  readonly to: bigint;
  /** What lies there: "Stream table", "Stage 1 tables", "Command queue". */
  readonly owner: string;
  /** Whom a picture gives one colour. */
  readonly group: "configuration" | "stage 1" | "stage 2" | "queue" | "data";
  /** The stream it is of, or null. */
  readonly sid: number | null;
}

/** Ranges of memory that the session holds. */
export interface ExtentRow {
  readonly from: bigint;
  readonly to: bigint;
}

/** Most bytes of one {@link MemoryAnswer}, and most entries of one answer about a queue. */
export const MAX_MEMORY_BYTES = 1 << 16;
export const MAX_QUEUE_ENTRIES = 1 << 12;

/** Calls that look at the hardware's parts. */
export interface InspectionApi {
  /** Needs no session. */
  choices(arch: Arch): Promise<Choices>;
  /** Every register that exists, by block and rising offset. */
  registers(): Promise<{ readonly revision: number; readonly rows: readonly RegisterRow[] }>;
  /** Queues that are set up, or could be. */
  queues(): Promise<QueuesAnswer>;
  /** Entries of a queue from a number on, at most {@link MAX_QUEUE_ENTRIES}; empty for an id that there is none of. */
  queueEntries(id: string, from: number, count: number): Promise<readonly QueueEntry[]>;
  /** What a command would take out of the caches; nothing is changed by asking. */
  invalidation(command: CommandWords): Promise<Result<InvalidationAnswer>>;
  /** The IOMMU's caches, then those of devices. */
  caches(): Promise<{ readonly revision: number; readonly caches: readonly CacheView[] }>;
  /** Who wrote to some bytes of a page last, or null where they stand as the machine was described. */
  writer(at: bigint, bytes: number): Promise<Writer | null>;
  /** At most {@link MAX_MEMORY_BYTES}, from a multiple of 8 on. */
  memory(at: bigint, length: number): Promise<MemoryAnswer>;
  /** Whose the memory is, by rising address; ranges may overlap. Cut short at 4096 rows. */
  owners(): Promise<{ readonly revision: number; readonly rows: readonly OwnerRow[]; readonly truncated: boolean }>;
  /** Memory that the session holds, by rising address. Cut short at 4096 rows. */
  extents(): Promise<{ readonly revision: number; readonly rows: readonly ExtentRow[]; readonly truncated: boolean }>;
}
