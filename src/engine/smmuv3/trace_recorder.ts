/**
 * The recorder of translations in an SMMUv3's terms: levels from 3 for pages up to -1, reasons of its own.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { armLevel } from "../../pagetable/formats/vmsav8.ts";
import { TraceRecorder } from "../common/trace_recorder.ts";

/** A recorder for one SMMUv3. */
export class SmmuTraceRecorder extends TraceRecorder {
  constructor() {
    super({ levelOf: armLevel, empty: R.INVALID, reserved: R.RESERVED_TYPE });
  }
}
