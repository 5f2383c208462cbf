import { describe, expect, it } from "vitest";
import { decode } from "../decode.ts";

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
