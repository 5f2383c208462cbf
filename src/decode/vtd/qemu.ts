/**
 * Messages and trace lines of QEMU's VT-d model. One fault may be told by several lines: the walk, the trace of the
 * fault, the translation that failed.
 */

import { bdfOf } from "../../arch/requester_id.ts";
import { hex, hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { pciAddress } from "../pci_address.ts";
import type { QemuVtdEntry } from "./entries.ts";

/** Where a walk met an entry that does not allow the access. */
const WALK =
  /\bdetected (?:slpte|sspte|flpte|fspte|pte)?\s?(?:permission error|reserve non-zero)[^(]{0,60}\(iova=(0x[0-9a-f]{1,16}), level=(0x[0-9a-f]{1,2}),\s{1,2}\w{0,2}pte=(0x[0-9a-f]{1,16})(?:, write=([01]))?(?:, pasid=(0x[0-9a-f]{1,8}))?\)/gi;
const FAILED =
  /\bdetected translation failure\s{1,3}\(dev=([0-9a-f:.]{7,13}), (?:pasid=(0x[0-9a-f]{1,8}), )?iova=(0x[0-9a-f]{1,16})\)/gi;
const TRACED = /\bvtd_dmar_fault sid (0x[0-9a-f]{1,4}) fault (\d{1,3}) addr (0x[0-9a-f]{1,16}) write ([01])/gi;
const MERGED = /\bNew fault is not recorded due to compression of faults/g;

/** Requests without PASID as QEMU prints them. */
const NO_PASID = "0xffffffff";
const WRITE_REFUSED = 5;
const READ_REFUSED = 6;

interface Draft {
  readonly addr: string;
  requester: string | null;
  access: "read" | "write" | null;
  level: number | null;
  entry: string | null;
  reason: number | null;
  pasid: string | null;
  from: number;
  to: number;
}

/** Lines about one address, this close in characters, are one fault. */
const REACH = 600;

class Drafts {
  readonly all: Draft[] = [];

  /** The newest fault at `addr` that `has` not been told of yet, or a new one. */
  at(addr: string, from: number, to: number, has: (d: Draft) => boolean): Draft {
    const newest = this.all.at(-1);
    if (newest !== undefined && newest.addr === addr && from - newest.to < REACH && !has(newest)) {
      newest.to = to;
      return newest;
    }
    const draft: Draft = {
      addr,
      requester: null,
      access: null,
      level: null,
      entry: null,
      reason: null,
      pasid: null,
      from,
      to,
    };
    this.all.push(draft);
    return draft;
  }
}

const plain = (printed: string): string => hex(BigInt(printed));

function faults(log: LogText): Draft[] {
  const drafts = new Drafts();
  const found = [WALK, TRACED, FAILED].flatMap((pattern) =>
    [...log.text.matchAll(pattern)].map((m) => ({ pattern, m, from: m.index, to: m.index + m[0].length })),
  );
  for (const { pattern, m, from, to } of found.sort((a, b) => a.from - b.from)) {
    if (pattern === WALK) {
      const d = drafts.at(plain(m[1]!), from, to, (x) => x.entry !== null);
      d.level = Number(m[2]!);
      d.entry = plain(m[3]!);
      if (m[4] !== undefined) d.access = m[4] === "1" ? "write" : "read";
      if (m[5] !== undefined && m[5] !== NO_PASID) d.pasid = plain(m[5]);
    } else if (pattern === TRACED) {
      const d = drafts.at(plain(m[3]!), from, to, (x) => x.reason !== null);
      d.requester = bdfOf(Number(m[1]!));
      d.reason = Number(m[2]!);
      d.access = m[4] === "1" ? "write" : "read";
    } else {
      const d = drafts.at(plain(m[3]!), from, to, (x) => x.requester !== null && x.reason === null);
      d.requester = pciAddress(m[1]!).bdf;
      if (m[2] !== undefined && m[2] !== NO_PASID) d.pasid = plain(m[2]);
    }
  }
  return drafts.all;
}

/** Faults and remarks of QEMU's VT-d model. */
export function readQemuVtd(log: LogText): QemuVtdEntry[] {
  const entries = faults(log).map((d): QemuVtdEntry => {
    const implied = d.access === "write" ? WRITE_REFUSED : d.access === "read" ? READ_REFUSED : null;
    const reason = d.reason ?? implied;
    return {
      type: "qemu-vtd-fault",
      requester: d.requester,
      access: d.access,
      addr: d.addr,
      level: d.level,
      entry: d.entry,
      reason: reason === null ? null : hexWide(reason, 2),
      pasid: d.pasid,
      lines: log.span(d.from, d.to),
      summary: `QEMU's VT-d refused ${d.requester ?? "a device"} a ${d.access ?? "request"} at ${d.addr}${d.entry === "0x0" ? `: the level ${d.level} entry is empty` : ""}.`,
    };
  });
  for (const m of log.text.matchAll(MERGED)) {
    entries.push({
      type: "qemu-vtd-note",
      note: "not recorded, merged with an earlier fault",
      lines: log.span(m.index, m.index + m[0].length),
      summary: "QEMU's VT-d did not record a fault: an earlier one of this requester still waits.",
    });
  }
  return entries;
}
