/**
 * An AMD IOMMU with one device, and tables of both stages that are built as a driver builds them: guest structures lie in
 * guest memory, which the host tables place. For tests.
 */
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { GCR3_ENTRY } from "../../../arch/amdvi/gcr3.ts";
import { fromHalves, highHalf, lowHalf } from "../../../base/address.ts";
import type { FieldAccess, Layout } from "../../../base/layout.ts";
import { PageTables, type Rights, type TableStore } from "../../../pagetable/build.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { memoryStore } from "../../common/testing/memory_store.ts";
import { PhysicalMemory } from "../../memory/physical_memory.ts";
import { type Capabilities, readCapabilities } from "../capabilities.ts";
import { Controls } from "../controls.ts";
import { presetRegisters } from "../presets.ts";
import { Translation } from "../translation.ts";
import { Translator } from "../translator.ts";

export const PAGE = 4096;
export const DEVICE = 0x1b0;
export const PASID = 5;
export const DOMAIN = 0x2a;
export const ALL: Rights = { read: true, write: true, execute: true, user: true };

const TABLE = 0x20000;
const FIRST_FREE = 0x100000;
/** Bytes of memory from address 0. */
const RAM = 1 << 26;
/** Guest physical addresses of guest memory begin here, in 38 bits. */
const GUEST_BASE = 0x12_4000_0000;

export type Fields = Readonly<Record<string, number>>;

/** Shape of a world. */
export interface WorldShape {
  /** DTE.Mode, 0 for no host tables. */
  readonly mode?: 0 | 3 | 4 | 5 | 6;
  readonly guestLevels?: 4 | 5;
  readonly glx?: 0 | 1 | 2;
  /** Further fields of the device table entry. */
  readonly entry?: Fields;
  readonly caps?: Partial<Capabilities>;
}

/** Write a structure; an address field takes the address. */
export function put(memory: PhysicalMemory, l: Layout, at: number, fields: Fields): void {
  const words = new Uint32Array(l.bits / 32);
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, given] of Object.entries(fields)) {
    const d = l.fields.find((f) => f.name === name)!;
    const value = d.form === "address" ? given / 2 ** (d.lo & 63) : given;
    access[name]!.set(words, 0, lowHalf(value), highHalf(value));
  }
  memory.writeBytes(at, new Uint8Array(words.buffer));
}

export class BuiltWorld {
  readonly memory = new PhysicalMemory({ outside: "abort", zero: [[0, RAM]], segments: [] });
  readonly controls = new Controls();
  readonly translator: Translator;
  readonly mode: number;
  readonly host: PageTables | null;
  readonly guest: PageTables;
  /** Addresses of every table entry written, where they lie physically. */
  readonly entries: number[] = [];
  #free = FIRST_FREE;
  #guestFree = GUEST_BASE;
  readonly #hostOf = new Map<number, number>();

  constructor({ mode = 4, guestLevels = 4, glx = 0, entry = {}, caps = {} }: WorldShape = {}) {
    const [efr, efr2] = ["EFR", "EFR2"].map((name) => presetRegisters("full").get(name)!);
    const offered = { ...readCapabilities(efr!.hi, efr!.lo, efr2!.hi, efr2!.lo), ...caps };
    this.translator = new Translator(this.memory, this.controls, offered);
    Object.assign(this.controls, { iommuEn: true, gtEn: true, gcr3TrpMode: true });
    this.controls.segmentLo[0] = TABLE;
    this.controls.segmentEntries[0] = 512;
    this.mode = mode;
    const shape = { level: mode - 1, inputBits: Math.min(64, 12 + 9 * mode) };
    this.host = mode === 0 ? null : new PageTables(amdV1Entries(false), this.#hostStore(), shape, this.page());
    const root = this.guestPage();
    const guestShape = { level: guestLevels - 1, inputBits: 12 + 9 * guestLevels };
    this.guest = new PageTables(x86Entries(guestLevels, true, true), this.#guestStore(), guestShape, root);
    const gcr3 = this.#gcr3Tables(glx, root);
    this.entry({
      V: 1,
      TV: 1,
      Mode: mode,
      HostPageTableRootPtr: this.host?.root ?? 0,
      GV: 1,
      GLX: glx,
      GuestPagingMode: guestLevels - 4,
      GCR3TRP_14_12: Math.floor(gcr3 / 2 ** 12),
      GCR3TRP_30_15: Math.floor(gcr3 / 2 ** 15),
      GCR3TRP_51_31: Math.floor(gcr3 / 2 ** 31),
      IR: 1,
      IW: 1,
      DomainID: DOMAIN,
      ...entry,
    });
  }

  /** Change fields of the device table entry. */
  entry(fields: Fields): void {
    const at = TABLE + DEVICE * DTE_BYTES;
    const words = new Uint32Array(DTE.bits / 32);
    this.memory.readBytes(at, new Uint8Array(words.buffer));
    const access = DTE.f as Readonly<Record<string, FieldAccess>>;
    for (const [name, given] of Object.entries(fields)) {
      const d = DTE.fields.find((f) => f.name === name)!;
      const value = d.form === "address" ? given / 2 ** (d.lo & 63) : given;
      access[name]!.set(words, 0, (value % 2 ** 32) >>> 0, highHalf(value));
    }
    this.memory.writeBytes(at, new Uint8Array(words.buffer));
  }

  /** A page of system memory, not used yet. */
  page(): number {
    const at = this.#free;
    this.#free += PAGE;
    return at;
  }

  /** A page of guest memory, placed by the host tables with these rights. */
  guestPage(rights: Rights = ALL): number {
    if (this.host === null) return this.page();
    const at = this.#guestFree;
    this.#guestFree += PAGE;
    this.placeGuest(at, rights);
    return at;
  }

  /** Place a guest physical page in system memory. */
  placeGuest(gpa: number, rights: Rights = ALL): void {
    const to = this.page();
    this.#hostOf.set(gpa, to);
    this.host!.map(gpa, to, PAGE, rights);
  }

  /** Where a guest physical address lies. */
  placed(gpa: number): number {
    return this.host === null ? gpa : this.#hostOf.get(gpa - (gpa % PAGE))! + (gpa % PAGE);
  }

  /** Map a page of guest virtual addresses, below 2^53. @returns its guest physical address */
  map(va: number, rights: Rights = ALL, gpa = this.guestPage()): number {
    this.guest.map(va, gpa, PAGE, rights);
    return gpa;
  }

  /** A request of the device with {@link PASID}; not begun. */
  request(hi: number, lo: number, fields: Partial<Translation> = {}): Translation {
    const request = { deviceId: DEVICE, hasPasid: true, pasid: PASID, iovaHi: hi | 0, iovaLo: lo | 0 };
    return Object.assign(new Translation(), request, fields);
  }

  /** Translate a request to an address below 2^53. */
  translate(va: number, fields: Partial<Translation> = {}): Translation {
    const t = this.request(highHalf(va), lowHalf(va), fields);
    this.translator.translate(t, null);
    return t;
  }

  /** The 64 bits at a physical address, as a whole number without its highest bits. */
  lowHalfAt(at: number): number {
    this.memory.read64(highHalf(at), lowHalf(at));
    return this.memory.lo;
  }

  #gcr3Tables(glx: number, root: number): number {
    let below = root;
    for (let level = 0; level <= glx; level++) {
      const table = this.guestPage();
      const index = Math.floor(PASID / 512 ** level) % 512;
      put(this.memory, GCR3_ENTRY, this.placed(table) + 8 * index, { V: 1, Address: below });
      this.entries.push(this.placed(table) + 8 * index);
      below = table;
    }
    return below;
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
      (at) => this.placed(at),
      this.entries,
    );
  }
}

/** The address a translation gave. */
export const output = (t: Translation): number => fromHalves(t.paHi, t.paLo);
