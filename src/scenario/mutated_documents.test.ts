import { describe, expect, it } from "vitest";
import { xorshift32 } from "../base/rng.ts";
import { mutated } from "../base/testing/mutations.ts";
import { formatScenario, parseScenario } from "./document.ts";
import { LIBRARY } from "./library/library.ts";
import { decodeFragment, encodeFragment } from "./url_codec.ts";

const TEXTS = LIBRARY.map(({ document }) => formatScenario(document()));
const RUNS = Number(process.env.NESTWALK_RUNS ?? 1000);

/** A value of some JSON text in place of another. */
function grafted(json: unknown, strange: unknown, next: () => number): unknown {
  if (next() % 12 === 0 || typeof json !== "object" || json === null) return strange;
  if (Array.isArray(json)) {
    const at = next() % (json.length + 1);
    return json.map((value, i) => (i === at ? grafted(value, strange, next) : value));
  }
  const keys = Object.keys(json);
  const chosen = keys[next() % (keys.length + 1)];
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key, key === chosen ? grafted(value, strange, next) : value]),
  );
}

const STRANGE = [null, -1, 0.5, 2 ** 60, "", "0x", "-0x1", "0xffffffffffffffffffff", [], {}, [[]], true, "guest map"];

/**
 * What is read can be written, and that says the same when it is read again. What is not read is explained.
 * @returns whether it was read
 */
function check(text: string): boolean {
  const read = parseScenario(text, "spoilt");
  if (read.ok) {
    const written = formatScenario(read.value);
    const again = parseScenario(written, "again");
    expect(again.ok && formatScenario(again.value)).toBe(written);
  } else {
    expect([read.error.title, read.error.place, read.error.detail].every((part) => part !== "")).toBe(true);
  }
  return read.ok;
}

describe("a document that was spoilt", () => {
  it.each([1, 128383])(
    `is read or refused with a message, ${RUNS} times from seed %i`,
    { timeout: 600_000 },
    (seed) => {
      const next = xorshift32(seed);
      let count = 0;
      for (let run = 0; run < RUNS; run++) {
        const [text, other] = [TEXTS[next() % TEXTS.length]!, TEXTS[next() % TEXTS.length]!];
        const strange = STRANGE[next() % STRANGE.length];
        const spoilt =
          next() % 2 === 0 ? mutated(text, other, next) : JSON.stringify(grafted(JSON.parse(text), strange, next));
        try {
          if (check(spoilt)) count++;
        } catch (e) {
          throw new Error(`run ${run}: ${spoilt.slice(0, 4000)}`, { cause: e });
        }
      }
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(RUNS);
    },
  );

  it("is refused as a link as well, seed 5", async () => {
    const next = xorshift32(5);
    const link = await encodeFragment(LIBRARY[0]!.document());
    const details: string[] = [];
    for (let run = 0; run < 300; run++) {
      const read = await decodeFragment(mutated(link, link, next));
      if (!read.ok) details.push(read.error.detail);
    }
    expect(details.length).toBeGreaterThan(200);
    expect(details).not.toContain("");
  });
});
