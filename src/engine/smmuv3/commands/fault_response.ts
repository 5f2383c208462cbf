/**
 * Fault response and synchronization: CMD_RESUME, CMD_STALL_TERM and CMD_SYNC (IHI 0070 §4.7).
 */

import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { type AddressAccess, locate } from "../../../base/layout.ts";
import { StallEnd } from "../stalls.ts";
import {
  access,
  Cerror,
  type CommandHandler,
  type CommandSet,
  type CommandTargets,
  fieldOf,
  nonSecure,
  offered,
} from "./command.ts";

const SID = fieldOf("CMD_RESUME", "StreamID");
const STAG = fieldOf("CMD_RESUME", "STAG");
const ACTION = fieldOf("CMD_RESUME", "Ac");
const ABORT = fieldOf("CMD_RESUME", "Ab");
const MSI_DATA = fieldOf("CMD_SYNC", "MSIData");
const MSI_ADDRESS = access("CMD_SYNC", "MSIAddress") as AddressAccess;
const CS = locate(commandByName("CMD_SYNC")!.layout, "CS");

/** Completion signals (§4.7.3). SIG_SEV wakes processors, of which there are none here. */
const SIG_IRQ = 1;
const SIG_RESERVED = 3;

const TERMINATE_ONLY = 1;

export function faultResponses({ caps, stalls, devices, interrupts }: CommandTargets): CommandSet {
  const signal: CommandHandler = (words, at) => {
    interrupts.raiseSync(MSI_ADDRESS.addressHi(words, at), MSI_ADDRESS.addressLo(words, at), MSI_DATA(words, at));
    return Cerror.NONE;
  };
  return {
    ...offered(caps.stallModel !== TERMINATE_ONLY, {
      CMD_RESUME: nonSecure((words, at) => {
        const zero = ABORT(words, at) === 0 && !caps.termModel;
        const end = ACTION(words, at) !== 0 ? StallEnd.Retry : zero ? StallEnd.Zero : StallEnd.Abort;
        stalls.resume(SID(words, at), STAG(words, at), end);
        return Cerror.NONE;
      }),
      CMD_STALL_TERM: nonSecure((words, at) => {
        stalls.terminateStream(SID(words, at));
        return Cerror.NONE;
      }),
    }),
    CMD_SYNC: (words, at) => {
      const cs = (words[at + CS.word]! >>> CS.shift) & CS.mask;
      if (cs === SIG_RESERVED) return Cerror.ILL;
      if (!devices.complete()) return Cerror.ATC_INV_SYNC;
      return cs === SIG_IRQ ? signal(words, at) : Cerror.NONE;
    },
  };
}
