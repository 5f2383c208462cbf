import { describe, expect, it } from "vitest";
import { EVENTS } from "../../arch/smmuv3/events.ts";
import { decode } from "../decode.ts";
import type { DecodedEntry } from "../entry.ts";
import { knownWord } from "../words.ts";
import { smmuv3Advice } from "./advice.ts";
import { decodeEventRecord } from "./event.ts";
import { EVENT_ADVICE } from "./event_advice.ts";
import { CERROR_ADVICE, OTHER_ADVICE } from "./queue_advice.ts";

const entry = (first: bigint, second = 0n): DecodedEntry => ({
  type: "smmuv3-event",
  ...decodeEventRecord([knownWord(first), knownWord(second), knownWord(0n), knownWord(0n)]),
  lines: [1, 5],
  summary: "",
});

/** Every sentence in a piece of advice. */
const sentences = (value: unknown): string[] => {
  if (typeof value === "string") return value.startsWith("IHI 0070") ? [] : [value];
  if (Array.isArray(value)) return value.flatMap(sentences);
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(sentences) : [];
};

describe("advice", () => {
  it("exists for every event number", () => {
    expect(EVENTS.filter((e) => EVENT_ADVICE[e.name] === undefined).map((e) => e.name)).toEqual([]);
  });

  it("speaks in sentences of at most 20 words, without exclamation marks", () => {
    const all = sentences([EVENT_ADVICE, CERROR_ADVICE, OTHER_ADVICE]);
    expect(all.filter((t) => t.split(/\s+/).length > 20)).toEqual([]);
    expect(all.filter((t) => !/^[A-Z{0-9].*[.?]$/.test(t) || t.includes("!"))).toEqual([]);
  });

  it("names a section for every statement", () => {
    for (const a of Object.values(EVENT_ADVICE)) {
      for (const s of [...a.cause, ...a.checks, ...(a.notThis ?? [])]) expect(s.section).toMatch(/^IHI 0070 §\d/);
    }
  });

  it("says of 0x07 that it is not C_BAD_STREAMID and points to ATSCHK and EATS, §7.3.8", () => {
    const a = smmuv3Advice(entry(0x0000_0100_0000_0007n))!;
    expect(a.consequence).toBe("The device of stream 0x100 sent a translated request that its stream may not send.");
    expect(a.notThis.some((s) => s.text.includes("C_BAD_STREAMID is 0x02"))).toBe(true);
    expect(a.checks.some((s) => s.text.includes("EATS"))).toBe(true);
    expect(a.checks.some((s) => s.text.includes("ATSCHK"))).toBe(true);
    expect(a.checks.at(-1)?.text).toContain("01:00.0");
  });

  it("depends on the stage, the class and a stall", () => {
    const s1 = smmuv3Advice(entry(0x10n, 0x0000_0200_0000_0000n))!.cause.map((s) => s.text);
    const table = smmuv3Advice(entry(0x10n, 0x0000_0180_8000_0005n))!.cause.map((s) => s.text);
    expect(s1.some((t) => t.startsWith("Stage 1 failed"))).toBe(true);
    expect(table.some((t) => t.includes("own tables lie at an IPA"))).toBe(true);
    expect(table.some((t) => t.includes("STAG 0x5"))).toBe(true);
  });

  it("exists for reserved and implementation defined numbers, and for queue errors", () => {
    expect(smmuv3Advice(entry(0x30n))?.consequence).toContain("0x30");
    expect(smmuv3Advice(entry(0xe5n))?.consequence).toContain("implementation");
    const [cmdq] = decode("CMDQ error (cons 0x03000010): ATC invalidate timeout").entries;
    expect(smmuv3Advice(cmdq!)?.consequence).toContain("did not answer");
  });
});

describe("the device of a stream", () => {
  it("is named for a StreamID of 16 bits only, as wider ones need not hold a requester ID", () => {
    const last = (sid: bigint) => smmuv3Advice(entry((sid << 32n) | 0x10n))!.checks.at(-1)?.text;
    expect(last(0xfeffn)).toContain("fe:1f.7");
    expect(last(0x20600n)).not.toContain("requester");
  });
});
