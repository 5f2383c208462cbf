/** The registers of the virtual Command queues beside an SMMUv3, as a block of its unit. */
import { cmdqvRegisterByName } from "../../arch/smmuv3/cmdqv.ts";
import { high, join, low } from "../../base/halves.ts";
import type { Cmdqv } from "../../engine/smmuv3/cmdqv/cmdqv.ts";
import type { RegisterBlock, RegisterPlace } from "../unit.ts";

export class CmdqvBlock implements RegisterBlock {
  readonly #cmdqv: Cmdqv;
  readonly #settle: () => void;

  /** @param settle is called after each write, for what it decided about transactions */
  constructor(cmdqv: Cmdqv, settle: () => void) {
    this.#cmdqv = cmdqv;
    this.#settle = settle;
  }

  get interrupts(): number {
    return this.#cmdqv.raised;
  }

  register(name: string): RegisterPlace | null {
    const register = cmdqvRegisterByName(name);
    if (register === undefined || register.offset >= this.#cmdqv.bytes) return null;
    return { offset: register.offset, width: register.layout.bits === 64 ? 8 : 4 };
  }

  read(offset: number, width: 4 | 8): bigint {
    this.#cmdqv.read(offset, width);
    return join(this.#cmdqv.hi, this.#cmdqv.lo);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    this.#cmdqv.write(offset, width, high(value), low(value));
    this.#settle();
  }
}
