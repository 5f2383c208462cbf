/**
 * Messages of the Linux SMMUv3 driver, as far as they report something: their shapes only.
 */
import { type AccessText, classOfText, type IdentityText } from "./open_event.ts";

/** "event 0x10 received:", also with the end torn off. */
export const HEADER = /\bevent 0x([0-9a-fA-F]{2})(?![0-9a-fA-F])/;
/** "event: F_TRANSLATION client: ..." */
export const IDENTITY = /\bevent: ([A-Z][A-Z0-9_]{2,40})\b/;
export const ACCESS = /\b(unpriv|priv) (data|inst) (read|write) s([12])\b/;
export const CMDQ_ERROR = /\bCMDQ error \(cons 0x([0-9a-fA-F]{1,8})\)/;
export const CMD_SKIPPED = /\bskipping command in error state\b/;
export const SYNC_TIMEOUT = /\bCMD_SYNC timeout\b/;
export const CMDQ_TIMEOUT = /\bCMDQ timeout\b/;
export const GERROR_START = /\bunexpected (?:secure )?global error reported\b/;
export const GERROR = /\bglobal error reported \(0x([0-9a-fA-F]{1,8})\)/;
export const EVTQ_OVERFLOW = /\bEVTQ overflow detected\b/;
export const PRIQ_OVERFLOW = /\bPRIQ overflow detected\b/;
export const AUTO_SUPPRESSING = /\bauto-suppressing events for sid 0x([0-9a-fA-F]{1,8})\b/;

/** Messages about a single global error, by the bit of SMMU_GERROR they speak of. */
export const GERROR_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/\bdevice has entered Service Failure Mode\b/, "SFM_ERR"],
  [/\bGERROR MSI write aborted\b/, "MSI_GERROR_ABT_ERR"],
  [/\bPRIQ MSI write aborted\b/, "MSI_PRIQ_ABT_ERR"],
  [/\bEVTQ MSI write aborted\b/, "MSI_EVENTQ_ABT_ERR"],
  [/\bCMDQ MSI write aborted\b/, "MSI_CMDQ_ABT_ERR"],
  [/\bPRIQ write aborted\b/, "PRIQ_ABT_ERR"],
  [/\bEVTQ write aborted\b/, "EVENTQ_ABT_ERR"],
];

/** What Linux prints behind the register for each error code, IHI 0070 §7.1. */
export const CERROR_TEXTS: readonly RegExp[] = [
  /no error/i,
  /illegal command/i,
  /abort on command fetch/i,
  /ATC invalidate timeout/i,
];

const number = (text: string, pattern: RegExp): bigint | null => {
  const m = pattern.exec(text);
  return m === null ? null : BigInt(`0x${m[1]!}`);
};

/** Fields of the first decoded line in `text`, which starts at or before "event: NAME". */
export function identityOf(text: string): IdentityText | null {
  const m = IDENTITY.exec(text);
  if (m === null) return null;
  const rest = text.slice(m.index + m[0].length);
  const client = /\bclient: (\(unassigned sid\)|[\w.:@-]{1,80})/.exec(rest);
  return {
    name: m[1]!,
    client: client === null || client[1]!.startsWith("(") ? null : client[1]!,
    sid: number(rest, /\bsid: 0x([0-9a-fA-F]{1,8})\b/),
    ssid: number(rest, /\bssid: 0x([0-9a-fA-F]{1,8})\b/),
    iova: number(rest, /\biova: 0x([0-9a-fA-F]{1,16})\b/),
    ipa: number(rest, /\bipa: 0x([0-9a-fA-F]{1,16})\b/),
    fetchAddr: number(rest, /\bfetch_addr: 0x([0-9a-fA-F]{1,16})\b/),
  };
}

const TAIL = /"? ?(?: ?(ttd_read|ttd_write))?(?: (stall))? stag: 0x([0-9a-fA-F]{1,4})\b/;
const QUOTED_CLASS = /"?(CD fetch|Stage 1 translation table fetch|Input address caused fault)"/i;

/** Fields of the second decoded line; only the class where the line is a retelling that gives just that. */
export function accessOf(text: string): AccessText | null {
  const m = ACCESS.exec(text);
  const cls = QUOTED_CLASS.exec(text);
  if (m === null && cls === null) return null;
  const tail = TAIL.exec(text);
  return {
    privileged: m === null ? null : m[1] === "priv",
    instruction: m === null ? null : m[2] === "inst",
    read: m === null ? null : m[3] === "read",
    s2: m === null ? null : m[4] === "2",
    class: cls === null ? null : classOfText(cls[1]!),
    ttrnw: tail?.[1] === undefined ? null : tail[1] === "ttd_read" ? "read" : "write",
    stall: tail === null ? null : tail[2] !== undefined,
    stag: tail === null ? null : BigInt(`0x${tail[3]!}`),
  };
}

/** "at", "hwprod" and "hwcons" of a CMD_SYNC timeout, as printed. */
export function timeoutOf(text: string): Record<"at" | "hwprod" | "hwcons", string | null> {
  const get = (pattern: RegExp) => {
    const m = pattern.exec(text);
    return m === null ? null : `0x${m[1]!.toLowerCase().padStart(8, "0")}`;
  };
  return {
    at: get(/\btimeout at 0x([0-9a-fA-F]{1,8})\b/),
    hwprod: get(/\bhwprod 0x([0-9a-fA-F]{1,8})\b/),
    hwcons: get(/\bhwcons 0x([0-9a-fA-F]{1,8})\b/),
  };
}
