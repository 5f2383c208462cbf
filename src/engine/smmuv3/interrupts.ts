/**
 * Interrupts of an SMMUv3 (IHI 0070 §3.18): a pulse on a wire, and where configured a message, which is a write to memory.
 */

import { registerByName } from "../../arch/smmuv3/registers.ts";
import { locate } from "../../base/layout.ts";
import { writeMessage } from "../common/message.ts";
import { highBitsFrom } from "../common/table_root.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { readCapabilities } from "./capabilities.ts";
import { GlobalError, type GlobalErrors } from "./global_errors.ts";
import { type RegisterFile, registerBit, registerIndex } from "./register_file.ts";

/** Who interrupts (§3.18.2). */
export const InterruptSource = { EventQueue: 0, PriQueue: 1, GlobalError: 2, Sync: 3 } as const;
export type InterruptSource = (typeof InterruptSource)[keyof typeof InterruptSource];

/** Number of {@link InterruptSource}s. */
const INTERRUPT_SOURCES = 4;

/** A source that registers configure: its enable, its message, the error that an aborted message activates. */
interface Configured {
  readonly enable: { readonly at: number; readonly mask: number };
  /** Index of the low word of the address, and of the data. */
  readonly address: number;
  readonly data: number;
  readonly aborted: number;
}

function configured(name: string, aborted: number): Configured {
  return {
    enable: registerBit("SMMU_IRQ_CTRL", `${name}_IRQEN`),
    address: registerIndex(`SMMU_${name}_IRQ_CFG0`),
    data: registerIndex(`SMMU_${name}_IRQ_CFG1`),
    aborted,
  };
}

/** By {@link InterruptSource}; CMD_SYNC brings its message along. */
const CONFIGURED: readonly Configured[] = [
  configured("EVENTQ", GlobalError.MSI_EVENTQ_ABT_ERR),
  configured("PRIQ", GlobalError.MSI_PRIQ_ABT_ERR),
  configured("GERROR", GlobalError.MSI_GERROR_ABT_ERR),
];

const MSI = registerBit("SMMU_IDR0", "MSI");
const ADDRESS_LO = locate(registerByName("SMMU_GERROR_IRQ_CFG0")!.layout, "_1_0");
const ADDRESS_HI = locate(registerByName("SMMU_GERROR_IRQ_CFG0")!.layout, "_63_56");

export class Interrupts {
  /** Interrupts raised so far, by {@link InterruptSource}: pulses of its wire, with or without a message. */
  readonly raised = new Uint32Array(INTERRUPT_SOURCES);
  readonly #words: Uint32Array;
  readonly #memory: PhysicalMemory;
  readonly #errors: GlobalErrors;
  /** Address bits [63:32] beyond the output address size. */
  readonly #beyondHi: number;

  constructor(registers: RegisterFile, memory: PhysicalMemory, errors: GlobalErrors) {
    this.#words = registers.words;
    this.#beyondHi = highBitsFrom(readCapabilities(registers).oas);
    this.#memory = memory;
    this.#errors = errors;
    errors.notify = (error) => {
      // A message that failed to say so would likely fail again (§7.5.1).
      if (error !== GlobalError.MSI_GERROR_ABT_ERR) this.raise(InterruptSource.GlobalError);
    };
  }

  /** Interrupts raised so far by all sources. */
  get count(): number {
    const { raised } = this;
    let sum = 0;
    for (let source = 0; source < INTERRUPT_SOURCES; source++) sum += raised[source]!;
    return sum;
  }

  /** Raise the interrupt of the Event queue, the PRI queue or a global error, if IRQ_CTRL enables it. */
  raise(source: InterruptSource): void {
    const { enable, address, data, aborted } = CONFIGURED[source]!;
    const words = this.#words;
    if ((words[enable.at]! & enable.mask) === 0) return;
    this.raised[source]!++;
    const lo = words[address]! & ~(ADDRESS_LO.mask << ADDRESS_LO.shift);
    this.#message(words[address + 1]! & ~(ADDRESS_HI.mask << ADDRESS_HI.shift), lo, words[data]!, aborted);
  }

  /** The interrupt that a CMD_SYNC with CS == SIG_IRQ asks for (§4.7.3). Its enable is the command itself. */
  raiseSync(addressHi: number, addressLo: number, data: number): void {
    this.raised[InterruptSource.Sync]!++;
    this.#message(addressHi, addressLo, data, GlobalError.MSI_CMDQ_ABT_ERR);
  }

  /**
   * An address of zero means no message; bits beyond the output size are cut off after that is judged (§4.7.3). Memory
   * type and shareability of the write make no difference here.
   */
  #message(fullHi: number, lo: number, data: number, aborted: number): void {
    if ((this.#words[MSI.at]! & MSI.mask) === 0 || (fullHi | lo) === 0) return;
    const hi = fullHi & ~this.#beyondHi;
    const status = writeMessage(this.#memory, hi, lo, data);
    if (status === MemoryStatus.Abort) this.#errors.activate(aborted);
  }
}
