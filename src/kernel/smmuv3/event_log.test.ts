import { describe, expect, it } from "vitest";
import { EVENTS, eventByName } from "../../arch/smmuv3/events.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { decode } from "../../decode/decode.ts";
import { eventLines } from "./event_log.ts";

const SMMU = "arm-smmu-v3 arm-smmu-v3.0.auto: ";

const record = (name: string, fields: FieldNumbers): Uint32Array => {
  const { layout, number } = eventByName(name)!;
  return encodeFields(layout, { EventNumber: number, StreamID: 0x2100, ...fields });
};

describe("What Linux logs of an event", () => {
  it("is the record's words, who did it, and how", () => {
    const words = record("F_PERMISSION", {
      SSV: 1,
      SubstreamID: 5,
      InputAddr: 0x1234_5000,
      S2: 1,
      CLASS: 1,
      IPA: 0x8000,
    });
    expect(eventLines(words, "0000:21:00.0").map((line) => line.replace(SMMU, ""))).toEqual([
      "event 0x13 received:",
      "\t0x0000210000005813",
      "\t0x0000018000000000",
      "\t0x0000000012345000",
      "\t0x0000000000008000",
      "event: F_PERMISSION client: 0000:21:00.0 sid: 0x2100 ssid: 0x5 iova: 0x12345000 ipa: 0x8000",
      'unpriv data write s2 "Stage 1 translation table fetch" ttd_write stag: 0x0',
    ]);
  });

  it("names the address of a fetch that failed, and no address of other events", () => {
    expect(eventLines(record("F_CD_FETCH", { FetchAddr: 0xa0_0040 }), null).at(-1)).toBe(
      `${SMMU}event: F_CD_FETCH client: (unassigned sid) sid: 0x2100 ssid: 0x0 fetch_addr: 0xa00040`,
    );
    expect(eventLines(record("C_BAD_STE", {}), null).at(-1)).toBe(
      `${SMMU}event: C_BAD_STE client: (unassigned sid) sid: 0x2100 ssid: 0x0`,
    );
  });

  it.each(EVENTS.filter(({ layout }) => layout.fields.some(({ name }) => name === "StreamID")).map(({ name }) => name))(
    "is read back by the decoder as one event: %s",
    (name) => {
      const words = record(name, {});
      const { entries } = decode(eventLines(words, "0000:21:00.0").join("\n"));
      const events = entries.filter((entry) => entry.type === "smmuv3-event");
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({ event: `0x${words[0]!.toString(16).padStart(2, "0")}`, sid: "0x2100" });
    },
  );
});
