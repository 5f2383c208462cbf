import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SessionDocument } from "../protocol/machine.ts";
import { encodeBase64Url } from "./base64url.ts";
import { deflateRaw } from "./compression.ts";
import { LIMITS } from "./limits.ts";
import { decodeFragment, encodeFragment } from "./url_codec.ts";

const CASE: SessionDocument = {
  title: "a case",
  about: "",
  machine: {
    arch: "smmuv3",
    registers: { CR0: 13n },
    memory: { outside: "unknown", zero: [], segments: [{ at: 0x40000000n, bytes: new Uint8Array(64).fill(0x5a) }] },
    devices: [],
  },
  actions: [],
  recorded: { accesses: [], events: [] },
};

const pack = async (text: string): Promise<string> =>
  `c=1.${encodeBase64Url(await deflateRaw(new TextEncoder().encode(text)))}`;

const refusal = async (fragment: string) => {
  const r = await decodeFragment(fragment);
  if (r.ok) throw new Error("the link opened");
  return r.error;
};

describe("a link", { timeout: 30_000 }, () => {
  it("with a foreign character is refused, and the character is named by position", async () => {
    const link = await encodeFragment(CASE);
    const damaged = `${link.slice(0, 20)}*${link.slice(21)}`;
    expect(await refusal(`#${damaged}`)).toMatchObject({
      title: "This link is damaged.",
      place: "link, character 21",
      detail: expect.stringContaining('"*"'),
    });
    expect((await refusal(`${link})`)).place).toBe(`link, character ${link.length + 1}`);
  });

  it("cut short at any character is refused", async () => {
    const link = await encodeFragment(CASE);
    for (let n = 0; n < link.length; n++) {
      const r = await decodeFragment(link.slice(0, n));
      expect(r.ok, `cut to ${n} of ${link.length}`).toBe(false);
    }
  });

  it("that would inflate past the cap is refused without inflating it", async () => {
    const bomb = `c=1.${encodeBase64Url(await deflateRaw(new Uint8Array(4 * LIMITS.linkBytes).fill(0x20)))}`;
    expect(await refusal(bomb)).toMatchObject({ title: "This link unpacks to too much.", place: "link, packed case" });
  });

  it("whose words would fill more memory than allowed is refused", async () => {
    const words = { "0x0": "0*999999999" };
    const link = await pack(JSON.stringify({ v: 1, machine: { arch: "smmuv3", registers: {}, memory: { words } } }));
    expect(await refusal(link)).toMatchObject({
      place: 'link, machine.memory.words["0x0"]',
      detail: expect.stringContaining(`beyond ${LIMITS.memoryBytes} bytes`),
    });
  });

  it("from a later version, of the packing or of the document, says so", async () => {
    expect(await refusal("#c=2.AAAA")).toMatchObject({
      title: "This link was made by a later version of Nestwalk.",
      place: "link, character 3",
    });
    expect(await refusal(await pack('{"v": 2}'))).toMatchObject({
      title: "This was made by a later version of Nestwalk.",
      place: "link, v",
    });
  });

  it("that unpacks to something else names where in it", async () => {
    expect(await refusal(await pack("not JSON"))).toMatchObject({ place: "link, line 1, column 1" });
    expect(await refusal(await pack('{"v":1,"machine":{"arch":"s390"}}'))).toMatchObject({
      place: "link, machine.arch",
    });
  });

  it.each(["", "#", "#c=", "#c=1", "#c=x.AAAA", "#c=0.AAAA", "#c=1.", "#c=1.A", "#d=1.AAAA", "#c=99999999999.A"])(
    "%j is refused",
    async (fragment) => {
      expect((await refusal(fragment)).place).toMatch(/^link/);
    },
  );

  it("longer than any link is refused at once", async () => {
    expect((await refusal(`c=1.${"A".repeat(LIMITS.linkCharacters)}`)).title).toBe("This link is too long.");
  });

  it("never makes the reader throw, seed 1", async () => {
    const link = await encodeFragment(CASE);
    const changed = fc
      .tuple(fc.nat({ max: link.length }), fc.string({ maxLength: 4 }), fc.nat({ max: 4 }))
      .map(([at, put, cut]) => link.slice(0, at) + put + link.slice(at + cut));
    const packed = fc.uint8Array({ maxLength: 200 }).map((bytes) => `#c=1.${encodeBase64Url(bytes)}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, packed, fc.string({ unit: "binary" })), async (fragment) => {
        const r = await decodeFragment(fragment);
        expect(r.ok || r.error.place.startsWith("link")).toBe(true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("length of a link", { timeout: 30_000 }, () => {
  it("is at most 1200 characters for a nested 4K walk: 24 descriptors, STE, CD, L1STD, scattered", async () => {
    // Every table in a page of its own, every entry at an index of its own: nothing repeats that need not.
    let state = 0x9e3779b97f4a7c15n;
    const next = (bits: bigint): bigint => {
      state ^= (state << 13n) & 0xffffffffffffffffn;
      state ^= state >> 7n;
      state ^= (state << 17n) & 0xffffffffffffffffn;
      return state >> (64n - bits);
    };
    const run = (...words: bigint[]) => new Uint8Array(BigUint64Array.from(words).buffer);
    const segments = Array.from({ length: 25 }, () => ({
      at: 0x40000000n + (next(18n) << 12n) + (next(9n) << 3n),
      bytes: run(((0x40000n + next(18n)) << 12n) | 0x7ffn),
    }));
    segments.push({
      at: 0x4156d000n,
      bytes: run(0x4080000fn, 0x800d4n, 0x44c359400000001n, 0x4156d000n, 0n, 0n, 0n, 0n),
    });
    segments.push({
      at: 0x48080000n,
      bytes: run(0x1e204c0003510n, 0x449eb000n, 0n, 0xfffffffff404ff44n, 0n, 0n, 0n, 0n),
    });
    const registers = {
      IDR0: 0xd44101bn,
      IDR1: 0x2730010n,
      IDR3: 0x1414n,
      IDR5: 0x74n,
      CR0: 13n,
      CR2: 6n,
      STRTAB_BASE: 0x4000000040bb3000n,
      STRTAB_BASE_CFG: 0x10210n,
    };
    const access = { sid: 16, ssid: null, iova: 0x140e08ffcn, write: true, privileged: false, instruction: false };
    const link = await encodeFragment({
      title: "Write 0x140e08ffc, stream 0x10 (0000:00:02.0), of smmuv3-iommufd-nested",
      about: "",
      machine: {
        arch: "smmuv3",
        registers,
        memory: { outside: "unknown", zero: [], segments },
        devices: [{ sid: 16, bdf: "0000:00:02.0", label: "0x1234:0x11e8" }],
      },
      actions: [{ do: "dma", ...access, length: 4 }],
      recorded: { accesses: [], events: [] },
      view: { access },
    });
    expect(link.length).toBeLessThanOrEqual(1200);
  });
});
