import { describe, expect, it } from "vitest";
import type { EventRecord } from "../../protocol/engine.ts";
import { differingFields, eventAccess, eventFacts, eventHex, eventWords } from "./event_reading.ts";

const event = (number: number, name: string, words: readonly bigint[]): EventRecord => ({
  number,
  name,
  words: Uint32Array.from(words.flatMap((w) => [Number(w & 0xffffffffn), Number(w >> 32n)])),
  sid: null,
  access: null,
});

/** A stage-2 fault while a stage-1 table was read, of a write by a privileged substream. */
const TABLE_FAULT = event(0x10, "F_TRANSLATION", [
  0x0000_0010_0000_5810n,
  0x0000_0182_0000_0000n,
  0x0000_0000_0001_1f80n,
  0x0000_0000_c080_8000n,
]);
const BAD_STE = event(0x04, "C_BAD_STE", [0x0000_0020_0000_0004n, 0n, 0n, 0n]);

describe("an event record", () => {
  it("F_TRANSLATION gives the facts of a row (IHI 0070 §7.3.13)", () => {
    expect(eventFacts(TABLE_FAULT)).toEqual({
      sid: 0x10n,
      write: true,
      s2: true,
      phase: "TT",
      input: 0x11f80n,
      second: { space: "IPA", value: 0xc0808000n },
    });
  });

  it("gives the access that caused it", () => {
    expect(eventAccess(TABLE_FAULT)).toEqual({
      access: { sid: 0x10, ssid: 5, iova: 0x11f80n, write: true, privileged: true, instruction: false },
      known: true,
    });
  });

  it("C_BAD_STE holds no address, and says so (IHI 0070 §7.3.5)", () => {
    expect(eventFacts(BAD_STE)).toMatchObject({ sid: 0x20n, write: null, s2: null, phase: null, input: null });
    expect(eventAccess(BAD_STE)).toMatchObject({ access: { sid: 0x20, ssid: null }, known: false });
  });

  it("copies as four words of 16 digits", () => {
    expect(eventHex(BAD_STE).split("\n")).toEqual(["0x0000002000000004", ...Array(3).fill("0x0000000000000000")]);
    expect(eventWords(TABLE_FAULT)[3]).toBe(0xc0808000n);
  });

  it("differs from another of its number by fields", () => {
    const other = event(0x10, "F_TRANSLATION", eventWords(TABLE_FAULT).with(1, 0x0000_0102_0000_0000n));
    expect(differingFields(TABLE_FAULT, other)?.map(([f]) => f.declaration.name)).toEqual(["S2"]);
    expect(differingFields(TABLE_FAULT, TABLE_FAULT)).toEqual([]);
    expect(differingFields(TABLE_FAULT, BAD_STE)).toBeNull();
  });

  it("of a reserved number has no facts and does not throw", () => {
    const reserved = event(0x3f, "0x3f", [0x3fn, 1n, 2n, 3n]);
    expect(eventFacts(reserved)).toMatchObject({ sid: null, input: null });
    expect(eventAccess(reserved).known).toBe(false);
  });
});
