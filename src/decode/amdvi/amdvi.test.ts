import { describe, expect, it } from "vitest";
import { decode } from "../decode.ts";
import { describeEntry } from "../describe.ts";

const entries = (text: string) => decode(text).entries as readonly Record<string, unknown>[];
const only = (text: string) => {
  const all = entries(text);
  expect(all).toHaveLength(1);
  return all[0]!;
};

describe("an event that Linux logged", () => {
  it("says nothing of the direction of a translation request, 48882 §2.5.3", () => {
    expect(
      only("AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:01:00.0 domain=0x0012 address=0x1000 flags=0x0170]"),
    ).toMatchObject({ request: "translation", access: null, cause: "permission", segment: "0000" });
  });

  it("leaves the device out of a record about a command, 48882 §2.5.6", () => {
    const e = only("AMD-Vi: Event logged [ILLEGAL_COMMAND_ERROR address=0x7f80010]");
    expect(e).toMatchObject({ code: "0x5", address: "0x7f80010" });
    expect("device" in e).toBe(false);
  });

  const wordsOf = (line: string): readonly number[] | null => {
    const [entry] = decode(line).entries;
    const { structure } = describeEntry(entry!);
    return structure === null ? null : [...structure.words];
  };

  it("is put together again where the line says all of it, 48882 §2.5.3", () => {
    expect(
      wordsOf("AMD-Vi: Event logged [IO_PAGE_FAULT device=0c:00.1 domain=0x17 address=0x1c5f3f200 flags=0x0050]"),
    ).toEqual([0x0c01, 0x2050_0017, 0xc5f3_f200, 0x1]);
    const illegal =
      "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=00:02.0 pasid=0x51234 address=0x80 flags=0x00a0]";
    expect(wordsOf(illegal)).toEqual([0x5_0010, 0x10a0_1234, 0x80, 0]);
  });

  it("is left in words where something of it is not printed", () => {
    for (const told of ["device=00:02.0 domain=0x1 address=0x80", "domain=0x1 address=0x80 flags=0x0020"]) {
      expect(wordsOf(`AMD-Vi: Event logged [IO_PAGE_FAULT ${told}]`)).toBeNull();
    }
    expect(wordsOf("AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=06:00.0 address=0x1001e4600]")).toBeNull();
  });

  it("keeps a name it does not know", () => {
    expect(only("AMD-Vi: Event logged [UNKNOWN event[0]=0x00000001 event[1]=0x0]")).toMatchObject({
      event: "UNKNOWN",
      code: null,
    });
  });

  it("that is cut off does not take the next one's words", () => {
    const text = `nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=
nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0001 address=0x2000 flags=0x0000]`;
    expect(entries(text).map((e) => [e.address, e.incomplete ?? false])).toEqual([
      [null, true],
      ["0x2000", false],
    ]);
  });
});
