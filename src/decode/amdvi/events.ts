/**
 * Event log records of AMD-Vi as Linux and Xen print them. AMD IOMMU specification 48882 §2.5.
 *
 * What is printed as "flags" are bits [59:48] of the record; which of them mean something depends on the event.
 */

import { bdfOf } from "../../arch/requester_id.ts";
import { hex, hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { pciAddress } from "../pci_address.ts";
import type { AmdEventEntry, AmdTimeoutEntry } from "./entries.ts";

interface EventKind {
  readonly code: number;
  /** Flags that mean something in this record, by bit. */
  readonly bits?: Readonly<Record<string, number>>;
  /** What happened, as the end of a sentence. */
  readonly says: string;
}

/** Codes and flags, §2.5.2 to §2.5.14. */
const KINDS: Readonly<Record<string, EventKind>> = {
  ILLEGAL_DEV_TABLE_ENTRY: {
    code: 1,
    bits: { GN: 0, I: 3, RW: 5, RZ: 7, TR: 8 },
    says: "met a device table entry that is not legal",
  },
  IO_PAGE_FAULT: {
    code: 2,
    bits: { GN: 0, NX: 1, US: 2, I: 3, PR: 4, RW: 5, PE: 6, RZ: 7, TR: 8 },
    says: "met a page that does not allow the access",
  },
  DEV_TAB_HARDWARE_ERROR: {
    code: 3,
    bits: { GN: 0, I: 3, RW: 5, TR: 8 },
    says: "could not have its device table entry read",
  },
  PAGE_TAB_HARDWARE_ERROR: {
    code: 4,
    bits: { GN: 0, I: 3, RW: 5, TR: 8 },
    says: "could not have its page tables read",
  },
  ILLEGAL_COMMAND_ERROR: { code: 5, says: "a command is not legal" },
  COMMAND_HARDWARE_ERROR: { code: 6, says: "a command could not be read" },
  IOTLB_INV_TIMEOUT: { code: 7, says: "did not answer an invalidation of its IOTLB in time" },
  INVALID_DEVICE_REQUEST: { code: 8, says: "made a request that it may not make" },
  INVALID_PPR_REQUEST: { code: 9, says: "made a page request that it may not make" },
  EVENT_COUNTER_ZERO: { code: 10, says: "a performance counter has wrapped" },
  GUEST_EVENT_FAULT: { code: 11, says: "a guest event could not be delivered" },
  RMP_PAGE_FAULT: { code: 13, says: "was refused by the reverse map table" },
  RMP_HARDWARE_ERROR: { code: 14, says: "could not have its reverse map entry read" },
};

/** INVALID_DEVICE_REQUEST.Type, flags [11:9], §2.5.9. */
const REQUEST_TYPES: readonly string[] = [
  "read or non-posted write in the interrupt address range",
  "pre-translated request by a device whose DTE has I 0 or V 0",
  "port I/O request by a device whose DTE has IoCtl 0",
  "posted write into the system management range by a device whose DTE has SysMgt 0",
  "read or non-posted write in the system management range by a device whose DTE does not allow it",
  "posted write into the interrupt/EOI range by a device whose DTE has IntCtl 0",
  "posted write into a reserved interrupt range",
  "request to the system management range that its DTE does not allow",
];

const LOGGED = /\bAMD-Vi: Event logged\s{1,3}\[\s?([A-Z][A-Z_]{3,40})\b(?:([^\][]{0,320})\]|([^\][\n]{0,320}))/g;
const XEN = /\bAMD-Vi: (IO_PAGE_FAULT): (\S{7,12}) d(\d{1,5}) addr ([0-9a-f]{1,16}) flags (0x[0-9a-f]{1,4})\b/gi;
const OLD_XEN =
  /\bAMD-Vi: (IO_PAGE_FAULT): domain = (\d{1,5}), device id = (0x[0-9a-f]{1,4}),\s{1,4}fault address = (0x[0-9a-f]{1,16}),\s{1,4}flags = (0x[0-9a-f]{1,4})\b/gi;
/** The driver's own device in front of the message. */
const PREFIX = /([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): ?$/i;
const TIMEOUT = /\bCompletion-Wait loop timed out\b/g;

/** What stands in the brackets, as printed. */
interface Printed {
  readonly event: string;
  readonly device: string | null;
  readonly domain: bigint | null;
  readonly pasid: bigint | null;
  readonly address: bigint | null;
  readonly flags: number | null;
  readonly tag: bigint | null;
  readonly complete: boolean;
}

/** Flags of an IO_PAGE_FAULT read together, §2.5.3: which request, which direction, why. */
function pageFault(bits: Readonly<Record<string, number>>): Pick<AmdEventEntry, "request" | "access" | "cause"> {
  const { I, TR, PR, PE, RZ, RW } = bits;
  if (I === 1) return { request: "interrupt", access: null, cause: "interrupt not remapped" };
  const request = TR === 1 ? "translation" : "memory";
  if (PR === 0) return { request, access: null, cause: "not present" };
  const access = TR === 1 ? null : RW === 1 ? "write" : "read";
  return { request, access, cause: PE === 1 ? "permission" : RZ === 1 ? "reserved bit or illegal level" : null };
}

function entryOf(p: Printed, lines: readonly [number, number]): AmdEventEntry {
  const kind = KINDS[p.event];
  const pci = p.device === null ? { segment: null, bdf: null } : pciAddress(p.device);
  const flags = p.flags ?? 0;
  const bits =
    kind?.bits === undefined || p.flags === null
      ? undefined
      : Object.fromEntries(Object.entries(kind.bits).map(([name, bit]) => [name, (flags >>> bit) & 1]));
  const type = (flags >>> 9) & 7;
  const ofRequest = p.event === "INVALID_DEVICE_REQUEST" && p.flags !== null;
  const aboutDevice = !["ILLEGAL_COMMAND_ERROR", "COMMAND_HARDWARE_ERROR", "EVENT_COUNTER_ZERO"].includes(p.event);
  const entry: Omit<AmdEventEntry, "summary"> = {
    type: "amd-event",
    event: p.event,
    code: kind === undefined ? null : hex(kind.code),
    ...(aboutDevice ? { segment: pci.segment, device: pci.bdf } : {}),
    ...(p.domain === null ? {} : { domain: hex(p.domain) }),
    ...(p.pasid === null ? {} : { pasid: hex(p.pasid) }),
    address: p.address === null ? null : hex(p.address),
    ...(p.flags === null ? {} : { flags: hexWide(p.flags, 4) }),
    ...(bits === undefined ? {} : { bits }),
    ...(p.event === "IO_PAGE_FAULT" && bits !== undefined ? pageFault(bits) : {}),
    ...(ofRequest ? { request_type: type, meaning: REQUEST_TYPES[type]! } : {}),
    ...(p.tag === null ? {} : { tag: hex(p.tag) }),
    ...(p.complete ? {} : { incomplete: true as const }),
    lines,
  };
  return { ...entry, summary: summaryOf(entry, kind) };
}

function summaryOf(e: Omit<AmdEventEntry, "summary">, kind: EventKind | undefined): string {
  if (kind === undefined) return `${e.event}: this program has no meaning for this event.`;
  const at = e.address === null || e.address === undefined ? "" : ` at ${e.address}`;
  if (e.device === undefined) return `${e.event}: ${kind.says}${at}.`;
  const who = e.device === null ? "A device" : `Device ${e.device}`;
  if (e.event === "IO_PAGE_FAULT" && e.cause !== undefined) {
    const what = e.request === "interrupt" ? "sent an interrupt" : `made a ${e.access ?? "request"}`;
    return `${e.event}: ${who} ${what}${at}${e.cause === null ? "" : `: ${e.cause}`}.`;
  }
  return `${e.event}: ${who} ${e.meaning === undefined ? kind.says : `made a ${e.meaning}`}${at}.`;
}

/** A number after `name=`; null where it is absent or torn. */
function number(text: string, name: string): bigint | null {
  const m = new RegExp(`\\b${name}=(0x[0-9a-f]{1,16})\\b`, "i").exec(text);
  return m === null ? null : BigInt(m[1]!);
}

function logged(log: LogText): AmdEventEntry[] {
  return [...log.text.matchAll(LOGGED)].map((m) => {
    const before = log.text.slice(log.startOfMessage(m.index), m.index);
    // A record that is cut off ends with its line.
    const complete = m[2] !== undefined;
    const text = m[2] ?? m[3] ?? "";
    const flags = number(text, "flags");
    const printed: Printed = {
      event: m[1]!,
      device: /\bdevice=(\S{7,14})/.exec(text)?.[1] ?? PREFIX.exec(before)?.[1] ?? null,
      domain: number(text, "domain"),
      pasid: number(text, "pasid"),
      address: number(text, "address"),
      flags: flags === null ? null : Number(flags & 0xffffn),
      tag: number(text, "tag"),
      complete,
    };
    return entryOf(printed, log.span(m.index, m.index + m[0].length));
  });
}

function xen(log: LogText): AmdEventEntry[] {
  const common = { pasid: null, tag: null, complete: true };
  return [
    ...[...log.text.matchAll(XEN)].map((m) =>
      entryOf(
        {
          ...common,
          event: m[1]!.toUpperCase(),
          device: m[2]!,
          domain: BigInt(m[3]!),
          address: BigInt(`0x${m[4]!}`),
          flags: Number(m[5]!),
        },
        log.span(m.index, m.index + m[0].length),
      ),
    ),
    ...[...log.text.matchAll(OLD_XEN)].map((m) =>
      entryOf(
        {
          ...common,
          event: m[1]!.toUpperCase(),
          device: bdfOf(Number(m[3]!)),
          domain: BigInt(m[2]!),
          address: BigInt(m[4]!),
          flags: Number(m[5]!),
        },
        log.span(m.index, m.index + m[0].length),
      ),
    ),
  ];
}

/** Every event of a log. */
export function readAmdEvents(log: LogText): AmdEventEntry[] {
  return [...logged(log), ...xen(log)];
}

/** COMPLETION_WAIT commands that software gave up on, §2.4.1. */
export function readCompletionTimeouts(log: LogText): AmdTimeoutEntry[] {
  return [...log.text.matchAll(TIMEOUT)].map((m) => ({
    type: "amd-completion-wait-timeout",
    lines: log.span(m.index, m.index + m[0].length),
    summary: "The IOMMU did not carry out a COMPLETION_WAIT in time: commands before it hang, or it has stopped.",
  }));
}
