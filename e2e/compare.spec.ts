import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { openPage, pane, runCommand } from "./workbench.ts";

const part = (page: Page, name: string): Locator => pane(page, "Compare").getByRole("tab", { name });
const differences = (page: Page): Locator => pane(page, "Compare").getByRole("listbox", { name: /^Differences/ });

// A second session is opened beside the first on a busy machine.
test.describe.configure({ timeout: 90_000 });

test.describe("Comparing", () => {
  for (const { lesson, structure, field } of [
    { lesson: "nested-dma", structure: "STE", field: "Config" },
    { lesson: "nested-vtd", structure: "PasidEntry", field: "PGTT" },
    { lesson: "nested-amd", structure: "DTE", field: "GV" },
  ]) {
    test(`two steps of ${lesson}: fields, translations and the walk, by keys`, async ({ page }) => {
      await openPage(page, `#library=${lesson}&preset=compare&step=1&left=0&right=1`);
      await part(page, "Structures").click();
      const row = differences(page).getByRole("option", { name: structure }).first();
      await row.click();
      const fields = pane(page, "Compare").getByRole("region", { name: new RegExp(`^Fields of ${structure}`) });
      await expect(fields.getByRole("row", { name: new RegExp(field) })).toBeVisible();
      // From tab to tab by keys, to what the guest mapped.
      await part(page, "Structures").focus();
      await page.keyboard.press("ArrowRight");
      await expect(differences(page).getByRole("option").first()).toContainText("0x100000 to 0x103fff, 4 leaves");
      await differences(page).focus();
      await page.keyboard.press("Enter");
      await part(page, "Walk").click();
      await expect(pane(page, "Compare").getByText(/^They part at /)).toBeVisible();
      await expect(page.getByRole("region", { name: "Walk, step 1" })).toContainText("goes through");
    });
  }

  test("starts with the step before by a key, and swaps and moves its sides", async ({ page }) => {
    await openPage(page, "#library=nested-dma&step=2");
    await page.keyboard.press("c");
    const sides = pane(page, "Compare");
    await expect(sides.getByRole("group", { name: "Left" }).getByRole("spinbutton")).toHaveValue("1");
    await expect(sides.getByRole("group", { name: "Right" }).getByRole("spinbutton")).toHaveValue("2");
    await expectAccessible(page, "[data-pane=compare]");
    await sides.getByRole("button", { name: "Swap" }).click();
    await expect(sides.getByRole("group", { name: "Left" }).getByRole("spinbutton")).toHaveValue("2");
    await sides.getByRole("group", { name: "Right" }).getByRole("spinbutton").fill("2");
    await expect(sides.getByText("The two states are the same.")).toBeVisible();
  });

  test("before the first action compares with the end, and tells software and steps of the walk", async ({ page }) => {
    await openPage(page, "#library=nested-dma&preset=compare");
    const right = pane(page, "Compare").getByRole("group", { name: "Right" });
    await expect(right.getByRole("spinbutton")).toHaveValue("6");
    await expect(right.getByText(/^in the end, after /)).toBeVisible();
    await part(page, "Software").click();
    await expect(differences(page).getByRole("option", { name: "Line of the guest's log, 1" })).toBeVisible();
    await part(page, "Trace").click();
    const first = differences(page).getByRole("option").first();
    await first.click();
    await expect(first).toContainText("configuration access");
    await expectAccessible(page);
  });

  test("of a session without actions says what to do", async ({ page }) => {
    await openPage(page, "#preset=compare");
    await expect(pane(page, "Compare").getByText(/The session has no actions/)).toBeVisible();
  });

  test("a scenario of the library stands beside the session, and a kept one beside what is opened next", async ({
    page,
  }) => {
    await openPage(page, "#library=nested-dma&preset=compare");
    const compare = pane(page, "Compare");
    await compare
      .getByRole("combobox", { name: "Compare with a scenario of the library" })
      .selectOption({ label: "Address spaces by PASID" });
    await expect(compare.getByRole("combobox", { name: "Left: which session" })).toHaveValue("beside");
    await expect(compare.getByText(/^\d+ differences$/)).toBeVisible();
    await runCommand(page, "Keep this session to compare others with");
    await page.goto("./#library=nested-vtd&preset=compare");
    await expect(compare.getByText(/^Two architectures/)).toBeVisible();
    await expect(differences(page).getByRole("option", { name: "Accesses in all" })).toBeVisible();
    await part(page, "Registers").click();
    await expect(compare.getByText("Not compared. Each architecture has registers of its own.")).toBeVisible();
    await part(page, "Walk").click();
    await expect(compare.getByRole("region", { name: /^Walk, Other/ })).toBeVisible();
  });
});
