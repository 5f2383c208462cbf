import { expect, test } from "@playwright/test";
import { at, mainThread } from "./main_thread.ts";
import { manyPages } from "./many_pages.ts";
import { chooseFiles, openPage, outcome, translations } from "./workbench.ts";

const TABLES = 200;
const PAGES = TABLES * 512;
/** Every frame draws rows that none before it had; two frames of a display. */
const FRAME_MS = 33;

test.describe("A list of more than 10^5 translations", () => {
  test("scrolls without gaps, and every row can be reached by keyboard", async ({ page, browser }) => {
    await openPage(page);
    await chooseFiles(page, [{ name: "many.json", mimeType: "application/json", buffer: manyPages(TABLES) }]);
    const list = translations(page);
    await expect(list.getByRole("option").first()).toHaveAttribute("aria-setsize", String(PAGES));

    // Scroll through all of it in 60 frames. A row counts as missing when nothing is drawn where it should be.
    let missing = 0;
    const { work } = await mainThread(browser, page, async () => {
      missing = await list.evaluate(async (element) => {
        const box = element.getBoundingClientRect();
        let none = 0;
        for (let i = 1; i <= 60; i++) {
          element.scrollTop = (element.scrollHeight * i) / 60;
          await new Promise((resolve) => requestAnimationFrame(resolve));
          await new Promise((resolve) => requestAnimationFrame(resolve));
          for (const y of [3, box.height / 2, box.height - 3]) {
            const drawn = document.elementFromPoint(box.left + box.width / 2, box.top + y);
            if (drawn?.closest("[role=option]") == null) none++;
          }
        }
        return none;
      });
    });
    expect(missing).toBe(0);
    expect(work.length).toBeGreaterThan(20);
    expect(at(work, 0.5)).toBeLessThan(FRAME_MS);

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
