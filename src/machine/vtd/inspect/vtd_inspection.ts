/** What a page asks of a VT-d unit. */
import type { InspectionParts } from "../../inspect/inspection.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { listCaches } from "./caches.ts";
import { capabilityRows, notModelled } from "./capabilities.ts";
import { faultRecord } from "./outcome.ts";
import { VTD_OWNERS } from "./owners.ts";
import { vtdQueues } from "./queues.ts";
import { listRegisters } from "./registers.ts";
import { listStreams } from "./streams.ts";
import { inspectStructure } from "./structure.ts";
import { contextTables } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

export const VTD_INSPECTION: InspectionParts<VtdUnit> = {
  walk: inspectWalk,
  streams: listStreams,
  tables: contextTables,
  structure: inspectStructure,
  record: faultRecord,
  registers: listRegisters,
  queues: vtdQueues,
  caches: listCaches,
  owners: VTD_OWNERS,
  capabilities: capabilityRows,
  notModelled,
};
