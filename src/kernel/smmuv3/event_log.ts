/**
 * What Linux logs of an event: the record's words, and what they say. Linux 7.2,
 * drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_dump_event). IHI 0070 §7.3.
 */
import { eventOf, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { fieldBits, fieldValue } from "../../base/layout.ts";
import { readEvent } from "./faults.ts";

/** The name that an SMMU has where firmware gives none, by its number in the machine. */
const nameOf = (smmu: number): string => `arm-smmu-v3 arm-smmu-v3.${smmu}.auto:`;
const PAGE_FAULTS: ReadonlySet<string> = new Set(["F_TRANSLATION", "F_ADDR_SIZE", "F_ACCESS", "F_PERMISSION"]);
const FETCHES: ReadonlySet<string> = new Set(["F_STE_FETCH", "F_CD_FETCH", "F_VMS_FETCH"]);
/** Names of CLASS. */
const CLASSES = ["CD fetch", "Stage 1 translation table fetch", "Input address caused fault", "Reserved"];
const TABLE_FETCH = 1;

/**
 * @param client name of the device; null where no driver has attached it
 * @param smmu number of the SMMU in the machine
 */
export function eventLines(words: Uint32Array, client: string | null, smmu = 0): string[] {
  const layout = eventOf(words)?.layout ?? RESERVED_EVENT;
  const bits = (name: string): number => fieldBits(layout, name, words);
  const address = (name: string): string => hex(fieldValue(layout, name, words) ?? 0n);
  const { definition, sid, pasid } = readEvent(words);
  const name = definition?.linuxName ?? "UNKNOWN";
  const who = `event: ${name} client: ${client ?? "(unassigned sid)"} sid: ${hex(sid)} ssid: ${hex(pasid ?? 0)}`;
  const lines = [`event 0x${bits("EventNumber").toString(16).padStart(2, "0")} received:`, ...rawWords(words)];
  if (PAGE_FAULTS.has(name)) lines.push(`${who} iova: ${address("InputAddr")} ipa: ${address("IPA")}`, access());
  else if (FETCHES.has(name)) lines.push(`${who} fetch_addr: ${address("FetchAddr")}`);
  else lines.push(who);
  return lines.map((line) => `${nameOf(smmu)} ${line}`);

  function access(): string {
    const is = (field: string, yes: string, no: string): string => (bits(field) === 1 ? yes : no);
    const kind = bits("CLASS");
    const fetch = kind === TABLE_FETCH ? is("TTRnW", " ttd_read", " ttd_write") : "";
    const how = `${is("PnU", "priv", "unpriv")} ${is("InD", "inst", "data")} ${is("RnW", "read", "write")}`;
    const stall = `${is("Stall", " stall", "")} stag: ${hex(bits("STAG"))}`;
    return `${how} ${is("S2", "s2", "s1")} "${CLASSES[kind]}"${fetch}${stall}`;
  }
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

function rawWords(words: Uint32Array): string[] {
  const half = (i: number): string => words[i]!.toString(16).padStart(8, "0");
  return Array.from({ length: words.length / 2 }, (_, i) => `\t0x${half(2 * i + 1)}${half(2 * i)}`);
}
