import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Access, SessionDocument } from "../../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../../../protocol/trace.ts";
import { importFiles } from "../../../scenario/import_files.ts";
import { Session } from "../../session.ts";
import { SMMUV3 } from "../architecture.ts";

const FOLDER = "public/captures/smmuv3-iommufd-nested/";
const access: Access = { sid: 0x10, ssid: null, iova: 0x10000n, write: false, privileged: false, instruction: false };
let document: SessionDocument;

beforeAll(async () => {
  const files = ["capture.json", "memory.bin"].map((name) => ({ name, bytes: readFileSync(FOLDER + name) }));
  const imported = await importFiles(files);
  if (!imported.ok) throw new Error(imported.error.detail);
  document = imported.value.scenario;
});

/** The session with bits flipped: physical address of a 64-bit word, bit number. */
function edited(...bits: readonly (readonly [bigint, number])[]): Session {
  const opened = Session.open({ ...document, actions: bits.map(([at, bit]) => ({ do: "toggle", at, bit })) }, SMMUV3);
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
}

const lines = (session: Session, a: Access, state: string): string[] =>
  session
    .walk(a)
    .checks.filter((c) => c.state === state)
    .map((c) => c.text);

/** Physical address of the record of a walk that `wanted` picks by its kind and stage; the last such record. */
function placeOf(a: Access, wanted: (kind: number, stage: number) => boolean): bigint {
  const { trace } = edited().walk(a);
  const records = Array.from({ length: trace.length / TRACE_WORDS }, (_, i) => i);
  const found = records.findLast((i) =>
    wanted(TRACE.f.kind.get(trace, i * TRACE_WORDS), TRACE.f.stage.get(trace, i * TRACE_WORDS)),
  );
  return traceAddress("pa", trace, found!);
}

describe("What would fail too", () => {
  it("is nothing where nothing fails", () => {
    expect(lines(edited(), access, "would fail too")).toEqual([]);
  });

  it("names every further rule an STE breaks, §5.2.2", () => {
    const ste = placeOf(access, (kind) => kind === TraceKind.STE);
    // S2HA (bit 184) without HTTU, S2ENDI (bit 180) where only little-endian tables are offered.
    const session = edited([ste + 16n, 184 - 128], [ste + 16n, 180 - 128]);
    expect(lines(session, access, "failed")).toEqual(["S2HA or S2HD asks for updates that IDR0.HTTU does not offer."]);
    expect(lines(session, access, "would fail too")).toEqual([
      "S2ENDI selects an endianness that IDR0.TTENDIAN does not offer.",
    ]);
  });

  it("says that a leaf without its Access flag does not allow the write either, §D8", () => {
    const write = { ...access, write: true };
    const at = placeOf(write, (kind, stage) => kind === TraceKind.Descriptor && stage === 1);
    const session = edited([at, 10], [at, 7]);
    expect(lines(session, write, "failed")).toEqual(["The Access flag is 0."]);
    expect(lines(session, write, "would fail too")).toEqual(["The access is a write; stage 1 allows reads only."]);
    expect(lines(session, access, "would fail too")).toEqual([]);
  });
});
