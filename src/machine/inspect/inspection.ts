/** What a page asks of a unit, put together from what an architecture says of its own. */
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type {
  EventRecord,
  LeafColumns,
  SessionSummary,
  StreamRow,
  StructureAnswer,
  StructureQuery,
  TableMapColumns,
  WalkAnswer,
} from "../../protocol/engine.ts";
import type { CacheView, OwnerRow, QueueEntry, QueueRow, RegisterRow } from "../../protocol/inspection.ts";
import type { Access, DeviceDescription } from "../../protocol/machine.ts";
import type { OverlapQuery } from "../../protocol/overlaps.ts";
import type { UnitInspection } from "../unit.ts";
import { listLeaves } from "./leaves.ts";
import { findOverlaps, type OverlapSearch } from "./overlaps.ts";
import { listOwners, type OwnerParts } from "./owners.ts";
import { queueEntries, type ReadableQueue } from "./queue_rows.ts";
import { mapTables } from "./table_map.ts";
import { type ContextTables, leafSource, stageSource } from "./table_source.ts";

/** The answers of an architecture about one of its units; see {@link UnitInspection}. */
export interface InspectionParts<U> {
  walk(unit: U, access: Access, revision: number): WalkAnswer;
  streams(unit: U, devices: readonly DeviceDescription[], eventsOf: ReadonlyMap<number, number>): StreamRow[];
  tables(unit: U, sid: number, ssid: number | null): ContextTables;
  structure(unit: U, query: StructureQuery): Pick<StructureAnswer, "words" | "lint" | "wide">;
  record(words: Uint32Array): EventRecord;
  registers(unit: U): RegisterRow[];
  queues(unit: U): ReadableQueue[];
  caches(unit: U): CacheView[];
  readonly owners: OwnerParts<U>;
  capabilities(unit: U): SessionSummary["capabilities"];
  notModelled(unit: U): readonly string[];
}

export class Inspection<U extends { readonly memory: PhysicalMemory }> implements UnitInspection {
  readonly #unit: U;
  readonly #parts: InspectionParts<U>;

  constructor(unit: U, parts: InspectionParts<U>) {
    this.#unit = unit;
    this.#parts = parts;
  }

  walk(access: Access, revision: number): WalkAnswer {
    return this.#parts.walk(this.#unit, access, revision);
  }

  streams(devices: readonly DeviceDescription[], eventsOf: ReadonlyMap<number, number>): StreamRow[] {
    return this.#parts.streams(this.#unit, devices, eventsOf);
  }

  tables(sid: number, ssid: number | null): ContextTables {
    return this.#parts.tables(this.#unit, sid, ssid);
  }

  leaves(sid: number, ssid: number | null, revision: number): LeafColumns {
    return listLeaves(leafSource(this.tables(sid, ssid)), revision);
  }

  tableMap(sid: number, ssid: number | null, stage: 1 | 2, revision: number): TableMapColumns | null {
    return mapTables(stageSource(this.tables(sid, ssid), stage), revision);
  }

  overlaps(query: OverlapQuery, streams: readonly StreamRow[]): OverlapSearch {
    return findOverlaps(query, streams, (sid, ssid) => this.tables(sid, ssid));
  }

  structure(query: StructureQuery): Pick<StructureAnswer, "words" | "lint" | "wide"> {
    return this.#parts.structure(this.#unit, query);
  }

  record(words: Uint32Array): EventRecord {
    return this.#parts.record(words);
  }

  registers(): RegisterRow[] {
    return this.#parts.registers(this.#unit);
  }

  queues(): QueueRow[] {
    return this.#parts.queues(this.#unit).map(({ row }) => row);
  }

  queueEntries(id: string, from: number, count: number): QueueEntry[] {
    const queue = this.#parts.queues(this.#unit).find(({ row }) => row.id === id);
    return queue === undefined ? [] : queueEntries(this.#unit.memory, queue, from, count);
  }

  caches(): CacheView[] {
    return this.#parts.caches(this.#unit);
  }

  owners(): Iterable<OwnerRow> {
    const unit = this.#unit;
    return listOwners(unit, this.#parts.owners, {
      queues: this.queues(),
      streams: this.streams([], new Map()),
      stage: (sid, ssid, stage) => stageSource(this.tables(sid, ssid), stage),
    });
  }

  capabilities(): SessionSummary["capabilities"] {
    return this.#parts.capabilities(this.#unit);
  }

  notModelled(): readonly string[] {
    return this.#parts.notModelled(this.#unit);
  }
}
