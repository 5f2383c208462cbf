/**
 * The Event queue: where records go in memory (IHI 0070 §3.5.1, §3.5.2, §7.2, §7.4, §7.5).
 */
import type { RegisterDefinition } from "../../arch/smmuv3/registers.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { locate } from "../../base/layout.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { EVENT_WORDS } from "./event_record.ts";
import type { RegisterFile } from "./register_file.ts";

const PROD = locate(definition("SMMU_EVENTQ_PROD").layout, "WR");
const OVERFLOW_BIT = 1 << locate(definition("SMMU_EVENTQ_PROD").layout, "OVFLG").shift;
const ABORTED_BIT = 1 << locate(definition("SMMU_GERROR").layout, "EVENTQ_ABT_ERR").shift;

export class EventQueue {
  readonly #regs: RegisterFile;
  readonly #memory: PhysicalMemory;

  constructor(regs: RegisterFile, memory: PhysicalMemory) {
    this.#regs = regs;
    this.#memory = memory;
  }

  /**
   * Write one record of EVENT_WORDS words.
   * @returns false when it is lost: the queue is off, full, or not there
   */
  write(words: Uint32Array, from: number): boolean {
    const regs = this.#regs;
    if (regs.field("SMMU_CR0", "EVENTQEN") === 0) return false;
    const sizeLg2 = Math.min(regs.field("SMMU_EVENTQ_BASE", "LOG2SIZE"), regs.field("SMMU_IDR1", "EVENTQS"));
    const prod = regs.field("SMMU_EVENTQ_PROD", "WR");
    const cons = regs.field("SMMU_EVENTQ_CONS", "RD");
    const wrapMask = 2 ** (sizeLg2 + 1) - 1;
    const index = prod & (wrapMask >>> 1);
    const full = ((prod ^ cons) & wrapMask) === 2 ** sizeLg2;
    if (full) {
      this.#overflow();
      return false;
    }
    const base = regs.at("SMMU_EVENTQ_BASE");
    // Bits [55:5], aligned to the size of the queue (§6.3.29).
    const hi = regs.words[base + 1]! & 0x00ffffff;
    const lo = (regs.words[base]! & (-1 << Math.max(5, sizeLg2 + 5))) >>> 0;
    const at = lo + index * EVENT_WORDS * 4;
    for (let i = 0; i < EVENT_WORDS; i += 2) {
      const status = this.#memory.write64(hi, (at + 4 * i) >>> 0, words[from + i + 1]!, words[from + i]!);
      if (status === MemoryStatus.Abort) {
        this.#aborted();
        return false;
      }
    }
    const place = regs.at("SMMU_EVENTQ_PROD");
    const next = ((prod + 1) & wrapMask) << PROD.shift;
    regs.words[place] = (regs.words[place]! & OVERFLOW_BIT) | next;
    return true;
  }

  /** The queue is full: toggle OVFLG unless an overflow is still not acknowledged (§7.4). */
  #overflow(): void {
    const regs = this.#regs;
    if (regs.field("SMMU_EVENTQ_PROD", "OVFLG") !== regs.field("SMMU_EVENTQ_CONS", "OVACKFLG")) return;
    regs.words[regs.at("SMMU_EVENTQ_PROD")]! ^= OVERFLOW_BIT;
  }

  /** Nothing answered at the queue: raise the global error unless it is active already (§7.5). */
  #aborted(): void {
    const regs = this.#regs;
    if (regs.field("SMMU_GERROR", "EVENTQ_ABT_ERR") !== regs.field("SMMU_GERRORN", "EVENTQ_ABT_ERR")) return;
    regs.words[regs.at("SMMU_GERROR")]! ^= ABORTED_BIT;
  }
}

function definition(name: string): RegisterDefinition {
  const register = registerByName(name);
  if (register === undefined) throw new Error(`no register ${name}`);
  return register;
}
