import { expect, test } from "@playwright/test";
import { formatScenario } from "../src/scenario/document.ts";
import { chooseFiles, openPage, outcome, translations } from "./workbench.ts";

/** Pages mapped: 200 entries of a level-2 table lead to the same level-3 table of 512 pages. */
const TABLES = 200;
const PAGES = TABLES * 512;

/** A session with one stream whose stage 1 maps {@link PAGES} pages. Bits by IHI 0070 §5.2 and §5.4, DDI 0487 §D8.3. */
function manyPages(): Buffer {
  const [ste, cd, level0, level1, level2, level3] = [0x1000n, 0x2000n, 0x3000n, 0x4000n, 0x5000n, 0x6000n] as const;
  const table = (at: bigint, entries: readonly bigint[]) => ({
    at,
    bytes: new Uint8Array(BigUint64Array.from(entries).buffer),
  });
  const pageOf = (i: number): bigint => (0x4000_0000n + BigInt(i) * 0x1000n) | 0x743n;
  // STE: V, Config 0b101 (stage 1), S1ContextPtr. CD: T0SZ 16, EPD1, V, IPS 48 bits, AA64, R, A, ASID 1; then TTB0.
  const steWords = [cd | (0b101n << 1n) | 1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
  const cdHead = 16n | (1n << 30n) | (1n << 31n) | (5n << 32n) | (1n << 41n) | (3n << 45n) | (1n << 48n);
  return Buffer.from(
    formatScenario({
      title: "many pages",
      about: "",
      machine: {
        arch: "smmuv3",
        registers: {
          IDR0: 0x0d44101bn,
          IDR1: 0x02730010n,
          IDR3: 0n,
          IDR5: 0x75n,
          CR0: 1n,
          CR2: 0n,
          STRTAB_BASE: ste,
          STRTAB_BASE_CFG: 0n,
        },
        memory: {
          outside: "unknown",
          zero: [],
          segments: [
            table(ste, steWords),
            table(cd, [cdHead, level0, 0n, 0xffn, 0n, 0n, 0n, 0n]),
            table(level0, [level1 | 3n, ...Array<bigint>(511).fill(0n)]),
            table(level1, [level2 | 3n, ...Array<bigint>(511).fill(0n)]),
            table(level2, [...Array<bigint>(TABLES).fill(level3 | 3n), ...Array<bigint>(512 - TABLES).fill(0n)]),
            table(
              level3,
              Array.from({ length: 512 }, (_, i) => pageOf(i)),
            ),
          ],
        },
        devices: [],
      },
      actions: [],
      recorded: { accesses: [], events: [] },
    }),
  );
}

test.describe("A list of more than 10^5 translations", () => {
  test("scrolls without gaps, and every row can be reached by keyboard", async ({ page }) => {
    await openPage(page);
    await chooseFiles(page, [{ name: "many.json", mimeType: "application/json", buffer: manyPages() }]);
    const list = translations(page);
    await expect(list.getByRole("option").first()).toHaveAttribute("aria-setsize", String(PAGES));

    // Scroll through all of it in 60 frames. A row counts as missing when nothing is drawn where it should be.
    const run = await list.evaluate(async (element) => {
      const box = element.getBoundingClientRect();
      const frames: number[] = [];
      let missing = 0;
      let last = performance.now();
      for (let i = 1; i <= 60; i++) {
        element.scrollTop = (element.scrollHeight * i) / 60;
        await new Promise((resolve) => requestAnimationFrame(resolve));
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const now = performance.now();
        frames.push((now - last) / 2);
        last = now;
        for (const y of [3, box.height / 2, box.height - 3]) {
          const at = document.elementFromPoint(box.left + box.width / 2, box.top + y);
          if (at?.closest("[role=option]") == null) missing++;
        }
      }
      frames.sort((a, b) => a - b);
      return { missing, median: frames[30] ?? 0 };
    });
    expect(run.missing).toBe(0);
    // A frame at 60 Hz is 16.7 ms; two browsers and their pages share this machine's processors here.
    test.info().annotations.push({ type: "median frame while scrolling, ms", description: run.median.toFixed(1) });
    expect(run.median).toBeLessThan(50);

    await list.focus();
    await page.keyboard.press("End");
    const lastRow = list.getByRole("option", { name: `0x${((PAGES - 1) * 0x1000).toString(16)}` });
    await expect(lastRow).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(outcome(page)).toContainText("PA 0x401ff000");
    await page.keyboard.press("Home");
    await expect(list.getByRole("option").first()).toContainText("0x0");
  });
});
