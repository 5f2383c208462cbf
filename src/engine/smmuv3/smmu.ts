/**
 * An SMMUv3: registers, memory and the procedure of a translation in the architecture's order (IHI 0070 §3.3, §3.4, §15).
 *
 * UNMODELLED here: caches, queues and commands, stalls, hardware update of tables, ATS and PRI, memory attributes,
 * VMSAv8-32 and VMSAv9-128 tables. `notModelled` of the machine tells a user which of these a session asks for.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { TracePhase } from "../../protocol/trace.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { type Capabilities, readCapabilities } from "./capabilities.ts";
import { ConfigResolver, ResolvedStream } from "./config_resolver.ts";
import { Event } from "./event_record.ts";
import { FastWalk } from "./fast_walk.ts";
import type { RegisterFile } from "./register_file.ts";
import { Stage1 } from "./stage1.ts";
import { Stage2 } from "./stage2.ts";
import { beyond } from "./ste_rules.ts";
import type { TraceRecorder } from "./trace_recorder.ts";
import { EventClass, type Translation } from "./translation.ts";

export class Smmuv3 {
  readonly registers: RegisterFile;
  readonly caps: Capabilities;
  readonly #stage1: Stage1;
  readonly stage2: Stage2;
  readonly #resolver: ConfigResolver;
  readonly #fast: FastWalk;
  readonly #resolved = new ResolvedStream();

  constructor(memory: PhysicalMemory, registers: RegisterFile) {
    this.registers = registers;
    this.caps = readCapabilities(registers);
    this.stage2 = new Stage2(memory, this.caps.xnx);
    this.#stage1 = new Stage1(memory, this.stage2);
    this.#fast = new FastWalk(memory, this.caps.xnx);
    this.#resolver = new ConfigResolver(memory, registers, this.caps, this.stage2);
  }

  /** Translate the transaction that `t` describes; the answer is in `t`. */
  translate(t: Translation, trace: TraceRecorder | null): void {
    t.begin();
    if (this.registers.field("SMMU_CR0", "SMMUEN") === 0) {
      this.#disabled(t, trace);
      return;
    }
    if (this.resolve(t, trace, this.#resolved)) this.translateIn(t, this.#resolved, trace);
  }

  /** Find out what applies to the stream and substream of `t`; see {@link ConfigResolver.resolve}. */
  resolve(t: Translation, trace: TraceRecorder | null, config: ResolvedStream): boolean {
    return this.#resolver.resolve(t, trace, config);
  }

  /** Translate the address of `t` by a configuration that {@link resolve} made for its stream. */
  translateIn(t: Translation, config: ResolvedStream, trace: TraceRecorder | null): void {
    if (trace === null && config.fast && this.#fast.translate(t, config)) return;
    let hi = t.iovaHi;
    let lo = t.iovaLo;
    let rows = 0;
    if (config.stage1) {
      if (!this.#stage1.translate(t, config, trace)) return;
      hi = this.#stage1.outHi;
      lo = this.#stage1.outLo;
      rows = this.#stage1.reads;
    } else if (beyond(hi, config.stage2 ? this.caps.ias : this.caps.oas)) {
      const reason = config.stage2 ? R.IPA_BEYOND_IAS : R.BYPASS_BEYOND_OAS;
      if (trace !== null) trace.row(TracePhase.Output, 0);
      if (trace !== null) trace.check(1, reason, hi, lo);
      t.stage = 1;
      t.fault(Event.F_ADDR_SIZE, reason);
      return;
    }
    if (trace !== null) trace.row(TracePhase.Output, rows);
    const [ipaHi, ipaLo] = [hi, lo];
    if (config.stage2) {
      if (!this.stage2.translate(t, config, trace, hi, lo, EventClass.IN)) return;
      hi = this.stage2.paHi;
      lo = this.stage2.paLo;
    }
    t.paHi = hi;
    t.paLo = lo;
    t.bypass = !config.stage1 && !config.stage2;
    if (trace !== null) {
      const permissions = t.permissions1 & t.permissions2;
      trace.output(ipaHi, ipaLo, hi, lo, permissions, Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2));
    }
  }

  /** SMMUEN is 0: GBPA decides (§3.4, §6.3.14). */
  #disabled(t: Translation, trace: TraceRecorder | null): void {
    const abort = this.registers.field("SMMU_GBPA", "ABORT") === 1;
    const tooFar = beyond(t.iovaHi, this.caps.oas);
    if (abort || tooFar) {
      const reason = abort ? R.GBPA_ABORT : R.DISABLED_BEYOND_OAS;
      if (trace !== null) trace.check(0, reason, t.iovaHi, t.iovaLo);
      t.abort(reason);
      return;
    }
    if (trace !== null) {
      trace.row(TracePhase.Output, 0);
      trace.output(t.iovaHi, t.iovaLo, t.iovaHi, t.iovaLo, 7, 64);
    }
    t.reason = R.SMMU_OFF;
    t.paHi = t.iovaHi;
    t.paLo = t.iovaLo;
    t.bypass = true;
  }
}
