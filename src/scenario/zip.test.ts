import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isZip } from "./magic.ts";
import { crc32, readZip, unzip } from "./zip.ts";

/** Written by another program: cap/note.txt stored, the folder cap/, cap/zeros.bin deflated, an archive comment. */
const ARCHIVE = Uint8Array.from(
  Buffer.from(
    "UEsDBBQAAAAAAAAAIVC1Aa8PCwAAAAsAAAAMAAAAY2FwL25vdGUudHh0c3RvcmVkIHRleHRQSwMEFAAAAAAAAAAhUAAAAAAAAAAAAAAAAAQAAABj" +
      "YXAvUEsDBBQAAAAIAAAAIVApdZhzDgAAAOsDAAANAAAAY2FwL3plcm9zLmJpbmNgGAWjYBQMd5CalwIAUEsBAhQDFAAAAAAAAAAhULUBrw8LAAAA" +
      "CwAAAAwAAAAAAAAAAAAAAIABAAAAAGNhcC9ub3RlLnR4dFBLAQIUAxQAAAAAAAAAIVAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAACAATUAAABjYXAv" +
      "UEsBAhQDFAAAAAgAAAAhUCl1mHMOAAAA6wMAAA0AAAAAAAAAAAAAAIABVwAAAGNhcC96ZXJvcy5iaW5QSwUGAAAAAAMAAwCnAAAAkAAAAA4AbWFk" +
      "ZSBlbHNld2hlcmU=",
    "base64",
  ),
);

const CENTRAL = 0x90;
const END = ARCHIVE.length - 22 - "made elsewhere".length;

/** The archive with the byte at an offset changed. */
const patched = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = ARCHIVE.slice();
  copy.set(bytes, at);
  return copy;
};

const entriesOf = (archive: Uint8Array) => {
  const r = readZip(archive, "a.zip");
  if (!r.ok) throw new Error(r.error.detail);
  return r.value;
};

const refused = async (archive: Uint8Array, which: number, cap = 4096) => {
  const r = await unzip(archive, entriesOf(archive)[which]!, "a.zip/file", cap);
  return r.ok ? "unpacked" : r.error.detail;
};

describe("zip archives", { timeout: 30_000 }, () => {
  it("are told by their first bytes", () => {
    expect(isZip(ARCHIVE)).toBe(true);
    expect(isZip(Uint8Array.of(0x50, 0x4b))).toBe(false);
    expect(isZip(new TextEncoder().encode('{"v":1}'))).toBe(false);
  });

  it("list their files without folders", () => {
    expect(entriesOf(ARCHIVE).map((e) => [e.name, e.size, e.method])).toEqual([
      ["cap/note.txt", 11, 0],
      ["cap/zeros.bin", 1003, 8],
    ]);
  });

  it("give stored and deflated files", async () => {
    const [note, zeros] = entriesOf(ARCHIVE);
    const text = await unzip(ARCHIVE, note!, "n", 11);
    expect(text.ok && new TextDecoder().decode(text.value)).toBe("stored text");
    const bytes = await unzip(ARCHIVE, zeros!, "z", 1003);
    expect(bytes).toEqual({
      ok: true,
      value: Uint8Array.from(Buffer.concat([Buffer.alloc(1000), Buffer.from("end")])),
    });
  });

  it("have the checksum of the format's own example", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });

  it("are refused when encrypted, compressed otherwise, damaged or too big, with the reason", async () => {
    expect(await refused(patched(CENTRAL + 8, 1), 0)).toContain("encrypted");
    expect(await refused(patched(CENTRAL + 10, 14), 0)).toContain("method 14");
    expect(await refused(ARCHIVE, 1, 1002)).toContain("1003 bytes; at most 1002");
    expect(await refused(patched(42, 0x53), 0)).toContain("CRC-32");
    expect(await refused(patched(0, 0), 0)).toContain("header is missing");
    expect(await refused(patched(CENTRAL + 24, 12), 0)).toContain("the directory says 12");
    expect(await refused(patched(0x57 + 30 + 13, 0xff, 0xff), 1)).toContain("damaged");
  });

  it("are refused as zip64, in parts, or cut short", () => {
    const detail = (archive: Uint8Array) => {
      const r = readZip(archive, "a.zip");
      return r.ok ? "listed" : r.error.detail;
    };
    expect(detail(patched(END + 10, 0xff, 0xff))).toContain("zip64");
    expect(detail(patched(CENTRAL + 24, 0xff, 0xff, 0xff, 0xff))).toContain("zip64");
    expect(detail(patched(END + 4, 1))).toContain("several parts");
    expect(detail(ARCHIVE.subarray(0, ARCHIVE.length - 20))).toContain("cut short");
    expect(detail(patched(END + 16, 0xff, 0xff))).toContain("directory ends");
    expect(detail(patched(CENTRAL, 0))).toContain("No entry");
  });

  it("never make the reader throw, seed 1", async () => {
    const changes = fc.array(fc.tuple(fc.nat({ max: ARCHIVE.length - 1 }), fc.nat({ max: 255 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat({ max: ARCHIVE.length }), async (bytes, cut) => {
        const archive = ARCHIVE.slice(0, cut % 7 === 0 ? cut : ARCHIVE.length);
        for (const [at, value] of bytes) if (at < archive.length) archive[at] = value;
        const listed = readZip(archive, "a.zip");
        if (!listed.ok) return;
        for (const entry of listed.value) {
          const r = await unzip(archive, entry, entry.name, 1 << 16);
          expect(r.ok || r.error.detail.length > 0).toBe(true);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
