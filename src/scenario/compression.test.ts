import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deflateRaw, inflate } from "./compression.ts";

describe("inflate", { timeout: 30_000 }, () => {
  it("gives back what was deflated, seed 1", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20_000, size: "max" }), async (bytes) => {
        expect(await inflate(await deflateRaw(bytes), "deflate-raw", 20_000)).toEqual({ type: "done", bytes });
      }),
      { seed: 1, numRuns: 30 },
    );
  });

  it("stops at the cap: 64 MiB of zeros never come out of 64 KiB", async () => {
    const packed = await deflateRaw(new Uint8Array(64 << 20));
    expect(packed.length).toBeLessThan(70_000);
    const out = await inflate(packed, "deflate-raw", 1 << 20);
    expect(out.type).toBe("too big");
    expect(out.type === "too big" && out.produced).toBeLessThan(8 << 20);
  });

  it("fills the cap exactly", async () => {
    const packed = await deflateRaw(new Uint8Array(1000));
    expect((await inflate(packed, "deflate-raw", 1000)).type).toBe("done");
    expect((await inflate(packed, "deflate-raw", 999)).type).toBe("too big");
  });

  it("says when data was cut short, at every length", async () => {
    const packed = await deflateRaw(new TextEncoder().encode("nested translation, stage 1 under stage 2"));
    for (let n = 0; n < packed.length; n++) {
      expect((await inflate(packed.subarray(0, n), "deflate-raw", 1000)).type).toBe("damaged");
    }
  });

  it("ends for any bytes, seed 2", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom("gzip", "deflate-raw"),
        async (bytes, format) => {
          const out = await inflate(bytes, format as "gzip", 1 << 20);
          expect(["done", "damaged", "too big"]).toContain(out.type);
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });

  it("stops when its caller says so", async () => {
    const packed = await deflateRaw(crypto.getRandomValues(new Uint8Array(60_000)));
    let calls = 0;
    const out = await inflate(packed, "deflate-raw", 1 << 20, async () => ++calls === 2);
    expect(out.type).toBe("cancelled");
    expect(calls).toBe(2);
  });
});
