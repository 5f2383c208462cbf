import { expect } from "@playwright/test";
import { test } from "./visitor.ts";
import { openPage, outcome, pane } from "./workbench.ts";

test.describe("The event stream", () => {
  test("is filtered by a typed filter with completion, by keyboard alone", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("f");
    const box = page.getByRole("combobox", { name: "Filter the events" });
    await expect(box).toBeFocused();
    await page.keyboard.type("ev");
    await expect(page.getByRole("option", { name: /^event=/ })).toBeVisible();
    await page.keyboard.press("Tab");
    await expect(box).toHaveValue("event=");
    await page.keyboard.type("F_TR");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(box).toHaveValue("event=F_TRANSLATION ");
    await page.keyboard.type("sid=0x10 iova>=0x60000 ");
    await expect(page.getByRole("status", { name: "Events that pass" })).toHaveText("4 of 11");
    const rows = pane(page, "Events")
      .getByRole("listbox", { name: /^Events/ })
      .getByRole("option");
    await expect(rows).toHaveCount(5);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await expect(box).toHaveValue("");
    await expect(rows).toHaveCount(12);
  });

  test("says where a filter is wrong and keeps the list", async ({ page }) => {
    await openPage(page);
    const box = page.getByRole("combobox", { name: "Filter the events" });
    await box.fill("colour=red");
    await expect(page.getByText("There is no field colour.")).toBeVisible();
    await expect(box).toHaveAttribute("aria-invalid", "true");
    await expect(pane(page, "Events").getByRole("option", { name: /C_BAD_CD/ })).toBeVisible();
  });

  test("keeps a pinned event on top, leads to its walk, and shows the rate of each kind", async ({ page }) => {
    await openPage(page);
    const events = pane(page, "Events");
    await events.getByRole("option", { name: /F_PERMISSION.*0xffffffff80001010/ }).click();
    await expect(outcome(page)).toContainText("stopped by F_PERMISSION");
    await events.getByRole("button", { name: "Pin", exact: true }).click();
    await page.getByRole("combobox", { name: "Filter the events" }).fill("event=C_BAD_CD ");
    const rows = events.getByRole("listbox", { name: /^Events/ }).getByRole("option");
    await expect(rows).toHaveCount(3);
    await expect(rows.nth(1)).toContainText("F_PERMISSION");
    await expect(rows.nth(2)).toContainText("C_BAD_CD");
    await page.getByRole("combobox", { name: "Filter the events" }).fill("");
    await events.getByRole("button", { name: "Rate" }).click();
    await events.getByRole("button", { name: /^F_TRANSLATION\s*5$/ }).click();
    await expect(page.getByRole("combobox", { name: "Filter the events" })).toHaveValue("event=F_TRANSLATION");
    await expect(page.getByRole("status", { name: "Events that pass" })).toHaveText("5 of 11");
  });
});
