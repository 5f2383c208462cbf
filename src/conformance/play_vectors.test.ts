import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SMMUV3 } from "../machine/smmuv3/architecture.ts";
import { playVectors } from "./play_vectors.ts";
import { needs } from "./unplayed.ts";
import { readVectorCase } from "./vectors.ts";

interface RawCase {
  name: string;
  tags: string[];
  notes?: string;
  caps: Record<string, string>;
  steps: Record<string, unknown>[];
}

const load = (name: string, folder = "smmuv3"): { cases: RawCase[]; arch: string; ram: unknown } =>
  JSON.parse(readFileSync(new URL(`data/vectors/${folder}/${name}.json`, import.meta.url), "utf8"));

/** One good case, changed. */
const changed = (name: string, change: (c: RawCase) => unknown) => {
  const file = load(name);
  const c = file.cases.find((one) => !one.tags.includes("oracle-quirk"))!;
  change(c);
  return { report: playVectors({ ...file, cases: [c] }, name, SMMUV3), c };
};

const stepWith = (c: RawCase, key: string, which: (s: Record<string, unknown>) => boolean = () => true) =>
  c.steps.findIndex((s) => s[key] !== undefined && which(s));

const failure = (name: string, change: (c: RawCase) => void) => {
  const { report } = changed(name, change);
  expect(report).toMatchObject({ passed: 0, failures: [{}] });
  return report.failures[0]!.difference;
};

const went = (s: Record<string, unknown>) => (s.expect as { ok: boolean }).ok;
const dmaOf = (c: RawCase, i: number) => c.steps[i]!.dma as Record<string, unknown>;
const expectOf = (c: RawCase, i: number) => c.steps[i]!.expect as Record<string, unknown>;

describe("a vector case fails when one recorded answer is another", () => {
  it("physical address", () => {
    let at = -1;
    const difference = failure("nested-basic", (c) => {
      at = stepWith(c, "dma", went);
      expectOf(c, at).pa = "0x12345";
    });
    expect(difference).toMatch(
      new RegExp(
        `^step ${at}: read of 4 bytes at 0x[0-9a-f]+ by stream 0x[0-9a-f]+: expected physical address 0x12345; got 0x`,
      ),
    );
  });

  it("memory attributes", () => {
    const difference = failure("nested-basic", (c) => {
      expectOf(c, stepWith(c, "dma", went)).attrs = { mair: "0x08", sh: 3 };
    });
    expect(difference).toMatch(/expected type 0x8, shareability 3; got type 0x[0-9a-f]+, shareability [023]$/);
  });

  it("data of a read", () => {
    const difference = failure("nested-basic", (c) => {
      const at = stepWith(c, "dma", (s) => went(s) && (s.dma as { write: boolean }).write === false);
      dmaOf(c, at).data = "00112233";
    });
    expect(difference).toContain("expected data 00112233; got ");
  });

  it("a translation where there is none, with the reason", () => {
    const difference = failure("nested-faults", (c) => {
      c.steps[stepWith(c, "dma", (s) => !went(s))]!.expect = { ok: true, pa: "0x0" };
    });
    expect(difference).toMatch(/got none: .+ \((IHI 0070|DDI 0487) §/);
  });

  it("no translation where there is one", () => {
    const difference = failure("nested-basic", (c) => {
      c.steps[stepWith(c, "dma", went)]!.expect = { ok: false };
    });
    expect(difference).toContain("expected no translation; got 0x");
  });

  it("one bit of an event record, and the bit is named", () => {
    const difference = failure("nested-faults", (c) => {
      const i = stepWith(c, "events", (s) => (s.events as string[]).length > 0);
      const [record] = c.steps[i]!.events as string[];
      const bytes = Buffer.from(record!, "hex");
      bytes[13]! ^= 1;
      c.steps[i]!.events = [bytes.toString("hex")];
    });
    expect(difference).toContain("event 0: bits 104 differ: expected F_");
  });

  it("a missing and an additional event", () => {
    const none = failure("nested-faults", (c) => {
      c.steps[stepWith(c, "events", (s) => (s.events as string[]).length > 0)]!.events = [];
    });
    expect(none).toMatch(/events: expected none; got F_/);
    const more = failure("nested-basic", (c) => {
      c.steps[stepWith(c, "events", (s) => (s.events as string[]).length === 0)]!.events = ["00".repeat(32)];
    });
    expect(more).toContain("got none");
  });

  it("a register and memory", () => {
    const register = failure("nested-basic", (c) => {
      (c.steps[stepWith(c, "read")]!.read as string[])[2] = "0x1";
    });
    expect(register).toContain("CR0ACK: expected 0x1; got 0xd");
    const memory = failure("lengths", (c) => {
      c.steps.push({ peek: ["0x40000000", "01"] });
    });
    expect(memory).toBe(`step ${load("lengths").cases[0]!.steps.length}: memory at 0x40000000: expected 01; got 00`);
  });
});

describe("a case about stalls fails when", () => {
  /** The first case of stalls that was retried. */
  const stalls = (change: (c: RawCase) => void) => {
    const file = load("stall", "smmuv3-spec");
    const c = file.cases.find((one) =>
      one.steps.some((s) => (s.resolved as { ok?: boolean } | undefined)?.ok === true),
    )!;
    change(c);
    const report = playVectors({ ...file, cases: [c] }, "stall", SMMUV3);
    return report.failures[0]?.difference ?? null;
  };
  const resolved = (c: RawCase) => c.steps[stepWith(c, "resolved")]!.resolved as Record<string, unknown>;

  it("nothing is changed: it does not", () => {
    expect(stalls(() => {})).toBeNull();
  });

  it("the transaction is said not to stall", () => {
    const difference = stalls((c) => {
      delete expectOf(
        c,
        stepWith(c, "dma", (s) => (s.expect as { stalled?: boolean }).stalled === true),
      ).stalled;
    });
    expect(difference).toMatch(/expected no translation; got stall 0$/);
  });

  it("the answer is another", () => {
    expect(stalls((c) => Object.assign(resolved(c), { pa: "0x123" }))).toMatch(
      /stall 0: expected physical address 0x123; got/,
    );
    expect(stalls((c) => Object.assign(resolved(c), { ok: false, razwi: true }))).toMatch(
      /expected RAZ\/WI; got physical/,
    );
    expect(stalls((c) => Object.assign(resolved(c), { ok: false, stalled: true }))).toMatch(
      /expected another stall; got/,
    );
  });

  it("the tag is another stall's", () => {
    const difference = stalls((c) => {
      (c.steps[stepWith(c, "stag")]!.stag as unknown[])[1] = 7;
    });
    expect(difference).toContain("stall 7 has no tag");
  });
});

describe("what is masked is not compared", () => {
  it("in records and registers", () => {
    const { report } = changed("nested-faults", (c) => {
      for (const s of c.steps) {
        if (s.events !== undefined) s.mask = (s.events as string[]).map(() => "00".repeat(32));
        if (s.events !== undefined) s.events = (s.events as string[]).map(() => "ff".repeat(32));
        if (s.read !== undefined) s.mask = "0x0";
        if (s.read !== undefined) (s.read as string[])[2] = "0xffffffff";
      }
    });
    expect(report).toMatchObject({ passed: 1, failures: [] });
  });
});

describe("what the player does not know", () => {
  it.each([
    ["steps with something", (c: RawCase) => c.steps.push({ something: 1 })],
    ["steps with more", (c: RawCase) => Object.assign(dmaOf(c, stepWith(c, "dma")), { more: 1 })],
    ["steps with other", (c: RawCase) => Object.assign(expectOf(c, stepWith(c, "dma")), { other: 1 })],
  ])("%s", (reason, change) => {
    const { c } = changed("nested-basic", change);
    expect(needs(readVectorCase(c))).toBe(reason);
  });

  it("is counted apart by reason, and other architectures too", () => {
    const { report } = changed("nested-basic", (c) => c.steps.push({ something: 1 }));
    expect(report).toMatchObject({ passed: 0, failures: [], notPlayed: { "steps with something": 1 } });
    const file = { ...load("nested-basic"), arch: "vtd" };
    expect(playVectors(file, "f", null).notPlayed).toEqual({ "vtd is not modelled": file.cases.length });
  });
});

describe("cases tagged as departures", () => {
  it("are played and counted apart", () => {
    const { report } = changed("nested-basic", (c) => c.tags.push("impl-cache"));
    expect(report).toMatchObject({ passed: 0, failures: [], apart: [{ tag: "impl-cache", cases: 1, agree: 1 }] });
  });

  it("are compared with the specification's answer where the notes name it", () => {
    const { report } = changed("nested-basic", (c) => {
      const at = stepWith(c, "dma", went);
      c.notes = `[x] step ${at}: spec:pa oracle:none; [y] step ${at}: spec:F_ACCESS s2 class1 oracle:none`;
    });
    expect(report.asides).toMatchObject([{ checks: 2, agree: 1 }]);
    expect(report.asides[0]!.differences[0]).toContain("the notes say F_ACCESS s2 class1; got pa");
  });
});

describe("a malformed vector file", () => {
  it.each([
    [null, "the file is no object"],
    [{ arch: "smmuv3" }, "ram is no list"],
    [{ arch: "smmuv3", ram: [["0x0", "0x1000"]], cases: [{}] }, "caps is no object"],
    [{ arch: "smmuv3", ram: [], cases: [{ name: "a", caps: {}, steps: [{ mem: [["0x0"]] }] }] }, "step 0 is no text"],
    [
      { arch: "smmuv3", ram: [], cases: [{ name: "a", caps: {}, steps: [{ write: ["A", "0x0", "0x0", 2] }] }] },
      "step 0: width 2",
    ],
    [
      { arch: "smmuv3", ram: [], cases: [{ name: "a", caps: {}, steps: [{ peek: ["zz", ""] }] }] },
      "no hexadecimal number",
    ],
  ])("is one failure that says what is wrong: %j", (json, why) => {
    const report = playVectors(json, "f.json", SMMUV3);
    expect(report.passed).toBe(0);
    expect(report.failures).toHaveLength(1);
    expect(report.failures[0]!.difference).toContain(why);
  });
});
