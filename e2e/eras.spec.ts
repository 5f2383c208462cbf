import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { openPage, runCommand } from "./workbench.ts";

const eras = (page: Page): Locator => page.getByRole("dialog", { name: "What differs between kernels" });

test.describe("Kernels side by side", () => {
  test.use({ viewport: { width: 1280, height: 800 } });

  test("are run in the worker, and each leads to its lesson", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "What differs between kernels");
    const nesting = eras(page).getByRole("table", { name: /Nesting on SMMUv3/ });
    await expect(nesting.getByRole("row", { name: /^Calls of the scenario/ })).toHaveText(
      "Calls of the scenario242218",
      { timeout: 20_000 },
    );
    await expectAccessible(page, ".eras");
    await nesting.getByRole("button", { name: "Open the lesson of SMMUv3 nesting over VFIO v16" }).click();
    await expect(page).toHaveURL(/#library=smmuv3-vfio-v16$/);
    await expect(eras(page)).toHaveCount(0);
  });

  test("are opened by a link", async ({ page }) => {
    await page.goto("./#eras");
    await expect(eras(page).getByRole("table")).toHaveCount(3, { timeout: 20_000 });
    await page.keyboard.press("Escape");
    await expect(eras(page)).toHaveCount(0);
  });
});
