/** What a page asks of an AMD IOMMU. */
import type {
  EventRecord,
  LeafColumns,
  SessionSummary,
  StreamRow,
  StructureAnswer,
  StructureQuery,
  TableMapColumns,
  WalkAnswer,
} from "../../../protocol/engine.ts";
import type { CacheView, OwnerRow, QueueEntry, QueueRow, RegisterRow } from "../../../protocol/inspection.ts";
import type { Access, DeviceDescription } from "../../../protocol/machine.ts";
import { listLeaves } from "../../inspect/leaves.ts";
import { queueEntries } from "../../inspect/queue_rows.ts";
import { mapTables } from "../../inspect/table_map.ts";
import type { UnitInspection } from "../../unit.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { listCaches } from "./caches.ts";
import { capabilityRows, notModelled } from "./capabilities.ts";
import { eventRecord } from "./outcome.ts";
import { listOwners } from "./owners.ts";
import { amdQueues } from "./queues.ts";
import { listRegisters } from "./registers.ts";
import { listStreams } from "./streams.ts";
import { inspectStructure } from "./structure.ts";
import { leafSource, stageSource } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

export class AmdviInspection implements UnitInspection {
  readonly #unit: AmdviUnit;

  constructor(unit: AmdviUnit) {
    this.#unit = unit;
  }

  walk(access: Access, revision: number): WalkAnswer {
    return inspectWalk(this.#unit, access, revision);
  }

  streams(devices: readonly DeviceDescription[], eventsOf: ReadonlyMap<number, number>): StreamRow[] {
    return listStreams(this.#unit, devices, eventsOf);
  }

  leaves(sid: number, ssid: number | null, revision: number): LeafColumns {
    return listLeaves(leafSource(this.#unit, sid, ssid), revision);
  }

  tableMap(sid: number, ssid: number | null, stage: 1 | 2, revision: number): TableMapColumns | null {
    return mapTables(stageSource(this.#unit, sid, ssid, stage), revision);
  }

  structure(query: StructureQuery): Pick<StructureAnswer, "words" | "lint" | "wide"> {
    return inspectStructure(this.#unit, query);
  }

  record(words: Uint32Array): EventRecord {
    return eventRecord(words);
  }

  registers(): RegisterRow[] {
    return listRegisters(this.#unit);
  }

  queues(): QueueRow[] {
    return amdQueues(this.#unit).map(({ row }) => row);
  }

  queueEntries(id: string, from: number, count: number): QueueEntry[] {
    const queue = amdQueues(this.#unit).find(({ row }) => row.id === id);
    return queue === undefined ? [] : queueEntries(this.#unit.memory, queue.row, from, count, queue.read);
  }

  caches(): CacheView[] {
    return listCaches(this.#unit);
  }

  owners(): Iterable<OwnerRow> {
    return listOwners(this.#unit);
  }

  capabilities(): SessionSummary["capabilities"] {
    return capabilityRows(this.#unit);
  }

  notModelled(): readonly string[] {
    return notModelled(this.#unit);
  }
}
