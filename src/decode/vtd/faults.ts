/**
 * Fault lines of Intel VT-d as Linux has printed them since its first driver, and as Xen prints them; the Fault Status
 * Register that goes with them. VT-d specification §7.1 (faults), §11.4.7.1 (Fault Status Register).
 */
import { hex, hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { pciAddress } from "../pci_address.ts";
import type { VtdFaultEntry, VtdFstsEntry } from "./entries.ts";
import { reasonMeaning, reasonOfWords } from "./fault_reasons.ts";

/** How a fault begins: the request and who made it. */
const HEAD =
  /(?:\[ ?dma (read|write)(?: (?:no_pasid|pasid (0x[0-9a-f]{1,8})))? ?\]|\[?intr-remap\]?:?) ?request device \[{0,2}([^\]\s]{1,24})\]?/gi;
const OLD_PASID = /^\s{0,2}PASID (?:0x)?([0-9a-f]{1,8})\b/i;
const ADDRESS = /^[^[]{0,40}?\bfault\s{1,4}addr\s{1,4}(?:0x)?([0-9a-f]{1,16})\b(?![.x])/i;
const INDEX = /^[^[]{0,40}?\bfault\s{1,4}index\s{1,4}(?:0x)?([0-9a-f]{1,8})\b/i;
const REASON = /(?:\[\s?fault\s{1,4}reason\s{1,4}(0x)?([0-9a-f]{1,3})\s?\]|\breason (0x)?([0-9a-f]{1,3}) - )/i;
/** Farthest a reason stands from the request it belongs to, in characters: a few messages of other origin. */
const REACH = 480;
/** The same where only its words tell. */
const REACH_OF_WORDS = 160;

/** "No PASID" as older kernels printed it. */
const NO_PASID = 0xffffffffn;

interface FoundReason {
  readonly code: number;
  readonly fromText: boolean;
  /** Where it ends in the tail. */
  readonly end: number;
}

function reasonIn(tail: string): FoundReason | null {
  const m = REASON.exec(tail);
  if (m !== null) {
    const hexadecimal = (m[1] ?? m[3]) !== undefined;
    const digits = m[2] ?? m[4]!;
    const code = Number.parseInt(digits, hexadecimal || /[a-f]/i.test(digits) ? 16 : 10);
    return { code, fromText: false, end: m.index + m[0].length };
  }
  const words = tail.slice(0, REACH_OF_WORDS);
  const code = reasonOfWords(words);
  return code === null ? null : { code, fromText: true, end: 0 };
}

function reasonKeys(found: FoundReason | null): Pick<VtdFaultEntry, "reason" | "table" | "meaning" | "reason_from"> {
  if (found === null) return { reason: null };
  const known = reasonMeaning(found.code);
  return {
    reason: hexWide(found.code, 2),
    ...known,
    ...(found.fromText ? { reason_from: "text" as const } : {}),
  };
}

function summaryOf(e: Omit<VtdFaultEntry, "summary">): string {
  const who = e.requester === null ? "A device" : `Device ${e.requester}`;
  const why = e.meaning === undefined ? "the reason is not in the text" : `${e.meaning} (reason ${e.reason})`;
  if (e.fault === "interrupt-remap") {
    return `${who} sent an interrupt${e.index ? ` with index ${e.index}` : ""} that was blocked: ${why}.`;
  }
  const what = e.access === "write" ? "wrote to" : "read from";
  return `${who}${e.pasid ? ` with PASID ${e.pasid}` : ""} ${what} ${e.addr ?? "an address"}: ${why}.`;
}

/** Every fault of a log. */
export function readVtdFaults(log: LogText): VtdFaultEntry[] {
  const heads = [...log.text.matchAll(HEAD)];
  return heads.map((head, i) => {
    const from = head.index;
    const end = from + head[0].length;
    const next = heads[i + 1]?.index ?? log.text.length;
    const tail = log.text.slice(end, Math.min(next, end + REACH));
    const { segment, bdf } = pciAddress(head[3]!);
    const found = reasonIn(tail);
    const place = ADDRESS.exec(tail) ?? INDEX.exec(tail);
    const last = Math.max(end, end + (found?.end ?? 0), end + (place?.[0].length ?? 0));
    const access = head[1]?.toLowerCase() as "read" | "write" | undefined;
    const reason = reasonKeys(found);
    const lines = log.span(from, last);
    if (access === undefined) {
      const m = INDEX.exec(tail);
      const index = m === null ? null : hex(BigInt(`0x${m[1]!}`));
      const entry = {
        type: "vtd-fault",
        fault: "interrupt-remap",
        segment,
        requester: bdf,
        index,
        ...reason,
        lines,
      } as const;
      return { ...entry, summary: summaryOf(entry) };
    }
    const printed = head[2] ?? OLD_PASID.exec(tail)?.[1];
    const pasid = printed === undefined ? null : BigInt(printed.startsWith("0x") ? printed : `0x${printed}`);
    const rest = tail.replace(OLD_PASID, "");
    const m = ADDRESS.exec(rest);
    const entry = {
      type: "vtd-fault",
      fault: "dma",
      access,
      segment,
      requester: bdf,
      pasid: pasid === null || pasid === NO_PASID ? null : hex(pasid),
      addr: m === null ? null : hex(BigInt(`0x${m[1]!}`)),
      ...reason,
      lines,
    } as const;
    return { ...entry, summary: summaryOf(entry) };
  });
}

const STATUS = /\bhandling fault status reg (?:0x)?([0-9a-f]{1,8})\b/gi;

/** Bits of the Fault Status Register, from bit 0. */
const STATUS_BITS = ["PFO", "PPF", "AFO", "APF", "IQE", "ICE", "ITE", "PRO"];

/** Every Fault Status Register of a log. */
export function readFaultStatus(log: LogText): VtdFstsEntry[] {
  return [...log.text.matchAll(STATUS)].map((m) => {
    const value = Number.parseInt(m[1]!, 16);
    const bits = STATUS_BITS.filter((_, bit) => ((value >>> bit) & 1) === 1);
    const fri = (value >>> 8) & 0xff;
    const lost = bits.includes("PFO") ? " Further faults were lost." : "";
    return {
      type: "vtd-fsts",
      value: hex(value),
      bits,
      fri,
      lines: log.span(m.index, m.index + m[0].length),
      summary: `The fault status is ${bits.join(", ") || "clear"}; the first record that waits has index ${fri}.${lost}`,
    };
  });
}
