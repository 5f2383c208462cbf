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
    expect(session.summary().about).not.toContain("Put in");
    expect(session.registers().rows.find(({ name }) => name === "RTADDR")?.value).toBe(0x727000n);
  });

  it("has the registers of the unit that the tables belong to, where iommu_regset is beside them, §11.4", () => {
    const regset = (unit: string, rtaddr: bigint): string =>
      [
        `IOMMU: ${unit} Register Base Address: fed90000`,
        `CAP             \t0x08\t\t${hex(0x8d2078c106f0466n)}`,
        `ECAP            \t0x10\t\t${hex(0xf020dfn)}`,
        `GSTS            \t0x1c\t\t${hex(0xc7000000n)}`,
        `RTADDR          \t0x20\t\t${hex(rtaddr)}`,
        `MTRRCAP         \t0x100\t\t${hex(7n)}`,
      ].join("\n");
    const tables = (unit: string, root: string, context: string): string =>
      `IOMMU ${unit}: Root Table Address: ${root}\n${context}\t-1    \t${hex(0n)}:${hex(0n)}:${hex(0n)}`;
    const row = `00:02.0\t${hex(0n)}:${hex(0x760001n)}\t${hex(0x402n)}:${hex(0x766001n)}`;
    const rows = domain("0000:00:02.0", "0x766000", [[0x10n, 0n, 0x898003n, 0x899003n, 0x89a003n, 0x1951003n]]);
    const text = [regset("dmar0", 0x1000n), regset("dmar1", 0x727000n), tables("dmar1", "0x727000", row), rows];
    const session = open(text.join("\n"));
    expect(outcome(session, reads(0x10, 0x10000n))).toMatchObject({ type: "ok", pa: 0x1951000n });
    expect(session.summary().about).toBe("1 walk of printed tables. The registers are those of dmar1.");
    const value = (wanted: string) => session.registers().rows.find(({ name }) => name === wanted)?.value;
    expect([value("RTADDR"), value("CAP")]).toEqual([0x727000n, 0x8d2078c106f0466n]);
  });

  it("reads the tables of a device without PASID in scalable mode by its RID_PASID, §9.4", () => {
    const place = `${hex(0n)}:${hex(0x760001n)}\t${hex(0n)}:${hex(0x765001n)}`;
    const entry = `${hex(0n)}:${hex(7n)}:${hex(0x766089n)}`;
    const translation = `IOMMU dmar0: Root Table Address: 0x727000\n00:02.0\t${place}\t0     \t${entry}`;
    const rows = domain("0000:00:02.0", "0x766000", [[0x10n, 0n, 0x898003n, 0x899003n, 0x89a003n, 0x1951003n]]);
    const session = open(`${translation}\n${rows}`);
    expect(outcome(session, reads(0x10, 0x10008n))).toMatchObject({ type: "ok", pa: 0x1951008n });
    expect(session.summary().about).toContain("not printed: PASID directory entries.");
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

  it("makes a session that opens, or none, for any tables and registers that can be printed, seed 1", () => {
    const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const row = fc.tuple(fc.bigInt({ min: 0n, max: (1n << 45n) - 1n }), word, word, word, word, word);
    const table = fc.tuple(fc.constantFrom("", " with pasid 7"), fc.array(row, { minLength: 1, maxLength: 4 }));
    const values = fc.tuple(word, word, word, fc.constantFrom(0xc000_0000n, 0n));
    const structures = fc.array(word, { minLength: 7, maxLength: 7 }).map((words) => {
      const [rootHi, rootLo, hi, lo, v2, v1, v0] = words.map(hex);
      return `IOMMU dmar0: Root Table Address: 0x1000\n00:1f.7\t${rootHi}:${rootLo}\t${hi}:${lo}\t7     \t${v2}:${v1}:${v0}`;
    });
    fc.assert(
      fc.property(fc.array(table, { minLength: 1, maxLength: 3 }), values, structures, (all, registers, printed) => {
        const regset = ["CAP", "ECAP", "RTADDR", "GSTS"].map(
          (name, i) => `${name} 0x${[8, 0x10, 0x20, 0x1c][i]!.toString(16)} ${hex(registers[i]!)}`,
        );
        const rows = all.map(([pasid, cells]) => domain(`0000:00:1f.7${pasid}`, "0x1000", cells));
        const text = [...regset, printed, ...rows].join("\n");
        const document = sessionOfDump(decode(text).entries);
        if (document === null) return;
        const session = open(text);
        for (const { access } of document.recorded.accesses) {
          expect(["ok", "fault", "abort", "unknown"]).toContain(session.walk(access).outcome.type);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});
