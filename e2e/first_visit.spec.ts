import { expect } from "@playwright/test";
import { test } from "./visitor.ts";
import { openPage, outcome, position, streams, translations, walkDigest } from "./workbench.ts";

test.describe("The first visit", () => {
  test("shows the shipped capture and a nested walk of 24 accesses", { tag: "@sub-path" }, async ({ page }) => {
    await openPage(page);
    await expect(page).toHaveTitle("smmuv3-iommufd-nested · Nestwalk");
    await expect(streams(page).getByRole("option")).toHaveCount(6);
    await expect(streams(page).getByRole("option", { selected: true })).toContainText("0x10");
    await expect(position(page)).toHaveText("Access 24 of 24");
    await expect(page.getByText("(4 + 1) × (4 + 1) − 1 = 24")).toBeVisible();
    await expect(outcome(page)).toContainText("goes through to PA 0x480cd000");
  });

  test("walks the translation that is chosen, by mouse and by keyboard", async ({ page }) => {
    await openPage(page);
    const before = await walkDigest(page);
    await translations(page).getByRole("option", { name: "0x11000" }).click();
    await expect(outcome(page)).toContainText("PA 0x480ce000");
    await expect.poll(() => walkDigest(page)).not.toBe(before);

    await translations(page).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(outcome(page)).toContainText("PA 0x480cf000");
    await expect(translations(page).getByRole("option", { selected: true })).toContainText("0x12000");
  });

  test("walks any address that is typed, mapped or not", async ({ page }) => {
    await openPage(page);
    const box = page.getByLabel("IOVA");
    await box.fill("11f80");
    await expect(outcome(page)).toContainText("PA 0x480cef80");
    await expect(translations(page).getByRole("option", { selected: true })).toContainText("0x11000");
    await box.fill("0x99000");
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await expect(page.getByText("Not mapped; a range ends at")).toBeVisible();
    await box.fill("0x99g");
    await expect(page.getByText("“g” is no hexadecimal digit.")).toBeVisible();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
  });

  test("tells a write from a read", async ({ page }) => {
    await openPage(page);
    await page.getByLabel("IOVA").fill("0x20000");
    await expect(outcome(page)).toContainText("goes through");
    await page.getByRole("button", { name: "A write", exact: true }).click();
    await expect(outcome(page)).toContainText("stopped by F_PERMISSION");
  });

  test("steps through the walk, and plays it, by keyboard", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("Home");
    await expect(position(page)).toHaveText("Configuration access 0 of 7");
    for (let access = 1; access <= 7; access++) {
      await page.keyboard.press("ArrowRight");
      await expect(position(page)).toHaveText(`Configuration access ${access} of 7`);
    }
    for (let access = 1; access <= 3; access++) await page.keyboard.press("ArrowRight");
    await expect(position(page)).toHaveText("Access 3 of 24");
    await page.keyboard.press("ArrowLeft");
    await expect(position(page)).toHaveText("Access 2 of 24");
    await page.keyboard.press("End");
    await expect(position(page)).toHaveText("Access 24 of 24");
    await page.keyboard.press("Home");
    await page.keyboard.press("Space");
    await expect(position(page)).toHaveText("Configuration access 2 of 7");
    await page.keyboard.press("Space");
    await expect(page.getByRole("toolbar", { name: "Steps" }).getByRole("button", { name: /^Play/ })).toBeVisible();
    await page.keyboard.press("End");
    for (let access = 24; access > 22; access--) await page.keyboard.press("ArrowLeft");
    await expect(position(page)).toHaveText("Access 22 of 24");
    await page.keyboard.press("Space");
    await expect(position(page)).toHaveText("Access 24 of 24");
  });

  test("compares every recorded access with the model", async ({ page }) => {
    await openPage(page);
    await page.getByRole("tab", { name: /^Recorded/ }).click();
    await expect(page.getByText("687 agree")).toBeVisible();
    await expect(page.getByText(/\d differ/)).toHaveCount(0);
  });

  test("lists its keys on a sheet", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("?");
    const sheet = page.getByRole("dialog", { name: "Keys" });
    await expect(sheet.getByText("Forward one access")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(sheet).toBeHidden();
  });

  test("moves the focus from pane to pane with F6", async ({ page }) => {
    await openPage(page);
    await expect(page.getByRole("region", { name: "Inspector" }).locator(".bit").first()).toBeVisible();
    const panes: (string | null)[] = [];
    for (let i = 0; i < 5; i++) {
      await page.keyboard.press("F6");
      panes.push(
        await page.evaluate(() => document.activeElement?.closest("[data-pane]")?.getAttribute("data-pane") ?? null),
      );
    }
    expect(panes).toEqual(["streams", "translations", "walk", "inspector", "events"]);
  });

  test("remembers the sizes of panes and the theme", async ({ page }) => {
    await openPage(page);
    const lists = page.getByRole("region", { name: "Streams" });
    const before = (await lists.boundingBox())?.width ?? 0;
    const border = page.getByRole("separator", { name: "Border between the lists and the walk" });
    await border.focus();
    await page.keyboard.press("ArrowRight");
    await expect.poll(async () => (await lists.boundingBox())?.width ?? 0).toBeGreaterThan(before + 10);
    const box = await border.boundingBox();
    if (box === null) throw new Error("the border is not drawn");
    await page.mouse.move(box.x, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 40, box.y + 310, { steps: 4 });
    await page.mouse.up();
    await expect.poll(async () => (await lists.boundingBox())?.width ?? 0).toBeGreaterThan(before + 50);
    const after = (await lists.boundingBox())?.width ?? 0;
    await page.getByRole("button", { name: "Theme: as the system" }).click();
    await page.reload();
    await expect(position(page)).toBeVisible();
    await expect.poll(async () => Math.round((await lists.boundingBox())?.width ?? 0)).toBe(Math.round(after));
    await expect(page.getByRole("button", { name: "Theme: light" })).toBeVisible();
  });
});
