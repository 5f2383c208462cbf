/**
 * The PRI queue: Page Requests as records in memory, and the interrupt that announces them
 * (IHI 0070 §6.3.33 to §6.3.36, §6.3.97, §6.3.98, §8, §8.1, §8.2).
 */
import { PAGE_REQUEST } from "../../arch/smmuv3/page_request.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { locate } from "../../base/layout.ts";
import type { PageRequest } from "../device/ats_port.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { GlobalError, type GlobalErrors } from "./global_errors.ts";
import { InterruptSource, type Interrupts } from "./interrupts.ts";
import { RecordQueue, RecordStatus } from "./record_queue.ts";
import { type RegisterFile, registerIndex } from "./register_file.ts";

const PROD = registerIndex("SMMU_PRIQ_PROD");
const CONS = registerIndex("SMMU_PRIQ_CONS");
const OVERFLOW_BIT = 1 << locate(registerByName("SMMU_PRIQ_PROD")!.layout, "OVFLG").shift;
const RECORD_WORDS = PAGE_REQUEST.bits / 32;

export class PriQueue {
  readonly #regs: RegisterFile;
  readonly #queue: RecordQueue;
  readonly #interrupts: Interrupts;
  readonly #record = new Uint32Array(RECORD_WORDS);

  constructor(regs: RegisterFile, memory: PhysicalMemory, errors: GlobalErrors, interrupts: Interrupts) {
    this.#regs = regs;
    const kind = { name: "PRIQ", words: RECORD_WORDS, aborted: GlobalError.PRIQ_ABT_ERR } as const;
    this.#queue = new RecordQueue(regs, memory, errors, kind);
    this.#interrupts = interrupts;
  }

  /**
   * Write the record of a message. `Off`: the effective PRIQEN is 0 (§6.3.9.5), or an abort awaits acknowledgement.
   * `Full`: an overflow begins, or is not acknowledged yet: unlike in the Event queue it keeps records out (§8.1).
   */
  write(message: PageRequest): RecordStatus {
    const regs = this.#regs;
    if (regs.field("SMMU_IDR0", "PRI") === 0 || regs.field("SMMU_CR0", "SMMUEN") === 0) return RecordStatus.Off;
    encodePageRequest(message, regs.field("SMMU_IDR1", "SSIDSIZE") !== 0, this.#record);
    const empty = this.#queue.used === 0;
    const overflowing = ((regs.words[PROD]! ^ regs.words[CONS]!) & OVERFLOW_BIT) !== 0;
    const status = overflowing && this.#queue.on ? RecordStatus.Full : this.#queue.write(this.#record, 0);
    if (this.#announces(status, empty, message.last)) this.#interrupts.raise(InterruptSource.PriQueue);
    return status;
  }

  /** Without LO the first record interrupts; with it the last request of a group, lost ones too (§6.3.36). */
  #announces(status: RecordStatus, empty: boolean, last: boolean): boolean {
    const regs = this.#regs;
    const lastOnly = regs.field("SMMU_IDR0", "MSI") === 1 && regs.field("SMMU_PRIQ_IRQ_CFG2", "LO") === 1;
    if (lastOnly) return last && (status === RecordStatus.Written || status === RecordStatus.Full);
    return empty && status === RecordStatus.Written;
  }
}

/** Write the record of a message into `words[0..3]`; without substreams the SMMU sees no PASID. */
function encodePageRequest(message: PageRequest, substreams: boolean, words: Uint32Array): void {
  const f = PAGE_REQUEST.f;
  const ssv = message.ssv && substreams;
  const bit = (on: boolean): number => (on ? 1 : 0);
  words.fill(0);
  f.StreamID.set(words, 0, message.sid);
  f.SubstreamID.set(words, 0, ssv ? message.ssid : 0);
  f.Priv.set(words, 0, bit(ssv && message.privileged));
  f.X.set(words, 0, bit(ssv && message.execute));
  f.R.set(words, 0, bit(message.read));
  f.W.set(words, 0, bit(message.write));
  f.Last.set(words, 0, bit(message.last));
  f.SSV.set(words, 0, bit(ssv));
  f.PRGIndex.set(words, 0, message.prgIndex);
  f.Address.set(words, 0, ((message.lo >>> 12) | (message.hi << 20)) >>> 0, message.hi >>> 12);
}
