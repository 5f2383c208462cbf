/** TLBI instructions of a PE, and the system registers behind them, as a block beside the SMMU's registers. */
import { PE_REGISTERS } from "../../arch/smmuv3/pe.ts";
import { high, join, low } from "../../base/halves.ts";
import type { Broadcasts } from "../../engine/smmuv3/broadcast.ts";
import type { RegisterBlock, RegisterPlace } from "../unit.ts";

export class PeBlock implements RegisterBlock {
  readonly heardByAll = true;
  readonly #broadcasts: Broadcasts;

  constructor(broadcasts: Broadcasts) {
    this.#broadcasts = broadcasts;
  }

  register(name: string): RegisterPlace | null {
    const register = PE_REGISTERS.find((r) => r.name === name);
    return register === undefined ? null : { offset: register.offset, width: 8 };
  }

  read(offset: number, _width: 4 | 8): bigint {
    return join(this.#broadcasts.read(offset, 1), this.#broadcasts.read(offset, 0));
  }

  /** Halves cannot be written by themselves. */
  write(offset: number, value: bigint, width: 4 | 8): void {
    if (width === 8) this.#broadcasts.write(offset, high(value), low(value));
  }
}
