/**
 * Page Requests as they arrive: into the PRI queue, or answered at once (IHI 0070 §8.1, §8.2, §8.3).
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { type PageAnswer, type PageRequest, ResponseCode } from "../device/ats_port.ts";
import { recordsAtsErrors } from "./ats_config.ts";
import { type ConfigResolver, ResolvedStream } from "./config_resolver.ts";
import type { PriQueue } from "./pri_queue.ts";
import { RecordStatus } from "./record_queue.ts";
import type { RegisterFile } from "./register_file.ts";
import type { Smmuv3 } from "./smmu.ts";
import { End, Translation, Updates } from "./translation.ts";

export class PageRequests {
  readonly #regs: RegisterFile;
  readonly #queue: PriQueue;
  readonly #resolver: ConfigResolver;
  /** The check of STE.PPAR that the last message needed; `End.Fault`: it met an error that is to be recorded. */
  readonly t = new Translation();
  readonly #config = new ResolvedStream();

  constructor({ registers, resolver, caches }: Smmuv3, queue: PriQueue) {
    this.#regs = registers;
    this.#queue = queue;
    this.#resolver = resolver;
    this.#config.caches = caches;
  }

  /** Take a message from the bus. */
  receive(message: PageRequest): PageAnswer {
    this.t.end = End.Ok;
    const status = this.#queue.write(message);
    if (status === RecordStatus.Written) return { queued: true };
    const substreams = this.#regs.field("SMMU_IDR1", "SSIDSIZE") !== 0;
    if (substreams && message.isStopMarker) return { queued: false, response: null };
    if (status !== RecordStatus.Full) return refuse(message, null, ResponseCode.Failure);
    if (!message.last) return { queued: false, response: null };
    if (!message.ssv || !substreams) return refuse(message, null, ResponseCode.Success);
    if (this.#regs.field("SMMU_IDR3", "PPS") === 1) return refuse(message, message.ssid, ResponseCode.Success);
    return this.#byPpar(message);
  }

  /** The STE says whether the response carries the PASID (§8.1). */
  #byPpar(message: PageRequest): PageAnswer {
    const { t } = this;
    t.sid = message.sid;
    t.ssv = true;
    t.ssid = message.ssid;
    t.iovaHi = message.hi;
    t.iovaLo = message.lo;
    t.write = message.write;
    t.privileged = message.privileged;
    t.instruction = message.execute;
    t.updates = Updates.Make;
    t.begin();
    const found = this.#resolver.resolveSte(t, null, this.#config);
    if (t.end === End.Unknown) return { queued: false, response: null, unknownHi: t.fetchHi, unknownLo: t.fetchLo };
    if (found || t.reason === R.STE_ABORT) {
      t.end = End.Ok;
      const withPasid = STE.f.PPAR.get(this.#config.ste, 0) === 1;
      return refuse(message, withPasid ? message.ssid : null, ResponseCode.Success);
    }
    if (!recordsAtsErrors(this.#regs)) t.end = End.Abort;
    return refuse(message, null, ResponseCode.Failure);
  }
}

const refuse = (message: PageRequest, ssid: number | null, code: ResponseCode): PageAnswer => ({
  queued: false,
  response: { sid: message.sid, ssid, prgIndex: message.prgIndex, code },
});
