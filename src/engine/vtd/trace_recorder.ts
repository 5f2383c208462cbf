/**
 * The recorder of translations in VT-d's terms: levels from 1 for pages up to 5. An entry that maps nothing, or has
 * reserved bits, is a different condition for each stage and mode, which the stages fill in.
 */
import { R } from "../../arch/vtd/reasons.ts";
import { TraceRecorder } from "../common/trace_recorder.ts";

/** A recorder for one remapping unit. */
export class VtdTraceRecorder extends TraceRecorder {
  constructor() {
    super({ levelOf: (level) => level + 1, empty: R.NONE, reserved: R.NONE });
  }
}
