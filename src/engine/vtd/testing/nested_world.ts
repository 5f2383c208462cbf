/**
 * A VT-d unit in scalable mode with one requester, and tables of both stages that are built as a driver builds them:
 * first-stage tables lie in guest memory, which the second stage places. For tests.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../../arch/vtd/pasid_entries.ts";
import { SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../../arch/vtd/root_context.ts";
import { highHalf, lowHalf } from "../../../base/address.ts";
import type { FieldAccess, Layout } from "../../../base/layout.ts";
import { type EntryMaker, PageTables, type Rights, type TableStore } from "../../../pagetable/build.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { memoryStore } from "../../common/testing/memory_store.ts";
import { PhysicalMemory } from "../../memory/physical_memory.ts";
import { type Capabilities, readCapabilities, type UnitOptions } from "../capabilities.ts";
import { presetById, presetIdentity } from "../presets.ts";
import { Remapper } from "../remapper.ts";
import { RemappingState, Ttm } from "../remapping_state.ts";
import { Translation } from "../translation.ts";

export const PAGE = 4096;
export const SID = 0x1b0;
export const PASID = 5;
export const ALL: Rights = { read: true, write: true, execute: true, user: true };

export const ROOT = 0x1000;
export const CONTEXTS = 0x2000;
export const DIRECTORY = 0x4000;
export const PASIDS = 0x5000;
const FIRST_FREE = 0x10000;
/** Bytes of memory from address 0. */
const RAM = 1 << 26;
/** Guest physical addresses of guest memory begin here. */
const GUEST_BASE = 0x12_4000_0000;

type Fields = Readonly<Record<string, number>>;

/** Write a structure; an address field takes the address. */
export function put(memory: PhysicalMemory, l: Layout, at: number, fields: Fields): void {
  const words = new Uint32Array(l.bits / 32);
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, given] of Object.entries(fields)) {
    const d = l.fields.find((f) => f.name === name)!;
    const value = d.form === "address" ? given / 2 ** (d.lo & 63) : given;
    access[name]!.set(words, 0, (value % 2 ** 32) >>> 0, Math.floor(value / 2 ** 32));
  }
  memory.writeBytes(at, new Uint8Array(words.buffer));
}

/** Shape of a world. */
export interface WorldShape {
  readonly options?: UnitOptions;
  /** Code of AW: levels of the second stage less two. */
  readonly aw?: 1 | 2 | 3;
  readonly firstLevels?: 4 | 5;
  /** Where pages of the second stage come from: host addresses of guest pages, in any order. */
  readonly hostPage?: () => number;
}

export class NestedWorld {
  readonly memory = new PhysicalMemory({ outside: "abort", zero: [[0, RAM]], segments: [] });
  readonly state = new RemappingState();
  readonly caps: Capabilities;
  readonly remapper: Remapper;
  readonly second: PageTables;
  readonly first: PageTables;
  /** Addresses of every table entry written, where they lie physically. */
  readonly entries: number[] = [];
  readonly #shape: WorldShape;
  #free = FIRST_FREE;
  #guestFree = GUEST_BASE;
  readonly #hostOf = new Map<number, number>();

  constructor(shape: WorldShape = {}) {
    this.#shape = shape;
    const { cap, ecap } = presetIdentity(presetById("sapphire-rapids")!);
    this.caps = readCapabilities(cap.hi, cap.lo, ecap.hi, ecap.lo, shape.options);
    this.remapper = new Remapper(this.memory, this.state, this.caps);
    Object.assign(this.state, { enabled: true, ttm: Ttm.Scalable, rootHi: 0, rootLo: ROOT });
    const { aw = 2, firstLevels = 4 } = shape;
    const features = { largePages: 3, snoop: true, transientMapping: false };
    this.second = this.#tables(vtdSecondEntries(features, false), aw + 1, 30 + 9 * aw, this.#hostStore());
    const entries = x86Entries(firstLevels, true, true);
    this.first = this.#tables(entries, firstLevels - 1, 12 + 9 * firstLevels, this.#guestStore());
    put(this.memory, SM_ROOT_ENTRY, ROOT + 16 * (SID >> 8), {
      LP: 1,
      LCTP: CONTEXTS,
      UP: 1,
      UCTP: CONTEXTS + PAGE,
    });
    put(this.memory, SM_CONTEXT_ENTRY, CONTEXTS + 32 * (SID & 0xff), {
      P: 1,
      PASIDE: 1,
      PASIDDIRPTR: DIRECTORY,
      RID_PASID: PASID,
    });
    put(this.memory, PASID_DIRECTORY_ENTRY, DIRECTORY, { P: 1, SMPTBLPTR: PASIDS });
    this.entry({});
  }

  /** Write the PASID table entry: nested, with these fields changed. */
  entry(fields: Fields): void {
    const { aw = 2, firstLevels = 4 } = this.#shape;
    put(this.memory, PASID_TABLE_ENTRY, PASIDS + 64 * PASID, {
      P: 1,
      PGTT: Pgtt.Nested,
      AW: aw,
      SSPTPTR: this.second.root,
      DID: 7,
      SRE: 1,
      ERE: 1,
      NXE: 1,
      FSPM: firstLevels - 4,
      FSPTPTR: this.first.root,
      ...fields,
    });
  }

  /** A page of host memory, not used yet. */
  page(): number {
    const at = this.#free;
    this.#free += PAGE;
    return at;
  }

  /** A page of guest memory, placed by the second stage with these rights. */
  guestPage(rights: Rights = ALL): number {
    const at = this.#guestFree;
    this.#guestFree += PAGE;
    const host = this.#shape.hostPage?.() ?? this.page();
    this.#hostOf.set(at, host);
    this.second.map(at, host, PAGE, rights);
    return at;
  }

  /** Where a page of guest memory lies. */
  host(at: number): number {
    return this.#hostOf.get(at - (at % PAGE))! + (at % PAGE);
  }

  /** Map a page of the first stage to a page of guest memory. @returns the latter */
  map(va: number, rights: Rights = ALL, guest = this.guestPage()): number {
    this.first.map(va, guest, PAGE, rights);
    return guest;
  }

  /** Fill in a request with a PASID; `fields` changes it. */
  request(hi: number, lo: number, fields: Partial<Translation> = {}): Translation {
    const t = new Translation();
    return Object.assign(t, { sid: SID, pasid: PASID, hasPasid: true, iovaHi: hi | 0, iovaLo: lo | 0 }, fields);
  }

  /** Translate a request to the low half of the address space. */
  translate(va: number, fields: Partial<Translation> = {}): Translation {
    const t = this.request(highHalf(va), lowHalf(va), fields);
    this.remapper.translate(t, null);
    return t;
  }

  #tables(maker: EntryMaker, level: number, inputBits: number, store: TableStore): PageTables {
    return new PageTables(maker, store, { level, inputBits }, store.allocate(PAGE)!);
  }

  #hostStore(): TableStore {
    return memoryStore(
      this.memory,
      () => this.page(),
      (at) => at,
      this.entries,
    );
  }

  #guestStore(): TableStore {
    return memoryStore(
      this.memory,
      () => this.guestPage(),
      (at) => this.host(at),
      this.entries,
    );
  }
}
