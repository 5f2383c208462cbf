/**
 * Global errors: the toggles between SMMU_GERROR and SMMU_GERRORN (IHI 0070 §7.5, §6.3.19, §6.3.20).
 */
import { SMMU_GERROR } from "../../arch/smmuv3/control_registers.ts";
import { locate } from "../../base/layout.ts";
import { type RegisterFile, registerIndex } from "./register_file.ts";

type ErrorName = Exclude<(typeof SMMU_GERROR.fields)[number]["name"], `_${string}`>;

const names = SMMU_GERROR.fields.map((f) => f.name).filter((name): name is ErrorName => !name.startsWith("_"));

/** Each global error as its bit of SMMU_GERROR. */
export const GlobalError = Object.fromEntries(names.map((name) => [name, 1 << locate(SMMU_GERROR, name).shift])) as {
  readonly [K in ErrorName]: number;
};

const GERROR = registerIndex("SMMU_GERROR");
const GERRORN = registerIndex("SMMU_GERRORN");

/**
 * The SMMU is in Service Failure Mode (§12.3). The mode outlives the acknowledgement of SFM_ERR, which is toggled once
 * only: its bit in SMMU_GERROR, 0 after a reset, is the mode.
 */
export const outOfService = ({ words }: RegisterFile): boolean => (words[GERROR]! & GlobalError.SFM_ERR) !== 0;

export class GlobalErrors {
  /** Called when an error becomes active, with its bit; null for nobody. */
  notify: ((error: number) => void) | null = null;
  readonly #registers: RegisterFile;
  readonly #words: Uint32Array;

  constructor(registers: RegisterFile) {
    this.#registers = registers;
    this.#words = registers.words;
  }

  /** Bits of the errors that are active: not acknowledged. */
  get active(): number {
    return this.#words[GERROR]! ^ this.#words[GERRORN]!;
  }

  /** The SMMU leaves its queues alone. */
  get outOfService(): boolean {
    return outOfService(this.#registers);
  }

  /** Activate an error, a value of {@link GlobalError}; one that is active already is not logged again (§7.5). */
  activate(error: number): void {
    if ((this.active & error) !== 0) return;
    this.#words[GERROR]! ^= error;
    this.notify?.(error);
  }
}
