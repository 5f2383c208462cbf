/** The global command register of a VT-d unit, and the status register that answers it. VT-d §11.4. */
import type { KernelRegisters } from "../registers.ts";

/** Commands, and the field of GSTS that says each is done. */
const STATUS = { TE: "TES", QIE: "QIES", IRE: "IRES", SRTP: "RTPS", SIRTP: "IRTPS" } as const;
type Command = keyof typeof STATUS;
/** Commands that switch something on for as long as their bit is written; the others happen once. */
const SWITCHES: ReadonlySet<Command> = new Set(["TE", "QIE", "IRE"]);

export class GlobalCommands {
  readonly #registers: KernelRegisters;
  /** What is switched on: every write has to say so again. */
  readonly #on = new Set<Command>();

  constructor(registers: KernelRegisters) {
    this.#registers = registers;
  }

  /** Give a command and wait for it. @returns false when the unit does not take it */
  give(command: Command): boolean {
    this.#write([command]);
    if (SWITCHES.has(command)) this.#on.add(command);
    return this.#registers.field("GSTS", STATUS[command]) === 1;
  }

  switchOff(command: Command): void {
    this.#on.delete(command);
    this.#write([]);
  }

  #write(more: readonly Command[]): void {
    this.#registers.writeFields("GCMD", Object.fromEntries([...this.#on, ...more].map((name) => [name, 1])));
  }
}
