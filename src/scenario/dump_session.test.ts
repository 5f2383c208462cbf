import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode } from "../decode/decode.ts";
import { Session } from "../machine/session.ts";
import { VTD } from "../machine/vtd/architecture.ts";
import type { Access } from "../protocol/machine.ts";
import { formatScenario, parseScenario } from "./document.ts";
import { sessionOfDump } from "./dump_session.ts";

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, "0")}`;

/** Rows of `domain_translation_struct`, cells from PML5E to PTE. */
const domain = (device: string, top: string, rows: readonly (readonly [pfn: bigint, ...cells: bigint[]])[]): string =>
  [
    `Device ${device} @${top}`,
    "IOVA_PFN         \tPML5E             \tPML4E             \tPDPE              \tPDE               \tPTE",
    ...rows.map(([pfn, ...cells]) => `${hex(pfn)} |\t${cells.map(hex).join("\t")}`),
  ].join("\n");

function open(text: string): Session {
  const document = sessionOfDump(decode(text).entries);
  if (document === null) throw new Error("no session");
  const back = parseScenario(formatScenario(document), "dump");
  if (!back.ok) throw new Error(back.error.detail);
  const opened = Session.open(back.value, VTD);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

const reads = (sid: number, iova: bigint, ssid: number | null = null): Access => ({
  sid,
  ssid,
  iova,
  write: false,
  privileged: false,
  instruction: false,
});

const outcome = (session: Session, access: Access): unknown => session.walk(access).outcome;

describe("A session from domain_translation_struct", () => {
  it("walks every row to where the file says, pages of 4 KiB and 2 MiB alike", () => {
    const session = open(
      domain("0000:00:02.0", "0x766000", [
        [0xffe40n, 0n, 0x898003n, 0x899003n, 0x89a003n, 0x1951003n],
        [0xffe41n, 0n, 0x898003n, 0x899003n, 0x89a003n, 0x1950003n],
        [0x80000n, 0n, 0x898003n, 0x8a0003n, 0x4000083n, 0n],
      ]),
    );
    expect(outcome(session, reads(0x10, 0xffe40123n))).toMatchObject({ type: "ok", pa: 0x1951123n });
    expect(outcome(session, reads(0x10, 0xffe41000n))).toMatchObject({ type: "ok", pa: 0x1950000n });
    expect(outcome(session, reads(0x10, 0x80012345n))).toMatchObject({ type: "ok", pa: 0x4012345n });
    expect(session.summary().about).toContain("Put in, because they were not printed: root entries, context entries.");
  });

  it("has the context entry that was printed beside it", () => {
    const translation = [
      "IOMMU dmar0: Root Table Address: 0x727000",
      "B.D.F\tRoot_entry\t\t\t\tContext_entry\t\t\t\tPASID\tPASID_table_entry",
      "00:02.0\t0x0000000000000000:0x0000000000760001\t0x0000000000000402:0x0000000000766001\t-1    \t0x0000000000000000:0x0000000000000000:0x0000000000000000",
    ].join("\n");
    const rows = domain("0000:00:02.0", "0x766000", [[0x10n, 0n, 0x898003n, 0x899003n, 0x89a003n, 0x1951003n]]);
    const session = open(`${translation}\n${rows}`);
    expect(outcome(session, reads(0x10, 0x10000n))).toMatchObject({ type: "ok" });
    expect(session.summary().about).toContain("not printed: root entries.");
  });

  it("reads first-stage tables of a PASID by a PASID entry that it puts in", () => {
    const rows = domain("0000:00:02.0 with pasid 5", "0x766000", [
      [0x10n, 0n, 0x898027n, 0x899027n, 0x89a027n, 0x1951067n],
    ]);
    const session = open(rows);
    expect(outcome(session, reads(0x10, 0x10008n, 5))).toMatchObject({ type: "ok", pa: 0x1951008n });
  });

  it("knows nothing of memory that was not printed", () => {
    const session = open(
      domain("0000:00:02.0", "0x766000", [[0x10n, 0n, 0x898003n, 0x899003n, 0x89a003n, 0x1951003n]]),
    );
    expect(outcome(session, reads(0x10, 0x20_0000n))).toMatchObject({ type: "unknown" });
  });
});

describe("A session from the dump that goes with a fault", () => {
  const dump = (last: string): string =>
    [
      "DMAR: DRHD: handling fault status reg 3",
      "DMAR: [DMA Read NO_PASID] Request device [00:0d.2] fault addr 0x1026a4000 [fault reason 0x51] SM: Present bit in Directory Entry is clear",
      "DMAR: Dump dmar1 table entries for IOVA 0x1026a4000",
      "DMAR: scalable mode root entry: hi 0x0000000102448001, low 0x0000000101b3e001",
      "DMAR: context entry: hi 0x0000000000000000, low 0x0000000101b4d401",
      `DMAR: pasid dir entry: ${last}`,
      ...Array.from({ length: 8 }, (_, i) => `DMAR: pasid table entry[${i}]: 0x000000000000000${i === 1 ? 1 : 0}`),
    ].join("\n");

  it("comes to the fault that hardware reported", () => {
    const session = open(dump("0x0000000101b4e000"));
    expect(outcome(session, reads(0x6a, 0x1026a4000n))).toMatchObject({ type: "fault", event: { number: 0x51 } });
    expect(session.summary().recorded.accesses).toBe(1);
  });
});

describe("Anything else", () => {
  it("makes no session", () => {
    expect(sessionOfDump(decode("arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:").entries)).toBeNull();
    expect(sessionOfDump(decode("Device 0000:00:02.0 @0x766000").entries)).toBeNull();
  });

  it("makes a session that opens, or none, for any tables that can be printed, seed 1", () => {
    const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const row = fc.tuple(fc.bigInt({ min: 0n, max: (1n << 45n) - 1n }), word, word, word, word, word);
    const table = fc.tuple(fc.constantFrom("", " with pasid 7"), fc.array(row, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(table, { minLength: 1, maxLength: 3 }), (all) => {
        const text = all.map(([pasid, rows]) => domain(`0000:00:1f.7${pasid}`, "0x1000", rows)).join("\n");
        const document = sessionOfDump(decode(text).entries);
        if (document === null) return;
        const session = open(text);
        for (const { access } of document.recorded.accesses) {
          expect(["ok", "fault", "unknown"]).toContain(session.walk(access).outcome.type);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});
