/**
 * Plays `iommu-capture/1` captures: every recorded translation must come out as recorded, and every unmapped address
 * must not translate. Guest mappings and fault records are compared besides, uncounted.
 */
import { Machine } from "../machine/machine.ts";
import type { Architecture, Reach } from "../machine/unit.ts";
import type { EventRecord } from "../protocol/engine.ts";
import type { Access, RecordedEvent } from "../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../protocol/trace.ts";
import type { Capture, CapturedMapping, CapturedMiss, CapturedTranslation } from "../scenario/capture.ts";
import type { Imported } from "../scenario/import_files.ts";
import { corrected, departuresOfCaptures } from "./record_quirks.ts";
import { type CaseResult, type FileReport, ReportBuilder } from "./report.ts";
import { hex, placeText } from "./text.ts";

/** What became of an access, in words. */
function reachText(reach: Reach): string {
  if (reach.end === "ok") return placeText(reach.pa);
  if (reach.end === "refused") return `none: ${reach.why}`;
  return `unknown: the capture lacks the memory at ${hex(reach.at)}`;
}

const accessText = (a: Access): string =>
  `${a.write ? "write" : "read"} ${hex(a.iova)} by stream ${hex(a.sid)}${a.ssid === null ? "" : ` substream ${hex(a.ssid)}`}`;

/** Whether an access goes to `pa` (any address for "any"), or does not translate (null); the difference otherwise. */
function differs(machine: Machine, access: Access, pa: bigint | "any" | null): string | null {
  const reach = machine.unit.reach(access);
  const agrees = pa === null ? reach.end === "refused" : reach.end === "ok" && (pa === "any" || reach.pa === pa);
  if (agrees) return null;
  const expected = pa === null ? "no translation" : pa === "any" ? "a translation" : hex(pa);
  return `${accessText(access)}: expected ${expected}; got ${reachText(reach)}`;
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
function ipaOf(machine: Machine, access: Access): bigint | null {
  const { trace } = machine.unit.inspect.walk(access, 0);
  for (let i = trace.length / TRACE_WORDS - 1; i >= 0; i--) {
    if (TRACE.f.kind.get(trace, i * TRACE_WORDS) === TraceKind.Output) return traceAddress("input", trace, i);
  }
  return null;
}

function mapping(machine: Machine, m: CapturedMapping): string | null {
  const request = { rid: m.rid, pasid: null, iova: m.iova };
  const first = accessOf(request, m.prot !== "r");
  const last = { ...first, iova: m.iova + m.length - 1n };
  const difference = differs(machine, first, m.pa) ?? differs(machine, last, m.pa + m.length - 1n);
  if (difference !== null || m.ipa === undefined) return difference;
  const ipa = ipaOf(machine, first);
  if (ipa === m.ipa) return null;
  return `${accessText(first)}: expected IPA ${hex(m.ipa)}; got ${ipa === null ? "none" : hex(ipa)}`;
}

/** Replay a fault record's access and compare the record the model would write; undefined where it tells no access. */
function faultRecord({ unit }: Machine, { words }: RecordedEvent): string | null | undefined {
  const raw = new Uint8Array(BigUint64Array.from(words).buffer);
  const [expected] = corrected(unit.arch, departuresOfCaptures(unit.arch), [
    { record: raw, mask: new Uint8Array(raw.length).fill(0xff) },
  ]);
  const recorded = unit.inspect.record(new Uint32Array(expected!.record.buffer));
  if (recorded.access === null) return undefined;
  const { outcome } = unit.inspect.walk(recorded.access, 0);
  const before = `${accessText(recorded.access)}: recorded ${eventText(recorded)}; got `;
  if (outcome.type !== "fault") return before + reachText(unit.reach(recorded.access));
  const mask = new Uint32Array(expected!.mask.buffer);
  const agrees = mask.every((bits, i) => ((outcome.event.words[i]! ^ recorded.words[i]!) & bits) === 0);
  return agrees ? null : before + eventText(outcome.event);
}

const eventText = ({ name, words }: EventRecord): string =>
  `${name} [${Array.from(words, (w) => w.toString(16).padStart(8, "0")).join(" ")}]`;

const caseName = (r: Request & { readonly source: string }): string =>
  `stream ${hex(r.rid)} iova ${hex(r.iova)} (${r.source})`;

/** Play a capture that was imported. @param architecture of its machine */
export function playCapture(
  { scenario }: Imported,
  capture: Capture,
  name: string,
  architecture: Architecture,
): FileReport {
  const machine = new Machine(scenario.machine, architecture.make);
  const report = new ReportBuilder(name);
  for (const r of capture.translations) report.add(caseName(r), translation(machine, r));
  for (const r of capture.unmapped) report.add(caseName(r), miss(machine, r));
  for (const m of capture.guestMappings) report.aside("guest mappings", mapping(machine, m));
  for (const r of capture.faultRecords) {
    const difference = faultRecord(machine, r);
    if (difference !== undefined) report.aside("fault records", difference);
  }
  return report.report();
}
