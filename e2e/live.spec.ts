import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { at, mainThread } from "./main_thread.ts";
import { choosePreset, openPage, position, runCommand } from "./workbench.ts";

/** What must come through while the page keeps up; a machine that does nothing else reaches 120,000. */
const RECORDS_A_SECOND = 20_000;
const MOST_SCRIPT_MS = 8;
const LONG_TASK_MS = 50;

const device = (page: Page) => page.getByRole("toolbar", { name: "Running device" });
const counted = async (page: Page): Promise<number> =>
  Number((await page.getByTestId("live-count").innerText()).split(" ")[0]?.replaceAll(",", ""));
const reached = async (page: Page): Promise<number> =>
  Number(/([\d,]+)\/s/.exec(await page.getByTestId("live-count").innerText())?.[1]?.replaceAll(",", "") ?? 0);
/** Actions that the log has, as the step bar says. */
const logged = async (page: Page): Promise<number> =>
  Number(/of (\d+)/.exec(await page.getByRole("toolbar", { name: "Actions" }).innerText())?.[1]);

const stepped = async (page: Page): Promise<number> =>
  Number(/Action (\d+)/.exec(await page.getByRole("toolbar", { name: "Actions" }).innerText())?.[1]);

/** Run a device as a user does. */
async function run(page: Page, what: string, rate: string): Promise<void> {
  await device(page).getByRole("button", { name: "Run a device" }).click();
  await page.getByLabel("Device", { exact: true }).selectOption({ label: what });
  await page.getByLabel("Rate", { exact: true }).selectOption({ label: `${rate} actions a second` });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect.poll(() => counted(page)).toBeGreaterThan(0);
}

test.describe("A device that runs", () => {
  test.describe.configure({ timeout: 120_000 });

  for (const preset of ["Walk", "Software"] as const) {
    test(`streams while the page draws the preset ${preset}`, async ({ page, browser }) => {
      await openPage(page);
      const accesses = Number(/of (\d+)/.exec(await position(page).innerText())?.[1]);
      await choosePreset(page, preset);
      await run(page, "Network card", "5,000");
      await expect.poll(() => reached(page), { timeout: 20_000 }).toBeGreaterThan(0);
      const [before, begun] = [await counted(page), Date.now()];
      const found = await mainThread(browser, page, () => page.waitForTimeout(5000));
      const rate = ((await counted(page)) - before) / ((Date.now() - begun) / 1000);
      const { frames, busy, tasks } = found;
      const median = at(busy, 0.5);
      const long = tasks.filter((t) => t > LONG_TASK_MS);
      const records = Math.round(rate * accesses);
      console.log(
        `${preset}: ${Math.round(rate)} transactions/s of ${accesses} accesses, ${records} trace records/s; ` +
          `${frames} frames, ${busy.length} with script: median ${median.toFixed(1)} ms, ` +
          `95 % ${at(busy, 0.95).toFixed(1)} ms, most ${at(busy, 1).toFixed(1)} ms; ` +
          `longest task ${at(tasks, 1).toFixed(1)} ms, ${long.length} over ${LONG_TASK_MS} ms`,
      );
      expect(records).toBeGreaterThan(RECORDS_A_SECOND);
      expect(busy.length).toBeGreaterThan(10);
      expect(median).toBeGreaterThan(0);
      expect(median).toBeLessThan(MOST_SCRIPT_MS);
      expect(long).toEqual([]);
    });
  }

  test("is held, looked at, stepped back and stopped, from the palette and by keys", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Run: network card on the chosen stream");
    await expect.poll(() => counted(page)).toBeGreaterThan(100);
    // The walk can be stepped through meanwhile.
    await page.keyboard.press("Home");
    await expect(position(page)).toContainText("0 of");
    await page.keyboard.press("ArrowRight");
    await expect(position(page)).toContainText("1 of");
    await page.keyboard.press("d");
    await expect(page.getByTestId("live-count")).toContainText("held");
    const done = await counted(page);
    await expect.poll(() => logged(page)).toBe(done);
    await page.keyboard.press("d");
    await expect.poll(() => counted(page)).toBeGreaterThan(done);
    // A step back from what is shown holds the device; nothing that it did is lost.
    await page.keyboard.press("[");
    await expect(page.getByTestId("live-count")).toContainText("held");
    const total = await counted(page);
    await expect.poll(() => logged(page)).toBe(total);
    await expect.poll(() => stepped(page)).toBeLessThan(total);
    await page.keyboard.press("}");
    await expect(page.getByText(`Action ${total} of ${total}`)).toBeVisible();
    await page.keyboard.press("Shift+D");
    await expect(device(page).getByRole("button", { name: "Run a device" })).toBeVisible();
    await expect(page.getByTestId("live-count")).toHaveCount(0);
  });

  test("leaves room in the bar for its controls", async ({ page }) => {
    await openPage(page);
    await run(page, "Network card", "5,000");
    for (const width of [1280, 1920, 390]) {
      await page.setViewportSize({ width, height: 800 });
      await expect(device(page).getByRole("button", { name: "Rate" })).toBeInViewport({ ratio: 1 });
    }
  });

  test("has the guest's kernel map and unmap for it, and gives everything back", async ({ page }) => {
    await openPage(page, "#library=story-smmuv3&preset=software");
    await run(page, "Accelerator", "100");
    await expect.poll(() => counted(page)).toBeGreaterThan(50);
    await device(page).getByRole("button", { name: "Stop the device that runs" }).click();
    await expect(page.getByTestId("live-count")).toHaveCount(0);
    const rows = page.getByRole("listbox", { name: "Actions" });
    await rows.focus();
    await page.keyboard.press("End");
    await expect(rows.getByRole("option").last()).toContainText(/unmap/i);
  });

  test("shows axe nothing to find where it is chosen and where it is held", async ({ page }) => {
    await openPage(page);
    await device(page).getByRole("button", { name: "Run a device" }).click();
    await expect(page.getByLabel("Device", { exact: true })).toBeVisible();
    await expectAccessible(page, ".live-menu");
    await page.keyboard.press("Escape");
    await run(page, "NVMe disk", "1,000");
    await page.keyboard.press("d");
    await expect(page.getByTestId("live-count")).toContainText("held");
    await expectAccessible(page, ".wb-step");
  });
});
