/**
 * Commands that become messages to devices: CMD_ATC_INV and CMD_PRI_RESP (IHI 0070 §4.5).
 */
import type { PriResponse } from "../maintenance.ts";
import { addressOf, Cerror, type CommandSet, type CommandTargets, fieldOf, offered } from "./command.ts";
import { translating } from "./configuration.ts";

const SID = fieldOf("CMD_ATC_INV", "StreamID");
const SSID = fieldOf("CMD_ATC_INV", "SubstreamID");
const SSV = fieldOf("CMD_ATC_INV", "SSV");
const GLOBAL = fieldOf("CMD_ATC_INV", "Global");
const SIZE = fieldOf("CMD_ATC_INV", "Size");
const ADDRESS = addressOf("CMD_ATC_INV");
const PRG_INDEX = fieldOf("CMD_PRI_RESP", "PRGIndex");
const RESPONSE = fieldOf("CMD_PRI_RESP", "Resp");

/** Size of a CMD_ATC_INV that spans the whole address space. */
const SIZE_ALL = 52;
const RESERVED_RESPONSE = 3;

export function deviceMessages({ registers, caps, devices }: CommandTargets): CommandSet {
  // CHOICE(message-substream): without SubstreamIDs, SSV counts as 0 (§4.5.1, §4.5.2).
  const substreams = caps.ssidSize !== 0;
  return {
    ...offered(caps.ats, {
      CMD_ATC_INV: (words, at) => {
        const size = SIZE(words, at);
        // CHOICE(atc-inv-size): a size beyond the address space is refused, as is permitted (§4.5.1).
        if (size > SIZE_ALL) return Cerror.ILL;
        if (!translating(registers)) return Cerror.NONE;
        const ssv = substreams && SSV(words, at) !== 0;
        const sizeLg2 = 12 + size;
        const hi = sizeLg2 >= 64 ? 0 : ADDRESS.addressHi(words, at) & (sizeLg2 > 32 ? -1 << (sizeLg2 - 32) : -1);
        const lo = sizeLg2 >= 32 ? 0 : ADDRESS.addressLo(words, at) & (-1 << sizeLg2);
        const global = ssv && GLOBAL(words, at) !== 0;
        devices.invalidate(SID(words, at), ssv, ssv ? SSID(words, at) : 0, global, hi, lo, sizeLg2);
        return Cerror.NONE;
      },
    }),
    ...offered(registers.field("SMMU_IDR0", "PRI") === 1, {
      CMD_PRI_RESP: (words, at) => {
        const response = RESPONSE(words, at);
        if (response === RESERVED_RESPONSE) return Cerror.ILL;
        if (!translating(registers)) return Cerror.NONE;
        const ssv = substreams && SSV(words, at) !== 0;
        const ssid = ssv ? SSID(words, at) : 0;
        devices.respond(SID(words, at), ssv, ssid, PRG_INDEX(words, at), response as PriResponse);
        return Cerror.NONE;
      },
    }),
  };
}
