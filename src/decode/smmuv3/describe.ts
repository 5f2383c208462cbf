/**
 * Entries of Arm SMMUv3 in brief. IHI 0070 §7.3 (events), §4 (commands).
 */
import { descriptorKind } from "../../arch/smmuv3/descriptor_kind.ts";
import { descriptorLayout } from "../../arch/smmuv3/descriptors.ts";
import { eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { decodeAs } from "../decode_as.ts";
import { type EntryDescription, numberOf, PLAIN, type ToldAccess } from "../description.ts";
import { type DecodedEntry, layoutWords, type QemuSmmuv3TraceEntry, type Smmuv3EventEntry } from "../entry.ts";
import { halvesOf } from "../printed_fields.ts";
import type { ReadStructure } from "../structure_kind.ts";

/** What a reader should know of how the record came, shortest first. */
function remarkOf(e: Smmuv3EventEntry): string {
  if (e.text_disagrees) return "the text disagrees with the words";
  if (e.blanked) return "digits blanked out";
  if (e.incomplete) return "cut off";
  if (e.no_words) return "header only";
  if (e.empty_record) return "all words are 0";
  if (e.from === "decoded lines only") return "no words";
  if (e.auto_suppressed) return "more were suppressed";
  if ((e.set_outside_defined_fields?.length ?? 0) > 0) return "undefined bits set";
  return e.client ?? "";
}

/** The access that caused an event; address 0 where the record holds none. Null where no stream is known. */
function accessOf(e: Smmuv3EventEntry): ToldAccess | null {
  const sid = numberOf(e.sid);
  if (sid === null) return null;
  const ssid = numberOf(e.ssid);
  return {
    sid: Number(sid),
    ssid: ssid === null ? null : Number(ssid),
    iova: numberOf(e.input_addr) ?? 0n,
    write: e.rnw === "write",
    privileged: e.pnu === "privileged",
    instruction: e.ind === "instruction",
  };
}

function eventDescription(e: Smmuv3EventEntry): EntryDescription {
  const definition = e.record === null ? undefined : eventByNumber(e.record);
  const layoutOf = ([lo = 0]: Uint32Array) => eventByNumber(lo & 0xff)?.layout ?? RESERVED_EVENT;
  const layout = definition?.layout ?? RESERVED_EVENT;
  const unnamed = definition?.linuxName === null ? " Linux prints UNKNOWN for this number." : "";
  return {
    weight: "fault",
    name: e.name ?? (e.event === null ? "Unnamed event" : `Reserved event ${e.event}`),
    requester: e.sid,
    address: numberOf(e.input_addr ?? e.fetch_addr),
    remark: remarkOf(e),
    reference: definition === undefined ? "" : `Event ${e.event}, ${definition.section}.${unnamed}`,
    structure: e.words === undefined ? null : { layout, words: layoutWords(e.words, layout.bits), layoutOf },
    access: accessOf(e),
  };
}

function read(words: readonly string[], kind: string): ReadStructure | null {
  const values = words.map((word) => numberOf(word.startsWith("0x") ? word : `0x${word}`));
  const known = values.filter((v) => v !== null);
  const structure = known.length === values.length ? decodeAs(known, kind) : null;
  return structure?.ok === true ? structure : null;
}

const register = (name: string, value: string | null): ReadStructure | null =>
  value === null ? null : read([value], `register:${name}`);

/** A descriptor by the level it was read at; a level that no walk has is taken for the last. The granule is not told. */
function descriptor(value: bigint, stage: 1 | 2, level: unknown): ReadStructure {
  const known = typeof level === "number" && level >= 0 && level <= 3 ? level : 3;
  const layoutOf = ([lo = 0]: Uint32Array) => descriptorLayout(stage, descriptorKind(lo, known), 12, false, false);
  const words = halvesOf([value], 64);
  return { layout: layoutOf(words), words, layoutOf };
}

function trace(e: QemuSmmuv3TraceEntry): EntryDescription {
  const value = numberOf(e.descriptor);
  const stage = e.stage === 2 ? 2 : 1;
  return {
    ...PLAIN,
    weight: e.invalid === true ? "fault" : "structure",
    name: `QEMU ${e.event.replaceAll("_", " ")}`,
    requester: typeof e.sid === "string" ? e.sid : null,
    address: numberOf(e.iova),
    remark: value === null ? "" : `stage ${stage}${typeof e.level === "number" ? `, level ${e.level}` : ""}`,
    structure: value === null ? null : descriptor(value, stage, e.level),
  };
}

/** Describe an entry; null where it is none of this architecture's. */
export function describeSmmuv3(e: DecodedEntry): EntryDescription | null {
  switch (e.type) {
    case "smmuv3-event":
      return eventDescription(e);
    case "smmuv3-cmdq": {
      const skipped = e.words !== undefined && e.words.length > 0;
      return {
        ...PLAIN,
        weight: "fault",
        name: `Command queue error${e.err_name === null ? "" : ` ${e.err_name}`}`,
        remark: e.command ? `at ${e.command}` : "",
        structure: skipped ? read(e.words, "command") : register("CMDQ_CONS", e.cons),
      };
    }
    case "smmuv3-cmdq-timeout":
      return { ...PLAIN, weight: "fault", name: "Command queue time-out" };
    case "smmuv3-gerror":
      return { ...PLAIN, weight: "fault", name: "Global error", structure: register("GERROR", e.active) };
    case "smmuv3-evtq-overflow":
      return { ...PLAIN, weight: "loss", name: "Event queue overflow" };
    case "smmuv3-priq-overflow":
      return { ...PLAIN, weight: "loss", name: "PRI queue overflow" };
    case "qemu-smmuv3-trace":
      return trace(e);
    default:
      return null;
  }
}
