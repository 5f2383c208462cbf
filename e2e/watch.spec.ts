import { expect, type Page } from "@playwright/test";
import { test } from "./visitor.ts";
import { notice, openPage, pane } from "./workbench.ts";

/** Keys go to the page, not to a box or button. */
const leaveBoxes = (page: Page): Promise<void> => page.evaluate(() => (document.activeElement as HTMLElement).blur());

// A lesson's software is booted on a busy machine.
test.describe.configure({ timeout: 90_000 });

// The leaf changes with the unmapping; a VT-d unit marks it accessed before that.
for (const { lesson, record, changed } of [
  { lesson: "nested-dma", record: "F_TRANSLATION", changed: 5 },
  { lesson: "nested-vtd", record: "", changed: 2 },
]) {
  test(`running ${lesson} stops at a record and at a changed structure, and says why`, async ({ page }) => {
    await openPage(page, `#library=${lesson}&preset=tables&step=1`);
    const watches = pane(page, "Memory").getByRole("region", { name: "Watches" });
    await watches.getByRole("textbox").or(watches.getByRole("combobox")).fill(record);
    await page.keyboard.press("Enter");
    await expect(watches.getByText(record === "" ? "stops at any record" : `stops at ${record}`)).toBeVisible();
    await leaveBoxes(page);
    await page.keyboard.press("w");
    await expect(notice(page, /^Stopped after action/)).toContainText("was recorded");
    await watches.getByRole("button", { name: /^No longer stop/ }).click();

    await openPage(page, `#library=${lesson}&preset=walk&step=1`);
    await expect(page.getByText("Action 1 of")).toBeVisible();
    await pane(page, "Inspector").getByRole("button", { name: "Watch it" }).click();
    // Played, not run: the same watch holds.
    await leaveBoxes(page);
    await page.keyboard.press("Shift+Space");
    await expect(notice(page, new RegExp(`Stopped after action ${changed}\\.`))).toContainText("became", {
      timeout: 15_000,
    });
    await expect(page.getByText(`Action ${changed} of`)).toBeVisible();
  });
}
