/**
 * What every command of the Command queue has in common (IHI 0070 §4.1, §7.1).
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import type { AddressAccess, FieldAccess, Words } from "../../../base/layout.ts";
import type { Capabilities } from "../capabilities.ts";
import type { Interrupts } from "../interrupts.ts";
import type { CacheMaintenance, DeviceLink, Prefetch } from "../maintenance.ts";
import type { RegisterFile } from "../register_file.ts";
import type { Stalls } from "../stalls.ts";

/** How a command ended: values of SMMU_CMDQ_CONS.ERR (§7.1). */
export const Cerror = {
  NONE: 0,
  /** Unknown, not offered here, or with operands that are ILLEGAL. */
  ILL: 1,
  /** Nothing answered where the command was to be read. */
  ABT: 2,
  /** A CMD_SYNC found that an ATS invalidation timed out. */
  ATC_INV_SYNC: 3,
} as const;
export type Cerror = (typeof Cerror)[keyof typeof Cerror];

/** Carry out the command whose four 32-bit words begin at `words[at]`. */
export type CommandHandler = (words: Words, at: number) => Cerror;

/** What commands act on. */
export interface CommandTargets {
  readonly registers: RegisterFile;
  readonly caps: Capabilities;
  readonly caches: CacheMaintenance;
  readonly devices: DeviceLink;
  readonly prefetch: Prefetch;
  readonly stalls: Stalls;
  readonly interrupts: Interrupts;
}

/** Handlers by the commands' names; a command that is offered but absent here is ILLEGAL. */
export type CommandSet = Readonly<Record<string, CommandHandler>>;

/** Reader of a command's field of at most 32 bits. */
export function fieldOf(command: string, field: string): FieldAccess["get"] {
  return access(command, field).get;
}

/** Reader of a command's address field. */
export function addressOf(command: string): AddressAccess {
  return access(command, "Address") as AddressAccess;
}

export function access(command: string, field: string): FieldAccess {
  const layout = commandByName(command)?.layout;
  const found = layout === undefined ? undefined : (layout.f as Readonly<Record<string, FieldAccess>>)[field];
  if (found === undefined) throw new Error(`no field ${field} in ${command}`);
  return found;
}

const SSEC = fieldOf("CMD_CFGI_STE", "SSec");

/** A command that names a Secure stream is ILLEGAL on this queue (§4.1.6). */
export function nonSecure(handler: CommandHandler): CommandHandler {
  return (words, at) => (SSEC(words, at) !== 0 ? Cerror.ILL : handler(words, at));
}

/** Keep the commands only where the SMMU offers them. */
export const offered = (here: boolean, commands: CommandSet): CommandSet => (here ? commands : {});
