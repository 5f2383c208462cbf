/**
 * Trace lines of QEMU's SMMUv3 model (trace events smmuv3_* and smmu_*), as its log backend prints them.
 *
 * One entry per thing that happened: a command (with the line that names its operand), a configuration fetch
 * (several lines), a descriptor of a walk (likewise), a lookup or an invalidation of the TLB, a translation and how it
 * ended, a recorded event. Lines that only report internal counters are taken along silently.
 */
import type { QemuSmmuv3TraceEntry } from "../entry.ts";
import type { LogLine } from "../lines.ts";

type Keys = Record<string, unknown>;
interface OpenTrace {
  readonly event: string;
  readonly keys: Keys;
  first: number;
  last: number;
}

const PERMISSION: Readonly<Record<string, string>> = { "0x0": "none", "0x1": "r", "0x2": "w", "0x3": "rw" };

/** Value after `name=` or `name:`; hexadecimal stays as printed. */
function get(text: string, name: string): string | null {
  const m = new RegExp(`\\b${name} ?[=:] ?(0x[0-9a-fA-F]{1,16}|\\d{1,20})\\b`).exec(text);
  return m === null ? null : m[1]!.toLowerCase();
}
const decimal = (text: string, name: string): number | null => {
  const v = get(text, name);
  return v === null ? null : Number(v);
};
const present = (keys: Keys): Keys => Object.fromEntries(Object.entries(keys).filter(([, v]) => v !== null));

type Handler = (text: string, reader: TraceReader, line: number) => void;

/** Operands that a second trace line adds to the command before it. */
const operands =
  (read: (text: string) => Keys): Handler =>
  (text, reader, line) =>
    reader.addTo("command", read(text), line);

const outcome =
  (event: string): Handler =>
  (text, reader, line) =>
    reader.start(event, { sid: get(text, "sid"), iova: get(text, "iova"), write: get(text, "is_write") === "1" }, line);

/** A line about the descriptor that a walk has read: what it says joins what other lines said of it. */
const descriptor =
  (read: (text: string) => Keys): Handler =>
  (text, reader, line) =>
    reader.descriptor({ stage: decimal(text, "stage"), level: decimal(text, "level"), ...read(text) }, line);

/** Table, place and value of a descriptor, as most lines name them. */
const entry = (text: string): Keys => ({
  table: get(text, "base@"),
  at: get(text, "pte@"),
  descriptor: get(text, "pte"),
});

const lookup =
  (event: string): Handler =>
  (text, reader, line) =>
    reader.start(event, tags(text), line);

/** What a TLB entry is found by; -1 stands for any. */
const tags = (text: string): Keys => ({
  asid: get(text, "asid"),
  vmid: get(text, "vmid"),
  iova: get(text, "addr") ?? get(text, "iova"),
});

const HANDLERS: Readonly<Record<string, Handler>> = {
  smmu_get_pte: descriptor((t) => ({
    table: get(t, "baseaddr"),
    at: get(t, "pteaddr"),
    descriptor: get(t, "pte"),
  })),
  smmu_ptw_level: descriptor((t) => ({
    iova: get(t, "iova"),
    table: get(t, "baseaddr"),
    descriptor: get(t, "pte"),
  })),
  smmu_ptw_page_pte: descriptor((t) => ({ iova: get(t, "iova"), ...entry(t), page: get(t, "page address") })),
  smmu_ptw_block_pte: descriptor((t) => ({
    iova: get(t, "iova"),
    ...entry(t),
    page: get(t, "block address"),
    block_mib: decimal(t, "block size"),
  })),
  smmu_ptw_invalid_pte: descriptor((t) => ({ ...entry(t), invalid: true })),
  smmu_iotlb_lookup_hit: lookup("tlb_hit"),
  smmu_iotlb_lookup_miss: lookup("tlb_miss"),
  smmu_iotlb_inv_all: lookup("tlb_invalidate"),
  smmu_iotlb_inv_asid: lookup("tlb_invalidate"),
  smmu_iotlb_inv_asid_vmid: lookup("tlb_invalidate"),
  smmu_iotlb_inv_vmid: lookup("tlb_invalidate"),
  smmu_iotlb_inv_vmid_s1: lookup("tlb_invalidate"),
  smmu_iotlb_inv_iova: lookup("tlb_invalidate"),
  smmuv3_cmdq_opcode: (text, reader, line) => {
    const m = /<--- (?:SMMU_)?(?:CMD_)?(\w{1,40})/.exec(text);
    if (m !== null) reader.start("command", { name: m[1]! }, line);
  },
  smmuv3_cmdq_cfgi_ste: operands((t) => ({ sid: get(t, "streamid") })),
  smmuv3_cmdq_cfgi_ste_range: operands((t) => ({ start: get(t, "start"), end: get(t, "end") })),
  smmuv3_cmdq_cfgi_cd: operands((t) => ({ sid: get(t, "sid") })),
  smmuv3_cmdq_tlbi_nh: operands((t) => ({ vmid: get(t, "vmid") })),
  smmuv3_cmdq_tlbi_nh_asid: operands((t) => ({ asid: get(t, "asid") })),
  smmuv3_cmdq_tlbi_s12_vmid: operands((t) => ({ vmid: get(t, "vmid") })),
  smmuv3_range_inval: operands((t) => ({
    vmid: get(t, "vmid"),
    asid: get(t, "asid"),
    addr: get(t, "addr"),
    num_pages: get(t, "num_pages"),
    leaf: get(t, "leaf"),
  })),
  smmuv3_cmdq_consume_error: (text, reader, line) => {
    const m = /Error on (\w{1,40}) command execution: (\d{1,3})/.exec(text);
    if (m !== null) reader.start("command_error", { name: m[1]!, error: Number(m[2]) }, line);
  },
  smmuv3_config_cache_hit: (text, reader, line) => reader.start("config_cache_hit", { sid: get(text, "sid") }, line),
  smmuv3_find_ste: (text, reader, line) => reader.start("config_fetch", { sid: get(text, "sid") }, line),
  smmuv3_get_ste: (text, reader, line) => reader.addTo("config_fetch", { ste: get(text, "addr") }, line),
  smmuv3_get_cd: (text, reader, line) => reader.addTo("config_fetch", { cd: get(text, "addr") }, line),
  smmuv3_decode_cd: (text, reader, line) => reader.addTo("config_fetch", { oas: decimal(text, "oas") }, line),
  smmuv3_decode_cd_tt: (text, reader, line) =>
    // TT[0] comes first; TT[1] does not overwrite it.
    reader.addTo(
      "config_fetch",
      { tsz: decimal(text, "tsz"), ttb: get(text, "ttb"), granule_bits: decimal(text, "granule_sz") },
      line,
    ),
  smmuv3_translate_success: (text, reader, line) =>
    reader.start(
      "translate_success",
      {
        sid: get(text, "sid"),
        iova: get(text, "iova"),
        translated: get(text, "translated"),
        perm: PERMISSION[get(text, "perm") ?? ""] ?? null,
        stage: decimal(text, "stage"),
      },
      line,
    ),
  smmuv3_translate_disable: outcome("translate_disable"),
  smmuv3_translate_bypass: outcome("translate_bypass"),
  smmuv3_translate_abort: outcome("translate_abort"),
  smmuv3_record_event: (text, reader, line) => {
    const m = /smmuv3_record_event (?:SMMU_EVT_)?(\w{1,40})/.exec(text);
    if (m !== null) reader.start("record_event", { name: m[1]!, sid: get(text, "sid") }, line);
  },
};

class TraceReader {
  readonly #traces: OpenTrace[] = [];

  start(event: string, keys: Keys, line: number): void {
    this.#traces.push({ event, keys: present(keys), first: line, last: line });
  }

  /** Add keys to the newest trace when it is an `event`; a fetch whose start is cut off begins here. */
  addTo(event: string, keys: Keys, line: number): void {
    const newest = this.#traces.at(-1);
    if (newest === undefined || newest.event !== event) {
      if (event === "config_fetch") this.start(event, keys, line);
      return;
    }
    for (const [k, v] of Object.entries(present(keys))) newest.keys[k] ??= v;
    newest.last = line;
  }

  /** Add to the newest trace when it is about this descriptor and tells nothing else; else begin another. */
  descriptor(keys: Keys, line: number): void {
    const told = present(keys);
    const newest = this.#traces.at(-1);
    const same = newest?.event === "descriptor" && Object.entries(told).every(([k, v]) => (newest.keys[k] ?? v) === v);
    if (same) this.addTo("descriptor", told, line);
    else this.start("descriptor", told, line);
  }

  entries(): QemuSmmuv3TraceEntry[] {
    return this.#traces.map(({ event, keys, first, last }) => {
      const said = Object.entries(keys).map(([k, v]) => `${k} ${String(v)}`);
      return {
        type: "qemu-smmuv3-trace",
        event,
        ...keys,
        lines: [first, last],
        summary: `QEMU's SMMUv3: ${event.replaceAll("_", " ")}${said.length > 0 ? `, ${said.join(", ")}` : ""}.`,
      };
    });
  }
}

/** SMMUv3 trace lines of QEMU in these messages. */
export function readQemuSmmuv3Trace(lines: readonly LogLine[]): QemuSmmuv3TraceEntry[] {
  const reader = new TraceReader();
  for (const { text, line } of lines) {
    const at = text.indexOf("smmu");
    if (at < 0) continue;
    const m = /^smmu(?:v3)?_\w{1,40}/.exec(text.slice(at, at + 64));
    const handler = m !== null && Object.hasOwn(HANDLERS, m[0]) ? HANDLERS[m[0]] : undefined;
    handler?.(text.slice(at), reader, line);
  }
  return reader.entries();
}
