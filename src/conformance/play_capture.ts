/**
 * Plays `iommu-capture/1` captures: every recorded translation must come out as recorded, and every unmapped address
 * must not translate. Guest mappings and fault records are compared besides, uncounted.
 */
import { EVENTS, eventByNumber } from "../arch/smmuv3/events.ts";
import { REASONS } from "../arch/smmuv3/reasons.ts";
import { decodeFields } from "../base/layout.ts";
import type { TraceRecorder } from "../engine/common/trace_recorder.ts";
import { encodeEvent } from "../engine/smmuv3/event_record.ts";
import { SmmuTraceRecorder } from "../engine/smmuv3/trace_recorder.ts";
import { End, type Translation } from "../engine/smmuv3/translation.ts";
import { Machine } from "../machine/machine.ts";
import type { Access, RecordedEvent } from "../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../protocol/trace.ts";
import type { Capture, CapturedMapping, CapturedMiss, CapturedTranslation } from "../scenario/capture.ts";
import type { Imported } from "../scenario/import_files.ts";
import { corrected } from "./quirks.ts";
import { type CaseResult, type FileReport, ReportBuilder } from "./report.ts";

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** The translation's outcome in words. */
function outcome(t: Translation): string {
  if (t.end === End.Ok) return hex(join(t.paHi, t.paLo));
  if (t.end === End.Unknown) return `unknown: the capture lacks the memory at ${hex(join(t.fetchHi, t.fetchLo))}`;
  const reason = REASONS[t.reason];
  return `none: ${reason?.text} (${reason?.section})`;
}

const accessText = (a: Access): string =>
  `${a.write ? "write" : "read"} ${hex(a.iova)} by stream ${hex(a.sid)}${a.ssid === null ? "" : ` substream ${hex(a.ssid)}`}`;

/** Whether an access goes to `pa` (any address for "any"), or does not translate (null); the difference otherwise. */
function differs(machine: Machine, access: Access, pa: bigint | "any" | null): string | null {
  const t = machine.translate(access, null);
  const got = t.end === End.Ok ? join(t.paHi, t.paLo) : null;
  const agrees = pa === null ? t.end !== End.Ok && t.end !== End.Unknown : got !== null && (pa === "any" || got === pa);
  if (agrees) return null;
  const expected = pa === null ? "no translation" : pa === "any" ? "a translation" : hex(pa);
  return `${accessText(access)}: expected ${expected}; got ${outcome(t)}`;
}

type Request = Pick<CapturedTranslation, "rid" | "pasid" | "iova">;

const accessOf = (r: Request, write: boolean): Access => ({
  sid: r.rid,
  ssid: r.pasid,
  iova: r.iova,
  write,
  privileged: false,
  instruction: false,
});

const resultOf = (differences: readonly (string | null)[]): CaseResult => {
  const difference = differences.find((d) => d !== null);
  return difference === undefined || difference === null ? { type: "passed" } : { type: "failed", difference };
};

/** What the record says of reads and writes must hold for both. */
function translation(machine: Machine, r: CapturedTranslation): CaseResult {
  const reads = r.read ?? !r.write;
  return resultOf([
    differs(machine, accessOf(r, true), r.write ? r.pa : null),
    reads || r.read === false ? differs(machine, accessOf(r, false), reads ? r.pa : null) : null,
  ]);
}

/** A miss holds for the recorded direction, or for both; a page mapped read-only can be read. */
function miss(machine: Machine, r: CapturedMiss): CaseResult {
  return resultOf([
    r.write === true ? null : differs(machine, accessOf(r, false), null),
    r.write === false ? null : differs(machine, accessOf(r, true), null),
    r.mappedReadOnly ? differs(machine, accessOf(r, false), "any") : null,
  ]);
}

/** The address between the stages, from the trace's last record of an output. */
function ipaOf(machine: Machine, recorder: TraceRecorder, access: Access): bigint | null {
  recorder.begin(0);
  machine.translate(access, recorder);
  const trace = recorder.take();
  for (let i = trace.length / TRACE_WORDS - 1; i >= 0; i--) {
    if (TRACE.f.kind.get(trace, i * TRACE_WORDS) === TraceKind.Output) return traceAddress("input", trace, i);
  }
  return null;
}

function mapping(machine: Machine, recorder: TraceRecorder, m: CapturedMapping): string | null {
  const request = { rid: m.rid, pasid: null, iova: m.iova };
  const first = accessOf(request, m.prot !== "r");
  const last = { ...first, iova: m.iova + m.length - 1n };
  const difference = differs(machine, first, m.pa) ?? differs(machine, last, m.pa + m.length - 1n);
  if (difference !== null || m.ipa === undefined) return difference;
  const ipa = ipaOf(machine, recorder, first);
  if (ipa === m.ipa) return null;
  return `${accessText(first)}: expected IPA ${hex(m.ipa)}; got ${ipa === null ? "none" : hex(ipa)}`;
}

/** The transaction a fault record tells of, or null where its kind does not say. */
function accessOfRecord(words: Uint32Array): Access | null {
  const definition = eventByNumber(words[0]! & 0xff);
  const values = new Map(
    decodeFields(definition?.layout ?? EVENTS[0]!.layout, words).map((f) => [f.declaration.name, f.value]),
  );
  const input = values.get("InputAddr");
  const rnw = values.get("RnW");
  if (definition === undefined || input === undefined || rnw === undefined) return null;
  return {
    sid: Number(values.get("StreamID") ?? 0n),
    ssid: values.get("SSV") === 1n ? Number(values.get("SubstreamID") ?? 0n) : null,
    iova: input,
    write: rnw === 0n,
    privileged: values.get("PnU") === 1n,
    instruction: values.get("InD") === 1n,
  };
}

const wordsText = (words: Uint32Array): string =>
  `${eventByNumber(words[0]! & 0xff)?.name ?? "no event"} [${Array.from(words, (w) => w.toString(16).padStart(8, "0")).join(" ")}]`;

/** Departures of the recorder that single fields of its records show; see quirks.ts. */
const QUIRKS = [
  "quirk:ipa-low-bits",
  "quirk:fetch-fault-rnw",
  "quirk:tt-fault-stage-bit",
  "quirk:tt-ipa-is-table-base",
];

/** Replay a fault record's access and compare the record the model would write; undefined where it tells no access. */
function faultRecord(machine: Machine, { words }: RecordedEvent): string | null | undefined {
  const raw = new Uint8Array(BigUint64Array.from(words).buffer);
  const expected = corrected(QUIRKS, { record: raw, mask: new Uint8Array(raw.length).fill(0xff) });
  const recorded = new Uint32Array(expected.record.buffer);
  const access = accessOfRecord(recorded);
  if (access === null) return undefined;
  const t = machine.translate(access, null);
  if (t.end !== End.Fault) return `${accessText(access)}: recorded ${wordsText(recorded)}; got ${outcome(t)}`;
  const modelled = new Uint32Array(recorded.length);
  encodeEvent(t, modelled, 0);
  const mask = new Uint32Array(expected.mask.buffer);
  if (modelled.every((w, i) => ((w ^ recorded[i]!) & mask[i]!) === 0)) return null;
  return `${accessText(access)}: recorded ${wordsText(recorded)}; got ${wordsText(modelled)}`;
}

const caseName = (r: Request & { readonly source: string }): string =>
  `stream ${hex(r.rid)} iova ${hex(r.iova)} (${r.source})`;

/** Play a capture that was imported. */
export function playCapture({ scenario }: Imported, capture: Capture, name: string): FileReport {
  const machine = new Machine(scenario.machine);
  const recorder = new SmmuTraceRecorder();
  const report = new ReportBuilder(name);
  for (const r of capture.translations) report.add(caseName(r), translation(machine, r));
  for (const r of capture.unmapped) report.add(caseName(r), miss(machine, r));
  for (const m of capture.guestMappings) report.aside("guest mappings", mapping(machine, recorder, m));
  for (const r of capture.faultRecords) {
    const difference = faultRecord(machine, r);
    if (difference !== undefined) report.aside("fault records", difference);
  }
  return report.report();
}
