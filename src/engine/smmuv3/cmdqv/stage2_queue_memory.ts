/**
 * Queue memory of a guest at guest addresses: looked up in the stage 2 of one of the VM's streams.
 *
 * The Tegra241 CMDQV itself holds physical addresses: the host kernel looks a guest's queue up once, when it is set up
 * (Linux tegra241-cmdqv.c). This is for a machine that gives a guest the queue's base register without a host between.
 */
import { MemoryStatus } from "../../memory/physical_memory.ts";
import { type ConfigResolver, ResolvedStream } from "../config_resolver.ts";
import type { Stage2 } from "../stage2.ts";
import { End, EventClass, Translation } from "../translation.ts";
import type { QueueMemory } from "./vcmdq.ts";

export class Stage2QueueMemory implements QueueMemory {
  paHi = 0;
  paLo = 0;
  readonly #resolver: ConfigResolver;
  readonly #stage2: Stage2;
  readonly #sid: number;
  readonly #t = new Translation();
  readonly #config = new ResolvedStream();

  /** @param sid a physical stream of the VM */
  constructor(resolver: ConfigResolver, stage2: Stage2, sid: number) {
    this.#resolver = resolver;
    this.#stage2 = stage2;
    this.#sid = sid;
  }

  /** A stream without stage 2, and an address that stage 2 does not let be read, do not answer. */
  locate(hi: number, lo: number): MemoryStatus {
    const t = this.#t;
    t.sid = this.#sid;
    t.ssv = false;
    t.begin();
    const config = this.#config;
    const found =
      this.#resolver.resolveSte(t, null, config) &&
      config.stage2 &&
      this.#stage2.translate(t, config, null, hi | 0, lo | 0, EventClass.CD);
    if (!found) return t.end === End.Unknown ? MemoryStatus.Unknown : MemoryStatus.Abort;
    this.paHi = this.#stage2.paHi;
    this.paLo = this.#stage2.paLo;
    return MemoryStatus.Ok;
  }
}
