/**
 * Entries of Intel VT-d in brief. VT-d specification §7.1 (faults), §6.5.2 (descriptors), §9 (tables).
 */

import { ridOf } from "../../arch/requester_id.ts";
import { decodeAs } from "../decode_as.ts";
import { type EntryDescription, numberOf, PLAIN, type ToldAccess } from "../description.ts";
import type { DecodedEntry } from "../entry.ts";
import { setFields, structureOf } from "../printed_fields.ts";
import type { ReadStructure } from "../structure_kind.ts";
import type { VtdFaultEntry, VtdStructureEntry } from "./entries.ts";
import { vtdRegister } from "./structure_kinds.ts";

function accessOf(e: VtdFaultEntry): ToldAccess | null {
  const sid = e.requester === null ? null : ridOf(e.requester);
  const iova = numberOf(e.addr);
  if (sid === null || iova === null || e.access === undefined) return null;
  const pasid = numberOf(e.pasid);
  return {
    sid,
    ssid: pasid === null ? null : Number(pasid),
    iova,
    write: e.access === "write",
    privileged: false,
    instruction: false,
  };
}

/** Name of each structure, the kind it is read as, and the keys of its words, lowest first. */
const STRUCTURES: Readonly<Record<string, readonly [name: string, kind: string, ...words: string[]]>> = {
  "vtd-root-entry": ["Root entry", "vtd-sm-root", "lo", "hi"],
  "vtd-pasid-dir-entry": ["PASID directory entry", "vtd-pasid-dir", "value"],
  "vtd-pasid-entry": ["PASID table entry", "vtd-pasid", "val0", "val1", "val2"],
  "vtd-qi-desc": ["Invalidation descriptor", "vtd-descriptor", "qw0", "qw1"],
  "vtd-irte": ["Interrupt remapping entry", "vtd-irte", "lo", "hi"],
  "vtd-debugfs-walk": ["Mapping", "vtd-ss-pte", "pte"],
};

function read(kind: string, e: VtdStructureEntry, keys: readonly string[]): ReadStructure | null {
  const words = keys.map((key) => numberOf(e[key])).filter((word) => word !== null);
  const structure = words.length === 0 ? null : decodeAs(words, kind);
  return structure?.ok === true ? structure : null;
}

const isText = (value: unknown): value is string => typeof value === "string";

function structure(e: VtdStructureEntry): EntryDescription {
  const plain = { ...PLAIN, weight: "structure" } as const;
  if (e.type === "vtd-context-entry") {
    const scalable = e.mode === "scalable";
    const kind = scalable ? "vtd-sm-context" : "vtd-context";
    return { ...plain, name: "Context entry", remark: String(e.mode), structure: read(kind, e, ["lo", "hi"]) };
  }
  if (e.type === "vtd-iq") return { ...plain, name: "Invalidation queue", remark: String(e.unit) };
  if (e.type === "vtd-walk") return { ...plain, name: "Page walk" };
  const [name, kind, ...words] = STRUCTURES[e.type]!;
  const remark = [e.kind, e.mode].find(isText) ?? "";
  const requester = isText(e.requester) ? e.requester : null;
  return { ...plain, name, remark, requester, address: numberOf(e.iova), structure: read(kind, e, words) };
}

function register(name: string, value: string): EntryDescription {
  const layout = vtdRegister(name)?.layout;
  if (layout === undefined) return { ...PLAIN, weight: "structure", name, remark: value };
  const structure = structureOf(layout, [BigInt(value)]);
  const reference = `${name}, ${layout.section}.`;
  return { ...PLAIN, weight: "structure", name, remark: setFields(structure).join(", "), reference, structure };
}

const QUEUE_ERRORS = {
  IQE: "Invalidation queue error",
  ITE: "Invalidation time-out",
  ICE: "Invalidation completion error",
} as const;

/** Describe an entry; null where it is none of this architecture's. */
export function describeVtd(e: DecodedEntry): EntryDescription | null {
  switch (e.type) {
    case "vtd-fault":
      return {
        ...PLAIN,
        weight: "fault",
        name:
          e.fault === "dma"
            ? `DMA fault${e.reason === null ? "" : ` ${e.reason}`}`
            : `Interrupt fault ${e.reason ?? ""}`.trim(),
        requester: e.requester,
        address: numberOf(e.addr),
        remark: e.meaning ?? "the reason is not in the text",
        reference: e.reason === null ? "" : `Fault reason ${e.reason}, VT-d §7.1.`,
        access: accessOf(e),
      };
    case "vtd-fsts":
      return {
        ...register("FSTS", e.value),
        weight: e.bits.includes("PFO") ? "loss" : "structure",
        name: "Fault status",
        remark: e.bits.join(", "),
      };
    case "vtd-register":
      return register(e.name, e.value);
    case "vtd-registers":
      return { ...PLAIN, weight: "structure", name: "Registers", remark: e.unit ?? "" };
    case "vtd-qi-error":
      return {
        ...PLAIN,
        weight: "fault",
        name: QUEUE_ERRORS[e.error],
        requester: e.sid_valid === true ? e.sid! : null,
      };
    case "note":
      return { ...PLAIN, weight: "fault", name: "Registers read as ones" };
    case "qemu-vtd-fault":
      return {
        ...PLAIN,
        weight: "fault",
        name: `QEMU fault ${typeof e.reason === "string" ? e.reason : ""}`.trim(),
        requester: typeof e.requester === "string" ? e.requester : null,
        address: numberOf(e.addr),
      };
    case "qemu-vtd-note":
      return { ...PLAIN, weight: "loss", name: "QEMU: fault not recorded" };
    case "vtd-root-entry":
    case "vtd-context-entry":
    case "vtd-pasid-dir-entry":
    case "vtd-pasid-entry":
    case "vtd-qi-desc":
    case "vtd-irte":
    case "vtd-iq":
    case "vtd-walk":
    case "vtd-debugfs-walk":
      return structure(e);
    default:
      return null;
  }
}
