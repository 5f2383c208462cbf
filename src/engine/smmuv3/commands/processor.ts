/**
 * From an opcode to what carries it out (IHI 0070 §4.1.1, §4.1.3).
 *
 * CHOICE(reserved-command-fields): fields that a command does not define are ignored (§4.1.5).
 * CHOICE(out-of-range): StreamIDs and SubstreamIDs that are out of range have no effect, as nothing is held for them
 * (§4.1.7).
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import type { Words } from "../../../base/layout.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import type { TlbiScope } from "../maintenance.ts";
import { Cerror, type CommandHandler, type CommandTargets } from "./command.ts";
import { configurationCommands } from "./configuration.ts";
import { deviceMessages } from "./device_messages.ts";
import { devicePermissionCommands } from "./device_permissions.ts";
import { faultResponses } from "./fault_response.ts";
import { offeredInvalidations, TlbInvalidations } from "./tlb_invalidation.ts";

const OPCODES = 256;
const NO_SCOPE = -1;
/** log2 of the 32-bit words of a command. */
export const COMMAND_WORDS_LG2 = 2;

const illegal: CommandHandler = () => Cerror.ILL;

function opcodeOf(name: string): number {
  const command = commandByName(name);
  if (command === undefined) throw new Error(`no command ${name}`);
  return command.opcode;
}

/** Carries out commands of the Non-secure Command queue. */
export class CommandProcessor {
  /** Why the last {@link run} stopped. */
  error: Cerror = Cerror.NONE;
  readonly #handlers: readonly CommandHandler[];
  readonly #invalidations: TlbInvalidations;
  /** Scope of the TLB invalidations by address, which come in numbers, by opcode. */
  readonly #scopes = new Int8Array(OPCODES).fill(NO_SCOPE);

  constructor(targets: CommandTargets) {
    const tlb = new TlbInvalidations(targets);
    const { whole, byAddress } = offeredInvalidations(targets.caps);
    const handlers = Array.from({ length: OPCODES }, () => illegal);
    const others = {
      ...configurationCommands(targets),
      ...deviceMessages(targets),
      ...devicePermissionCommands(targets),
      ...faultResponses(targets),
    };
    for (const [name, handler] of Object.entries(others)) handlers[opcodeOf(name)] = handler;
    for (const [name, scope] of whole) handlers[opcodeOf(name)] = (words, at) => tlb.whole(words, at, scope);
    for (const [name, scope] of byAddress) this.#scopes[opcodeOf(name)] = scope;
    this.#handlers = handlers;
    this.#invalidations = tlb;
  }

  /** Carry out the command whose four words begin at `words[at]`; its opcode is its lowest byte. */
  execute(words: Words, at: number): Cerror {
    this.#invalidations.takeControls();
    return this.#carryOut(words, at);
  }

  /**
   * Carry out commands that stand one after the other in memory, until one fails; {@link error} is why.
   * @param first index of the first one's first word in the memory's arena
   * @returns how many were carried out
   */
  run(memory: PhysicalMemory, first: number, count: number): number {
    const invalidations = this.#invalidations;
    this.error = Cerror.NONE;
    invalidations.takeControls();
    let done = 0;
    for (;;) {
      if (invalidations.matchesVmid) {
        done += invalidations.vaRun(memory.words, first + (done << COMMAND_WORDS_LG2), count - done);
      }
      if (done >= count) return done;
      // A message or a prefetch may have grown the arena.
      this.error = this.#carryOut(memory.words, first + (done << COMMAND_WORDS_LG2));
      if (this.error !== Cerror.NONE) return done;
      done++;
    }
  }

  #carryOut(words: Words, at: number): Cerror {
    const opcode = words[at]! & (OPCODES - 1);
    const scope = this.#scopes[opcode]!;
    if (scope !== NO_SCOPE) return this.#invalidations.byAddress(words, at, scope as TlbiScope);
    return this.#handlers[opcode]!(words, at);
  }
}
