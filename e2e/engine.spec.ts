import { expect, type Page } from "@playwright/test";
import { test } from "./visitor.ts";
import {
  captureFile,
  chooseFiles,
  notice,
  openPage,
  outcome,
  position,
  sessionButton,
  translations,
  walkDigest,
} from "./workbench.ts";

/** Make the worker throw outside of any call, as a mistake in a timer would. */
async function crash(page: Page): Promise<void> {
  await page.workers()[0]?.evaluate(() => {
    setTimeout(() => {
      throw new Error("planted");
    }, 0);
  });
}

test.describe("When the worker dies", () => {
  test("the page says so and a restart brings everything back", async ({ page }) => {
    await openPage(page);
    await chooseFiles(page, [captureFile("capture.json"), captureFile("memory.bin.gz")]);
    await expect(sessionButton(page, "smmuv3-iommufd-nested")).toBeHidden();
    await expect(outcome(page)).toContainText("goes through");
    await translations(page).getByRole("option").nth(3).click();
    await page.getByRole("button", { name: /^Bit 0, / }).click();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await page.keyboard.press("ArrowLeft");
    const before = {
      digest: await walkDigest(page),
      position: await position(page).innerText(),
      iova: await page.getByLabel("IOVA").inputValue(),
      leaves: await translations(page).getByRole("option").first().getAttribute("aria-setsize"),
    };

    await crash(page);
    const message = notice(page, "The engine stopped.");
    await expect(message).toContainText("planted");
    // What was there is still to be read.
    await expect.poll(() => walkDigest(page)).toBe(before.digest);

    await message.getByRole("button", { name: "Restart the engine" }).click();
    await expect(message).toBeHidden();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await expect.poll(() => walkDigest(page)).toBe(before.digest);
    await expect(position(page)).toHaveText(before.position);
    await expect(page.getByLabel("IOVA")).toHaveValue(before.iova);
    await expect(translations(page).getByRole("option").first()).toHaveAttribute("aria-setsize", String(before.leaves));

    await page.getByRole("button", { name: "Take back", exact: true }).click();
    await expect(page.getByText("Action 0 of 1")).toBeVisible();
    await page.keyboard.press("End");
    await expect(outcome(page)).toContainText("goes through");
  });

  test("another capture can be opened at once", async ({ page }) => {
    await openPage(page);
    await crash(page);
    await expect(notice(page, "The engine stopped.")).toBeVisible();
    await chooseFiles(page, [captureFile("capture.json"), captureFile("memory.bin.gz")]);
    await expect(notice(page, "The engine stopped.")).toBeHidden();
    await expect(sessionButton(page, "smmuv3-iommufd-nested")).toBeHidden();
    await expect(outcome(page)).toContainText("goes through");
  });
});
