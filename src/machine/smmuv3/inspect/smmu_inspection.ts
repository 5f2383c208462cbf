/** What a page asks of an SMMUv3. */
import type { InspectionParts } from "../../inspect/inspection.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { listCaches } from "./caches.ts";
import { capabilityRows, notModelled } from "./capabilities.ts";
import { eventRecord } from "./outcome.ts";
import { SMMU_OWNERS } from "./owners.ts";
import { smmuQueues } from "./queues.ts";
import { listRegisters } from "./registers.ts";
import { listStreams } from "./streams.ts";
import { inspectStructure } from "./structure.ts";
import { contextTables } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

export const SMMU_INSPECTION: InspectionParts<SmmuUnit> = {
  walk: inspectWalk,
  streams: listStreams,
  tables: contextTables,
  structure: inspectStructure,
  record: eventRecord,
  registers: listRegisters,
  queues: smmuQueues,
  caches: listCaches,
  owners: SMMU_OWNERS,
  capabilities: capabilityRows,
  notModelled,
};
