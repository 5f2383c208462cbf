import { describe, expect, it } from "vitest";
import { bytesText, exactBytesText } from "./bytes_text.ts";

describe("Amounts of memory", () => {
  it("are rounded to four figures at most, whole up to the largest unit", () => {
    const told = [0, 1023, 0x1000n, 0x1_2000n, 0x1080_0000n, 16.5 * 2 ** 20, 1n << 62n].map(bytesText);
    expect(told).toEqual(["0 B", "1023 B", "4 KiB", "72 KiB", "264 MiB", "16.5 MiB", "4 EiB"]);
  });

  it("are told without rounding in the largest unit that divides them", () => {
    const told = [0, 4, 4096, 1028 * 1024, 2 ** 21, 5000, 2 ** 62].map(exactBytesText);
    expect(told).toEqual(["0 B", "4 B", "4 KiB", "1028 KiB", "2 MiB", "5000 B", "4 EiB"]);
  });
});
