import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SMMUV3 } from "../machine/smmuv3/architecture.ts";
import { playVectors } from "./play_vectors.ts";

type Raw = Record<string, unknown>;
interface RawCase {
  readonly name: string;
  readonly steps: Raw[];
}

const load = (name: "ats" | "pri"): { cases: RawCase[] } =>
  JSON.parse(readFileSync(new URL(`data/vectors/smmuv3-spec/${name}.json`, import.meta.url), "utf8"));

/** Play one case of a file, changed. */
function play(file: "ats" | "pri", name: string, change: (c: RawCase) => void): string | null {
  const all = load(file);
  const c = all.cases.find((one) => one.name === name)!;
  change(c);
  const report = playVectors({ ...all, cases: [c] }, file, SMMUV3);
  expect(report.passed + report.failures.length).toBe(1);
  return report.failures[0]?.difference ?? null;
}

const step = (c: RawCase, key: string, which: (s: Raw) => boolean = () => true): Raw =>
  c.steps.find((s) => s[key] !== undefined && which(s))!;
const ats = (s: Raw): unknown => (s.dma as Raw).ats;
const answer = (s: Raw): Raw => (s.expect as Raw).ats as Raw;
const request = (c: RawCase): Raw => step(c, "dma", (s) => ats(s) === "translation-request");

describe("an ATS case", () => {
  it("passes as it is, also where W may be 0 or 1", () => {
    expect(play("ats", "ats-eats1-s2-chk0", () => {})).toBeNull();
    expect(play("ats", "ats-perm-ap0-uxn1", () => {})).toBeNull();
  });

  it.each([
    ["the status", (s: Raw) => Object.assign(s.expect as Raw, { ats: "CA" }), "expected CA; got r 1 w 1 x 0"],
    ["a permission", (s: Raw) => Object.assign(answer(s), { w: 0 }), "expected r 1 w 0 x 0"],
    ["privilege", (s: Raw) => Object.assign(answer(s), { priv: 1 }), "priv 1 n 0 u 0 pa"],
    ["the address", (s: Raw) => Object.assign(answer(s), { pa: "0x1000" }), "pa 0x1000 size up to 0x1000; got"],
    ["a size that is too large", (s: Raw) => Object.assign(answer(s), { max_size: "0x800" }), "size up to 0x800"],
    [
      "no access",
      (s: Raw) => Object.assign(s.expect as Raw, { ats: { r: 0, w: 0, x: 0, priv: 0, n: 0, u: 0, size: "STU" } }),
      "size STU; got",
    ],
  ])("fails when %s is another", (_name, change, text) => {
    const difference = play("ats", "ats-eats1-s2-chk0", (c) => change(request(c)));
    expect(difference).toMatch(/^step \d+: translation-request for 0x[0-9a-f]+ by stream 0xc: /);
    expect(difference).toContain(text);
  });

  it("fails when a translated access went elsewhere, was refused, or was let through", () => {
    const translated = (c: RawCase): Raw => step(c, "dma", (s) => ats(s) === "translated");
    const elsewhere = play("ats", "ats-split-ok", (c) => Object.assign(translated(c).expect as Raw, { pa: "0x8" }));
    expect(elsewhere).toContain("expected 0x8; got 0x");
    const refused = play("ats", "ats-eats3-s2-chk1", (c) =>
      Object.assign(translated(c), { expect: { ok: true, pa: "0x0" } }),
    );
    expect(refused).toContain("got none");
    const passed = play("ats", "ats-split-ok", (c) => Object.assign(translated(c), { expect: { ok: false } }));
    expect(passed).toContain("expected none; got 0x");
  });
});

describe("a PRI case", () => {
  it("fails when a request was expected to be queued and is not, and the other way round", () => {
    const lost = play("pri", "pri-overflow-pps0-ppar1", (c) => {
      step(c, "pri", (s) => (s.expect as Raw).queued === false).expect = { queued: true };
    });
    expect(lost).toContain("page request of stream 0x7: expected queued; got no response");
    const kept = play("pri", "pri-record-0", (c) => {
      step(c, "pri").expect = { queued: false, response: null };
    });
    expect(kept).toContain("expected no response; got queued");
  });

  it("fails when an automatic response has another code or PASID", () => {
    const difference = play("pri", "pri-overflow-sid-range", (c) => {
      const refused = step(c, "pri", (s) => (s.expect as Raw).queued === false);
      (refused.expect as Raw).response = { pasid: "0x9", prg: 3, code: 0 };
    });
    expect(difference).toContain("expected group 3 code 0 PASID 0x9; got group 3 code 15 without PASID");
  });
});
