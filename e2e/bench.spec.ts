import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { openPage, runCommand } from "./workbench.ts";

const bench = (page: Page): Locator => page.getByRole("dialog", { name: "Measure this browser" });
const rows = (page: Page): Locator => bench(page).getByRole("table").getByRole("row");

/** Leave only this work chosen. */
async function chooseOnly(page: Page, work: string): Promise<void> {
  const boxes = bench(page).getByRole("checkbox");
  await expect(boxes.first()).toBeVisible();
  for (const box of await boxes.all()) await box.setChecked(false);
  await bench(page)
    .getByRole("checkbox", { name: new RegExp(`^${work} `) })
    .check();
}

test.describe("The bench", () => {
  test.use({ permissions: ["clipboard-read", "clipboard-write"] });

  test("measures the engine in a worker, agrees with native code and copies its rows", async ({ page }) => {
    await page.goto("./#bench");
    await chooseOnly(page, "tlb");
    await bench(page).getByRole("button", { name: "Measure", exact: true }).click();
    await expect(rows(page)).toHaveCount(5, { timeout: 60_000 });
    await expect(rows(page).last()).toContainText("0cd50000b855ce80 = native");
    await expect(bench(page).getByRole("status")).toHaveCount(0);
    await expectAccessible(page, ".bench");
    await bench(page).getByRole("button", { name: "Copy as JSON" }).click();
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
    expect(copied).toMatchObject({ bench: "nestwalk", runs: 5, min_ms: 50 });
    expect(copied.rows.map((row: { order: string }) => row.order)).toEqual(
      Array(2).fill(["sequential", "random"]).flat(),
    );
    // The session goes on in its own worker.
    await page.keyboard.press("Escape");
    await expect(bench(page)).toHaveCount(0);
    await expect(page.getByTestId("outcome")).toBeVisible();
  });

  test("is opened and cancelled by keyboard, with the page at hand meanwhile", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Measure this browser");
    await chooseOnly(page, "uncached");
    await bench(page).getByLabel("Extent").selectOption("whole");
    await bench(page).getByRole("button", { name: "Measure", exact: true }).press("Enter");
    await expect(bench(page).getByRole("status")).toContainText("1 of 3: uncached, 64");
    await bench(page).getByRole("button", { name: "Cancel" }).press("Enter");
    await expect(bench(page).getByRole("button", { name: "Measure", exact: true })).toBeEnabled();
    await expect(bench(page).getByRole("status")).toHaveCount(0);
  });
});
