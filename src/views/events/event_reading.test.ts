import { describe, expect, it } from "vitest";
import { readFilter } from "../../app/filter/filter.ts";
import { ARCHITECTURES } from "../../arch/architectures.ts";
import { high, low } from "../../base/halves.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import { eventFields } from "./event_fields.ts";
import { differingFields, eventAccess, eventField, eventHex, eventNotes, eventWords } from "./event_reading.ts";

const FACTS = ARCHITECTURES.smmuv3;

const event = (number: number, name: string, words: readonly bigint[]): EventRecord => ({
  number,
  name,
  words: Uint32Array.from(words.flatMap((w) => [low(w), high(w)])),
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
  it("F_TRANSLATION gives its fields, addresses in place (IHI 0070 §7.3.13)", () => {
    expect(eventField(FACTS, TABLE_FAULT, "StreamID")).toBe(0x10n);
    expect(eventField(FACTS, TABLE_FAULT, "IPA")).toBe(0xc0808000n);
    expect(eventField(FACTS, TABLE_FAULT, "FetchAddr")).toBeNull();
    expect(eventNotes(FACTS, TABLE_FAULT).map((f) => f.declaration.name)).toEqual(["PnU", "S2", "CLASS", "IPA"]);
  });

  it("leads to the access it tells of, or to its stream", () => {
    const access = { sid: 0x10, ssid: 5, iova: 0x11f80n, write: true, privileged: true, instruction: false };
    expect(eventAccess({ ...TABLE_FAULT, access })).toEqual({ access, known: true });
    expect(eventAccess({ ...BAD_STE, sid: 0x20 })).toMatchObject({ access: { sid: 0x20, iova: 0n }, known: false });
    expect(eventAccess(BAD_STE)).toBeNull();
  });

  it("is filtered by name, stream, address and every field of its record", () => {
    const access = { sid: 0x10, ssid: 5, iova: 0x11f80n, write: true, privileged: true, instruction: false };
    const events = [
      { ...TABLE_FAULT, sid: 0x10, access },
      { ...BAD_STE, sid: 0x20 },
    ];
    const rows = events.map((e, i) => ({ number: i + 1, event: e }));
    const pass = (text: string): number[] | string => {
      const filter = readFilter(text, eventFields(FACTS, events));
      return filter.ok ? rows.filter(filter.test).map((r) => r.number) : filter.why;
    };
    expect(pass("event=F_TRANSLATION sid=0x10 iova>=0x1000")).toEqual([1]);
    expect(pass("s2=1 access=write ssid=5")).toEqual([1]);
    expect(pass("ipa=0xc0808000")).toEqual([1]);
    expect(pass("no>1")).toEqual([2]);
    expect(pass("-s2=1")).toEqual([2]);
    expect(pass("fetchaddr=0")).toBe("There is no field fetchaddr.");
  });

  it("copies as four words of 16 digits", () => {
    expect(eventHex(BAD_STE).split("\n")).toEqual(["0x0000002000000004", ...Array(3).fill("0x0000000000000000")]);
    expect(eventWords(TABLE_FAULT)[3]).toBe(0xc0808000n);
  });

  it("differs from another of its number by fields", () => {
    const other = event(0x10, "F_TRANSLATION", eventWords(TABLE_FAULT).with(1, 0x0000_0102_0000_0000n));
    expect(differingFields(FACTS, TABLE_FAULT, other)?.map(([f]) => f.declaration.name)).toEqual(["S2"]);
    expect(differingFields(FACTS, TABLE_FAULT, TABLE_FAULT)).toEqual([]);
    expect(differingFields(FACTS, TABLE_FAULT, BAD_STE)).toBeNull();
  });

  it("of a reserved number has no facts and does not throw", () => {
    const reserved = event(0x3f, "0x3f", [0x3fn, 1n, 2n, 3n]);
    expect(eventField(FACTS, reserved, "StreamID")).toBeNull();
    expect(eventAccess(reserved)).toBeNull();
  });
});
