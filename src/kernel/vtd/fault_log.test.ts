import { describe, expect, it } from "vitest";
import { FRCD } from "../../arch/vtd/fault_record.ts";
import { encodeFields } from "../../base/encode.ts";
import { decode } from "../../decode/decode.ts";
import { faultLine, readFault, statusLine } from "./fault_log.ts";

const record = { F: 1, SID: 0x2103, FR: 0x71, FI: 0x12_3456_7000 };
const line = (fields: Readonly<Record<string, number>>): string =>
  faultLine(readFault(encodeFields(FRCD, { ...record, ...fields })));

describe("What Linux logs of a fault", () => {
  it("is who read or wrote where, with the PASID or without, and the reason's code", () => {
    expect(line({ T1: 1 })).toBe(
      "DMAR: [DMA Read NO_PASID] Request device [21:00.3] fault addr 0x1234567000 [fault reason 0x71]",
    );
    expect(line({ PP: 1, PV: 0x25 })).toBe(
      "DMAR: [DMA Write PASID 0x25] Request device [21:00.3] fault addr 0x1234567000 [fault reason 0x71]",
    );
  });

  it.each([{ T1: 1 }, { PP: 1, PV: 0x25 }])("is read back by the decoder: %o", (fields) => {
    const { entries } = decode([statusLine(2), line(fields)].join("\n"));
    expect(entries.map(({ type }) => type)).toContain("vtd-fault");
    expect(entries.find(({ type }) => type === "vtd-fault")).toMatchObject({
      requester: "21:00.3",
      addr: "0x1234567000",
    });
  });
});
