import { describe, expect, it } from "vitest";
import { eventByCode } from "../../arch/amdvi/events.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { decode } from "../../decode/decode.ts";
import { eventLine, readEvent } from "./event_log.ts";

const record = (code: number, fields: FieldNumbers): Uint32Array =>
  encodeFields(eventByCode(code)!.layout, { EventCode: code, ...fields });

describe("What Linux logs of an event", () => {
  it("names domain, address and flags of a page fault, and the device in front", () => {
    const words = record(2, { DeviceID: 0x2103, DomainID_PASID: 0xd, PR: 1, RW: 1, PE: 1, Address: 0x12_3450 });
    expect(eventLine(words)).toBe(
      "pci 0000:21:00.3: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000d address=0x123450 flags=0x0070]",
    );
    expect(readEvent(words)).toEqual({ sid: 0x2103, pasid: null, address: 0x12_3450n });
  });

  it("has the whole PASID of a guest address", () => {
    const words = record(2, { DeviceID: 8, GN: 1, DomainID_PASID: 0x2345, PASID_19_16: 1, Address: 0x1000 });
    expect([eventLine(words), readEvent(words).pasid]).toEqual([expect.stringContaining("domain=0x12345 "), 0x1_2345]);
  });

  it("is the words of a record that Linux does not know", () => {
    expect(eventLine(Uint32Array.of(1, 0xf000_0000, 3, 4))).toContain(
      "UNKNOWN event[0]=0x00000001 event[1]=0xf0000000",
    );
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("is read back by the decoder: code %i", (code) => {
    const { layout } = eventByCode(code)!;
    const given = { DeviceID: 0x2103, Address: 0x5000, PPRtag: 7 };
    const own = Object.entries(given).filter(([name]) => layout.fields.some((field) => field.name === name));
    const { entries } = decode(eventLine(record(code, Object.fromEntries(own))));
    const events = entries.filter(({ type }) => type === "amd-event");
    expect(events).toMatchObject([{ code: `0x${code.toString(16)}` }]);
  });
});
