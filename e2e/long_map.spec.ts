import { expect, test } from "@playwright/test";
import { at, mainThread } from "./main_thread.ts";
import { manyPages } from "./many_pages.ts";
import { chooseFiles, choosePreset, openPage, pane } from "./workbench.ts";

/** Tables of 512 pages: 2^20 pages in all. */
const TABLES = 2048;
const FRAME_MS = 16;

test("A map of 2^20 leaves is panned within a frame", async ({ page, browser }) => {
  test.setTimeout(120_000);
  await openPage(page);
  await choosePreset(page, "Tables");
  await chooseFiles(page, [{ name: "pages.json", mimeType: "application/json", buffer: manyPages(TABLES) }]);
  const maps = pane(page, "Table maps");
  await expect(maps.getByText(/^1\s048\s576 leaves/)).toBeVisible({ timeout: 60_000 });
  const plot = maps.getByRole("group", { name: /^Tables of stage 1/ });
  await plot.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("+");
  const box = await plot.boundingBox();
  if (box === null) throw new Error("no map");
  const y = box.y + box.height - 20;
  const found = await mainThread(browser, page, async () => {
    await page.mouse.move(box.x + box.width / 2, y);
    await page.mouse.down();
    for (let i = 0; i < 60; i++) {
      await page.mouse.move(box.x + box.width / 2 + 200 * Math.sin(i / 6), y);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    }
    await page.mouse.up();
  });
  const { work } = found;
  console.log(
    `Panning: ${work.length} frames, scripting and drawing median ${at(work, 0.5).toFixed(1)} ms, ` +
      `95 % ${at(work, 0.95).toFixed(1)} ms, most ${at(work, 1).toFixed(1)} ms`,
  );
  expect(work.length).toBeGreaterThan(20);
  expect(at(work, 0.5)).toBeLessThan(FRAME_MS);
});
