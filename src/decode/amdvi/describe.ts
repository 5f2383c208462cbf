/**
 * Entries of AMD-Vi in brief. AMD IOMMU specification 48882 §2.5 (events), §2.4 (commands), §2.2 (tables), chapter 3.
 */
import { eventByCode } from "../../arch/amdvi/events.ts";
import { ridOf } from "../../arch/requester_id.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { join } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import { decodeAs } from "../decode_as.ts";
import { type EntryDescription, numberOf, PLAIN, type ToldAccess } from "../description.ts";
import type { DecodedEntry } from "../entry.ts";
import { setFields, structureOf } from "../printed_fields.ts";
import type { ReadStructure } from "../structure_kind.ts";
import type { AmdCommandEntry, AmdDteEntry, AmdEventEntry, AmdRegisterEntry } from "./entries.ts";
import { amdviRegisterLayout } from "./structure_kinds.ts";

function accessOf(e: AmdEventEntry): ToldAccess | null {
  const sid = e.device === null || e.device === undefined ? null : ridOf(e.device);
  const iova = numberOf(e.address);
  if (sid === null || iova === null || e.request !== "memory") return null;
  const pasid = e.bits?.GN === 1 ? numberOf(e.domain) : null;
  return {
    sid,
    ssid: pasid === null ? null : Number(pasid),
    iova,
    write: e.access === "write",
    privileged: e.bits?.US === 0 && e.bits.GN === 1,
    instruction: e.bits?.NX === 1,
  };
}

/** Events of which kernels print all but bits [31:20], which tell of the structures of a guest. */
const WHOLE: readonly string[] = [
  "ILLEGAL_DEV_TABLE_ENTRY",
  "IO_PAGE_FAULT",
  "DEV_TAB_HARDWARE_ERROR",
  "PAGE_TAB_HARDWARE_ERROR",
  "INVALID_DEVICE_REQUEST",
];

/** Bits of a record that kernels print as its flags, one number for all of its fields there. */
const FLAGS = { lo: 48, hi: 59 };
const FIRST_WORD_BITS = 64;

/** The record that a line was printed from; null where the line does not say all of it (48882 §2.5). */
function recordOf(e: AmdEventEntry, layout: Layout | undefined): ReadStructure | null {
  const device = e.device == null ? null : ridOf(e.device);
  const [code, flags, address] = [numberOf(e.code), numberOf(e.flags), numberOf(e.address)];
  const space = numberOf(e.pasid) ?? numberOf(e.domain);
  if (layout === undefined || !WHOLE.includes(e.event) || e.incomplete === true) return null;
  if (device === null || code === null || flags === null || address === null || space === null) return null;
  const low = Number(space) % 0x10000;
  const told: FieldNumbers = {
    DeviceID: device,
    PASID_19_16: Math.floor(Number(space) / 0x10000) % 0x10,
    PASID_15_0: low,
    DomainID_PASID: low,
    EventCode: Number(code),
  };
  const first = layout.fields.filter(({ lo }) => lo < FIRST_WORD_BITS);
  const values = first.map(({ name, lo, hi }): [string, number] => {
    const isFlag = lo >= FLAGS.lo && hi <= FLAGS.hi;
    return [name, isFlag ? Math.floor(Number(flags) / 2 ** (lo - FLAGS.lo)) % 2 ** (hi - lo + 1) : (told[name] ?? 0)];
  });
  const words = encodeFields(layout, Object.fromEntries(values));
  const read = decodeAs([join(words[1]!, words[0]!), address], "amd-event");
  return read.ok ? read : null;
}

function event(e: AmdEventEntry): EntryDescription {
  const definition = e.code === null ? undefined : eventByCode(Number(e.code));
  const structure = recordOf(e, definition?.layout);
  const rebuilt =
    structure === null ? "" : " Its words are put together from what is printed: bits 31:20 are not, and stand as 0.";
  return {
    ...PLAIN,
    weight: "fault",
    name: e.event,
    requester: e.device ?? null,
    address: numberOf(e.address),
    remark: e.incomplete ? "cut off" : (e.cause ?? ""),
    reference:
      definition === undefined
        ? ""
        : `Event code ${e.code}, ${definition.layout.section}. ${definition.about}${rebuilt}`,
    structure,
    access: accessOf(e),
  };
}

/** A structure with its words: `words` of the entry, read as this kind. */
function structure(e: DecodedEntry, name: string, kind: string): EntryDescription {
  const words = (e.words ?? []).map((word) => BigInt(`0x${word}`));
  const read = decodeAs(words, kind);
  return { ...PLAIN, weight: "structure", name, structure: read.ok ? read : null };
}

function deviceTableEntry(e: AmdDteEntry): EntryDescription {
  const device = e.device;
  return {
    ...structure(e, "Device table entry", "amd-dte"),
    requester: typeof device === "string" ? device : null,
  };
}

function command(e: AmdCommandEntry): EntryDescription {
  const remarks = [e.waiting === true ? "waits" : "", e.reserved_set ? "reserved bits set" : "", ...e.operands];
  return {
    ...structure(e, e.command ?? "Reserved command", "amd-command"),
    weight: e.command === null || e.reserved_set ? "fault" : "structure",
    remark: remarks.filter((r) => r !== "").join(", "),
  };
}

function register(e: AmdRegisterEntry): EntryDescription {
  const known = e.name === null ? null : amdviRegisterLayout(e.name);
  if (known === null) return { ...PLAIN, weight: "structure", name: `${e.window} ${e.offset}`, remark: "not known" };
  const structure = structureOf(known, [BigInt(e.value)]);
  const remark = setFields(structure).join(", ");
  return { ...PLAIN, weight: "structure", name: known.name, remark, reference: `${known.section}.`, structure };
}

/** Describe an entry; null where it is none of this architecture's. */
export function describeAmdvi(e: DecodedEntry): EntryDescription | null {
  switch (e.type) {
    case "amd-event":
      return event(e);
    case "amd-dte":
      return deviceTableEntry(e);
    case "amd-irte":
      return {
        ...structure(e, "Interrupt entry", e.format === "32 bits" ? "amd-irte" : "amd-irte-128"),
        requester: e.device,
        remark: e.format,
      };
    case "amd-command":
      return command(e);
    case "amd-cmdbuf":
      return { ...PLAIN, weight: "structure", name: "Command buffer", remark: `head ${e.head}, tail ${e.tail}` };
    case "amd-register":
      return register(e);
    case "amd-completion-wait-timeout":
      return { ...PLAIN, weight: "fault", name: "COMPLETION_WAIT time-out" };
    default:
      return null;
  }
}
