/** What a page asks of several IOMMUs as of one: whatever is of a stream is its own unit's, the rest is put together. */
import type {
  EventRecord,
  LeafColumns,
  SessionSummary,
  StreamRow,
  StructureAnswer,
  StructureQuery,
  TableMapColumns,
  Tag,
  WalkAnswer,
} from "../../protocol/engine.ts";
import type { CacheView, OwnerRow, QueueEntry, QueueRow, RegisterRow } from "../../protocol/inspection.ts";
import type { Access, DeviceDescription } from "../../protocol/machine.ts";
import type { OverlapQuery } from "../../protocol/overlaps.ts";
import { type Behind, ofUnit } from "../../protocol/unit_names.ts";
import type { Unit, UnitInspection } from "../unit.ts";
import { findOverlaps, type OverlapSearch } from "./overlaps.ts";
import type { ContextTables } from "./table_source.ts";
import { sentTo, type Upkeep } from "./upkeep.ts";

const titled = (unit: number, title: string): string => `${title} of IOMMU ${unit}`;

export class SeveralInspections implements UnitInspection {
  readonly #units: readonly Unit[];
  readonly #behind: Behind;

  constructor(units: readonly Unit[], behind: Behind) {
    this.#units = units;
    this.#behind = behind;
  }

  walk(access: Access, revision: number): WalkAnswer {
    const answer = this.#of(access.sid).walk(access, revision);
    return { ...answer, tags: [this.#tag(access.sid), ...answer.tags] };
  }

  streams(devices: readonly DeviceDescription[], eventsOf: ReadonlyMap<number, number>): StreamRow[] {
    return this.#each((inspect, unit) => {
      const own = <T>(items: Iterable<T>, sidOf: (item: T) => number): T[] =>
        [...items].filter((item) => this.#behind(sidOf(item)) === unit);
      const rows = inspect.streams(
        own(devices, ({ sid }) => sid),
        new Map(own(eventsOf, ([sid]) => sid)),
      );
      return own(rows, ({ sid }) => sid).map((row) => ({ ...row, tags: [this.#tag(row.sid), ...row.tags] }));
    }).sort((a, b) => a.sid - b.sid);
  }

  tables(sid: number, ssid: number | null): ContextTables {
    const unit = this.#behind(sid);
    const { inspect, consumer } = this.#units[unit]!;
    const tables = inspect.tables(sid, ssid);
    if (unit === 0 || consumer === null) return tables;
    const upkeep = (stage: 1 | 2): Upkeep | null => {
      const own = tables.upkeep(stage);
      return own && sentTo(ofUnit(unit, consumer.queue), own);
    };
    return { ...tables, upkeep };
  }

  leaves(sid: number, ssid: number | null, revision: number): LeafColumns {
    return this.#of(sid).leaves(sid, ssid, revision);
  }

  tableMap(sid: number, ssid: number | null, stage: 1 | 2, revision: number): TableMapColumns | null {
    return this.#of(sid).tableMap(sid, ssid, stage, revision);
  }

  overlaps(query: OverlapQuery, streams: readonly StreamRow[]): OverlapSearch {
    return findOverlaps(query, streams, (sid, ssid) => this.tables(sid, ssid));
  }

  structure(query: StructureQuery): Pick<StructureAnswer, "words" | "lint" | "wide"> {
    return this.#of(query.sid).structure(query);
  }

  record(words: Uint32Array): EventRecord {
    return this.#units[0]!.inspect.record(words);
  }

  registers(): RegisterRow[] {
    return this.#each((inspect, unit) =>
      inspect.registers().map((row) => ({ ...row, block: ofUnit(unit, row.block) })),
    );
  }

  queues(): QueueRow[] {
    return this.#each((inspect, unit) =>
      inspect.queues().map((row) => ({ ...row, id: ofUnit(unit, row.id), title: titled(unit, row.title) })),
    );
  }

  queueEntries(id: string, from: number, count: number): QueueEntry[] {
    return this.#each((inspect, unit) => {
      const queue = inspect.queues().find((row) => ofUnit(unit, row.id) === id);
      return queue === undefined ? [] : inspect.queueEntries(queue.id, from, count);
    });
  }

  caches(): CacheView[] {
    return this.#each((inspect, unit) =>
      inspect.caches().map((view) => ({ ...view, name: ofUnit(unit, view.name), title: titled(unit, view.title) })),
    );
  }

  *owners(): Iterable<OwnerRow> {
    // Tables that several of them walk are named once.
    const seen = new Set<string>();
    for (const [i, { inspect }] of this.#units.entries()) {
      for (const row of inspect.owners()) {
        const key = `${row.owner} ${row.from} ${row.to}`;
        if (row.sid === null) yield { ...row, owner: titled(i, row.owner) };
        else if (!seen.has(key)) yield row;
        seen.add(key);
      }
    }
  }

  capabilities(): SessionSummary["capabilities"] {
    return this.#units[0]!.inspect.capabilities();
  }

  notModelled(): readonly string[] {
    return this.#units[0]!.inspect.notModelled();
  }

  /** Whose translations a stream's are. */
  #tag(sid: number): Tag {
    return { name: "IOMMU", value: this.#behind(sid) };
  }

  #of(sid: number): UnitInspection {
    return this.#units[this.#behind(sid)]!.inspect;
  }

  #each<T>(of: (inspect: UnitInspection, unit: number) => readonly T[]): T[] {
    return this.#units.flatMap(({ inspect }, i) => of(inspect, i));
  }
}
