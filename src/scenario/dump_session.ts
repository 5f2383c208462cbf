/**
 * A session from printed tables of Intel VT-d: the dump that Linux prints with a fault, and the debugfs file
 * `domain_translation_struct`, with `dmar_translation_struct` and `iommu_regset` beside it where they are there.
 * VT-d §9.1 to §9.10, §11.4.
 *
 * An entry stands where the one above it points to. What leads to the first that was printed is put in, and the session
 * says so; memory that nothing was printed of is unknown.
 */

import { bdfOf } from "../arch/requester_id.ts";
import { GSTS, RTADDR } from "../arch/vtd/control_registers.ts";
import { pagingEntryLayout } from "../arch/vtd/paging_entries.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../arch/vtd/root_context.ts";
import { encodeFields, type FieldNumbers } from "../base/encode.ts";
import { join } from "../base/halves.ts";
import type { Layout } from "../base/layout.ts";
import type { DecodedEntry } from "../decode/entry.ts";
import { fieldReader } from "../decode/printed_fields.ts";
import type { VtdRegistersEntry } from "../decode/vtd/entries.ts";
import { vtdRegister } from "../decode/vtd/structure_kinds.ts";
import type {
  Access,
  DeviceDescription,
  MachineDescription,
  RecordedAccess,
  SessionDocument,
} from "../protocol/machine.ts";
import { MEMORY_END } from "./memory_check.ts";
import { sessionOfDeviceEntries } from "./printed_device_entries.ts";
import { type PrintedWalk, printedWalks } from "./printed_walks.ts";

const PAGE = 4096;
const WORD = 8;
/** Devices below this number have their context entry in the lower table of a scalable root entry. */
const UPPER = 0x80;
/** RTADDR.TTM of scalable mode. */
const SCALABLE = 1;

/** Units with the levels that second-stage tables have: code of AW by levels, and a preset that offers it. */
const LEGACY_UNITS: Readonly<Record<number, { readonly aw: number; readonly preset: string }>> = {
  3: { aw: 1, preset: "qemu-11.1-legacy" },
  4: { aw: 2, preset: "skylake-sp" },
  5: { aw: 3, preset: "sapphire-rapids" },
};
const SCALABLE_UNIT = "sapphire-rapids";

/** The address in a field of a printed structure. */
const addressIn = (layout: Layout, name: string, words: readonly bigint[]): bigint => fieldReader(layout, words)(name);

/** Where a page entry of either stage leads, be it a table or a page of 4 KiB. */
const nextOf = (entry: bigint): bigint => addressIn(pagingEntryLayout(2, 1, true), "ADDR", [entry]);

/** The session that printed tables make, whatever their architecture; null where none do. */
export const sessionOfDump = (entries: readonly DecodedEntry[]): SessionDocument | null =>
  sessionOfWalks(entries) ?? sessionOfDeviceEntries(entries);

/** The session of the walks that printed tables hold; null for none. */
function sessionOfWalks(entries: readonly DecodedEntry[]): SessionDocument | null {
  const walks = printedWalks(entries);
  const first = walks[0];
  if (first === undefined) return null;
  // A session has one unit, which is in one mode: the first walk's.
  const told = walks.filter(
    ({ unit, scalable, levels }) => unit === first.unit && scalable === first.scalable && levels in LEGACY_UNITS,
  );
  if (told.length === 0) return null;
  const printed = registersOf(entries, first);
  const tables = new PrintedTables(told, rootTableOf(first, printed));
  for (const walk of told) tables.place(walk);
  const recorded = told.map(recordedOf);
  return {
    title: `Printed tables of ${bdfOf(first.rid)}`,
    about: aboutOf(told, walks.length - told.length, tables.made, printed),
    machine: {
      arch: "vtd",
      ...unitOf(told, tables.root, printed),
      memory: { outside: "unknown", zero: [], segments: tables.segments() },
      devices: devicesOf(told),
    },
    actions: [],
    recorded: { accesses: recorded, events: [] },
    view: { access: recorded[0]!.access },
  };
}

/** Printed registers of the unit that a walk belongs to; null where none are, or where several may be meant. */
function registersOf(entries: readonly DecodedEntry[], { unit, scalable }: PrintedWalk): VtdRegistersEntry | null {
  const mode = scalable ? "scalable" : "legacy";
  const fit = entries
    .filter((entry) => entry.type === "vtd-registers")
    .filter((entry) => entry.translating === true && entry.mode === mode);
  return fit.find((entry) => unit !== null && entry.unit === unit) ?? (fit.length === 1 ? fit[0]! : null);
}

function rootTableOf(first: PrintedWalk, printed: VtdRegistersEntry | null): number | null {
  const told = printed?.root_table ?? null;
  return told === null ? (first.rootTable === null ? null : Number(first.rootTable)) : Number(told);
}

/** The unit as printed where its capabilities are; else a preset's, with what makes it use the tables. */
function unitOf(
  walks: readonly PrintedWalk[],
  root: number,
  printed: VtdRegistersEntry | null,
): Pick<MachineDescription, "preset" | "registers"> {
  const { scalable } = walks[0]!;
  if (printed !== null && offersItself(printed)) {
    const known = Object.entries(printed.registers).flatMap(([name, value]) => {
      const bits = vtdRegister(name)?.layout.bits;
      return bits === undefined ? [] : [[name, BigInt.asUintN(bits, BigInt(value))] as const];
    });
    return { registers: Object.fromEntries(known) };
  }
  const levels = Math.max(...walks.map((walk) => walk.levels));
  return {
    preset: scalable ? SCALABLE_UNIT : LEGACY_UNITS[levels]!.preset,
    registers: {
      RTADDR: wordOf(RTADDR, { RTA: root, TTM: scalable ? SCALABLE : 0 }),
      GSTS: wordOf(GSTS, { RTPS: 1, TES: 1 }),
    },
  };
}

const offersItself = ({ registers }: VtdRegistersEntry): boolean => "CAP" in registers && "ECAP" in registers;

function wordOf(layout: Layout, fields: FieldNumbers): bigint {
  const [lo = 0, hi = 0] = encodeFields(layout, fields);
  return join(hi, lo);
}

function aboutOf(
  told: readonly PrintedWalk[],
  left: number,
  made: ReadonlySet<string>,
  printed: VtdRegistersEntry | null,
): string {
  const count = `${told.length} ${told.length === 1 ? "walk" : "walks"} of printed tables.`;
  const put = made.size === 0 ? "" : ` Put in, because they were not printed: ${[...made].join(", ")}.`;
  const out = left === 0 ? "" : ` Left out: ${left} of another unit or mode, or with a depth that no unit has.`;
  const own = printed !== null && offersItself(printed);
  const unit = own
    ? `The registers are those of ${printed.unit ?? "the unit"}.`
    : "The unit's capabilities are a preset's.";
  return `${count}${put} ${unit}${out}`;
}

const devicesOf = (walks: readonly PrintedWalk[]): DeviceDescription[] =>
  [...new Set(walks.map(({ rid }) => rid))].map((sid) => ({ sid, bdf: `0000:${bdfOf(sid)}`, label: "" }));

/** Without a PASID a request has the context entry's RID_PASID, and so has the walk that was printed for it. */
function recordedOf({ rid, pasid, ridPasid, iova, page, write }: PrintedWalk): RecordedAccess {
  const access: Access = {
    sid: rid,
    ssid: pasid === null || pasid === ridPasid ? null : pasid,
    iova,
    write,
    privileged: false,
    instruction: false,
  };
  return { access, pa: page, result: page === null ? "refused" : null, source: "printed tables" };
}

/** Tables at the places that entries point to. */
class PrintedTables {
  readonly root: number;
  /** What was put in, in words. */
  readonly made = new Set<string>();
  readonly #words = new Map<bigint, bigint>();
  readonly #taken: ReadonlySet<number>;
  /** Context tables by bus, lower and upper. */
  readonly #contexts = new Map<number, readonly [lower: bigint, upper: bigint]>();
  /** PASID directories by requester, and PASID tables by directory entry. */
  readonly #directories = new Map<number, bigint>();
  readonly #pasidTables = new Map<string, bigint>();
  #next = PAGE;

  /** @param root address of the root table; null to find a place for it */
  constructor(walks: readonly PrintedWalk[], root: number | null) {
    this.#taken = new Set(
      walks.flatMap(({ top, entries, root, context, directory }) =>
        [top, ...entries.map(({ value }) => value), ...(root ?? []), ...(context ?? []), directory ?? 0n].map((value) =>
          Number(nextOf(value)),
        ),
      ),
    );
    this.root = root ?? this.#page();
  }

  /** Put what was printed of a walk where the walk finds it. */
  place(walk: PrintedWalk): void {
    if (walk.scalable) this.#placePasid(walk);
    else this.#placeContext(walk);
    let table = walk.top;
    for (const { level, value } of walk.entries) {
      const index = (walk.iova >> BigInt(12 + 9 * (level - 1))) & 511n;
      this.#put(nextOf(table) + BigInt(WORD) * index, [value]);
      table = value;
    }
  }

  /** Words that stand one after the other, by rising address. */
  segments(): { at: bigint; bytes: Uint8Array }[] {
    const words = [...this.#words].sort(([a], [b]) => (a < b ? -1 : 1));
    const runs: [bigint, bigint][][] = [];
    for (const word of words) {
      const last = runs.at(-1);
      if (last !== undefined && last.at(-1)![0] + BigInt(WORD) === word[0]) last.push(word);
      else runs.push([word]);
    }
    return runs.map((run) => ({
      at: run[0]![0],
      bytes: new Uint8Array(BigUint64Array.from(run.map(([, value]) => value)).buffer),
    }));
  }

  #placeContext(walk: PrintedWalk): void {
    const { rid, top, levels, root, context } = walk;
    const [lower] = this.#contextTables(rid >> 8, root, false);
    const fields = { P: 1, SSPTPTR: Number(top), AW: LEGACY_UNITS[levels]!.aw, DID: 1 };
    this.#put(lower + BigInt(16 * (rid & 0xff)), context ?? this.#made("context entries", CONTEXT_ENTRY, fields));
  }

  #placePasid(walk: PrintedWalk): void {
    const { rid, top, levels, firstStage, root, context, directory, pasidEntry, ridPasid } = walk;
    const pasid = walk.pasid ?? ridPasid;
    const [lower, upper] = this.#contextTables(rid >> 8, root, true);
    const device = rid & 0xff;
    const at = device < UPPER ? lower + BigInt(32 * device) : upper + BigInt(32 * (device - UPPER));
    const directoryAt = this.#directory(rid, context);
    const contextFields = { P: 1, PASIDE: 1, PDTS: 7, PASIDDIRPTR: Number(directoryAt), RID_PASID: ridPasid };
    // Only the lower half of an entry is printed; the upper one is reserved.
    const printed = context === null ? null : [...context, 0n, 0n];
    this.#put(at, printed ?? this.#made("context entries", SM_CONTEXT_ENTRY, contextFields));
    const tableAt = this.#pasidTable(directoryAt, pasid >> 6, directory);
    const stage = firstStage
      ? { PGTT: Pgtt.First, FSPTPTR: Number(top), FSPM: levels - 4 }
      : { PGTT: Pgtt.Second, SSPTPTR: Number(top), AW: levels - 2 };
    const entry = pasidEntry ?? this.#made("PASID table entries", PASID_TABLE_ENTRY, { P: 1, DID: 1, ...stage });
    this.#put(tableAt + BigInt(64 * (pasid & 63)), [...entry, ...Array<bigint>(8).fill(0n)].slice(0, 8));
  }

  /** Context tables of a bus; a root entry is put in where none was printed. */
  #contextTables(bus: number, root: readonly bigint[] | null, scalable: boolean): readonly [bigint, bigint] {
    const known = this.#contexts.get(bus);
    if (known !== undefined) return known;
    const at = BigInt(this.root + 16 * bus);
    const tables: readonly [bigint, bigint] =
      root === null
        ? [BigInt(this.#page()), BigInt(scalable ? this.#page() : 0)]
        : [addressIn(SM_ROOT_ENTRY, "LCTP", root), addressIn(SM_ROOT_ENTRY, "UCTP", root)];
    const [lower, upper] = tables.map(Number) as [number, number];
    const fields = scalable ? { LP: 1, LCTP: lower, UP: 1, UCTP: upper } : { P: 1, CTP: lower };
    this.#put(at, root ?? this.#made("root entries", scalable ? SM_ROOT_ENTRY : ROOT_ENTRY, fields));
    this.#contexts.set(bus, tables);
    return tables;
  }

  #directory(rid: number, context: readonly bigint[] | null): bigint {
    const known =
      this.#directories.get(rid) ??
      (context === null ? BigInt(this.#page()) : addressIn(SM_CONTEXT_ENTRY, "PASIDDIRPTR", context));
    this.#directories.set(rid, known);
    return known;
  }

  #pasidTable(directory: bigint, index: number, printed: bigint | null): bigint {
    const key = `${directory} ${index}`;
    const known =
      this.#pasidTables.get(key) ??
      (printed === null ? BigInt(this.#page()) : addressIn(PASID_DIRECTORY_ENTRY, "SMPTBLPTR", [printed]));
    this.#pasidTables.set(key, known);
    const entry =
      printed === null
        ? this.#made("PASID directory entries", PASID_DIRECTORY_ENTRY, { P: 1, SMPTBLPTR: Number(known) })
        : [printed];
    this.#put(directory + BigInt(WORD * index), entry);
    return known;
  }

  #made(what: string, layout: Layout, fields: FieldNumbers): bigint[] {
    this.made.add(what);
    return [...new BigUint64Array(encodeFields(layout, fields).buffer)];
  }

  /** What would stand beyond the end of physical memory is out of reach of any unit. */
  #put(at: bigint, words: readonly bigint[]): void {
    if (at >= MEMORY_END) return;
    for (const [i, word] of words.entries()) this.#words.set(at + BigInt(WORD * i), word);
  }

  /** A page that nothing printed points to. */
  #page(): number {
    while (this.#taken.has(this.#next)) this.#next += PAGE;
    const at = this.#next;
    this.#next += PAGE;
    return at;
  }
}
