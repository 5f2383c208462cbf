/**
 * Entries of AMD-Vi in brief. AMD IOMMU specification 48882 §2.5 (events), §2.2.2.1 (device table entry).
 */
import { eventByCode } from "../../arch/amdvi/events.ts";
import { decodeAs } from "../decode_as.ts";
import { type EntryDescription, numberOf, PLAIN, type ToldAccess } from "../description.ts";
import type { DecodedEntry } from "../entry.ts";
import { ridOf } from "../pci_address.ts";
import type { AmdDteEntry, AmdEventEntry } from "./entries.ts";

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

function event(e: AmdEventEntry): EntryDescription {
  const definition = e.code === null ? undefined : eventByCode(Number(e.code));
  return {
    ...PLAIN,
    weight: "fault",
    name: e.event,
    requester: e.device ?? null,
    address: numberOf(e.address),
    remark: e.incomplete ? "cut off" : (e.cause ?? ""),
    reference:
      definition === undefined ? "" : `Event code ${e.code}, ${definition.layout.section}. ${definition.about}`,
    access: accessOf(e),
  };
}

function deviceTableEntry(e: AmdDteEntry): EntryDescription {
  const words = (e.words ?? []).map((word) => BigInt(`0x${word}`));
  const read = decodeAs(words, "amd-dte");
  const device = e.device;
  return {
    ...PLAIN,
    weight: "structure",
    name: "Device table entry",
    requester: typeof device === "string" ? device : null,
    structure: read.ok ? read : null,
  };
}

/** Describe an entry; null where it is none of this architecture's. */
export function describeAmdvi(e: DecodedEntry): EntryDescription | null {
  switch (e.type) {
    case "amd-event":
      return event(e);
    case "amd-dte":
      return deviceTableEntry(e);
    case "amd-completion-wait-timeout":
      return { ...PLAIN, weight: "fault", name: "COMPLETION_WAIT time-out" };
    default:
      return null;
  }
}
