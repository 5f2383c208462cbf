/** What a page asks of an AMD IOMMU. */
import type { InspectionParts } from "../../inspect/inspection.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { listCaches } from "./caches.ts";
import { capabilityRows, notModelled } from "./capabilities.ts";
import { eventRecord } from "./outcome.ts";
import { AMDVI_OWNERS } from "./owners.ts";
import { amdQueues } from "./queues.ts";
import { listRegisters } from "./registers.ts";
import { listStreams } from "./streams.ts";
import { inspectStructure } from "./structure.ts";
import { contextTables } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

export const AMDVI_INSPECTION: InspectionParts<AmdviUnit> = {
  walk: inspectWalk,
  streams: listStreams,
  tables: contextTables,
  structure: inspectStructure,
  record: eventRecord,
  registers: listRegisters,
  queues: amdQueues,
  caches: listCaches,
  owners: AMDVI_OWNERS,
  capabilities: capabilityRows,
  notModelled,
};
