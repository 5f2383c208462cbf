import { readFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";
import { test } from "./visitor.ts";
import {
  captureFile,
  chooseFiles,
  openPage,
  outcome,
  position,
  sessionButton,
  walkDigest,
  walkPicture,
} from "./workbench.ts";

/** The link that Share offers for the walk that is shown, as it arrives in the clipboard. */
async function copyLink(page: Page): Promise<string> {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("banner").getByRole("button", { name: "Share", exact: true }).click();
  const panel = page.getByRole("dialog", { name: "Share" });
  const length = panel.getByTestId("link-length");
  await expect(length).toBeVisible();
  await panel.getByRole("button", { name: "Copy link" }).click();
  await expect(panel.getByText("Copied.")).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect((await length.innerText()).replace(/\D/g, "")).toBe(String(link.length));
  await page.keyboard.press("Escape");
  return link;
}

test.describe("A shared link", () => {
  test("opens in a fresh profile with the same digest and the same picture", { tag: "@sub-path" }, async ({
    page,
    browser,
  }) => {
    await openPage(page);
    await page.getByLabel("IOVA").fill("0x11f80");
    await expect(outcome(page)).toContainText("PA 0x480cef80");
    const link = await copyLink(page);
    expect(link.length).toBeLessThanOrEqual(2000);

    const context = await browser.newContext({ viewport: page.viewportSize() ?? { width: 1280, height: 800 } });
    const other = await context.newPage();
    await other.goto(link);
    await expect(outcome(other)).toContainText("PA 0x480cef80");
    await expect.poll(() => walkDigest(other)).toBe(await walkDigest(page));
    await expect(position(other)).toHaveText((await position(page).innerText()).trim());
    await expect.poll(() => walkPicture(other)).toBe(await walkPicture(page));
    await context.close();
  });

  test("carries an edit and the fault that it makes", async ({ page, browser }) => {
    await openPage(page);
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    const link = await copyLink(page);
    expect(link.length).toBeLessThanOrEqual(2000);

    const context = await browser.newContext();
    const other = await context.newPage();
    await other.goto(link);
    await expect(outcome(other)).toContainText("stopped by F_TRANSLATION");
    await expect.poll(() => walkDigest(other)).toBe(await walkDigest(page));
    await context.close();
  });

  test("of a capture from disk is as short", async ({ page }) => {
    await openPage(page);
    await chooseFiles(page, [captureFile("capture.json"), captureFile("memory.bin.gz")]);
    await expect(sessionButton(page, "smmuv3-iommufd-nested")).toBeHidden();
    await expect(outcome(page)).toContainText("goes through");
    expect((await copyLink(page)).length).toBeLessThanOrEqual(2000);
  });
});

test.describe("A saved session", () => {
  test("opens again as it was, edits and all", async ({ page }) => {
    await openPage(page);
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    const digest = await walkDigest(page);
    const download = page.waitForEvent("download");
    await sessionButton(page, "smmuv3-iommufd-nested").click();
    await page.getByRole("menuitem", { name: "Save the whole session as a file" }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe("smmuv3-iommufd-nested.nestwalk.json");
    const buffer = readFileSync(await file.path());

    await openPage(page);
    await expect(outcome(page)).toContainText("goes through");
    await chooseFiles(page, [{ name: "saved.json", mimeType: "application/json", buffer }]);
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await expect.poll(() => walkDigest(page)).toBe(digest);
  });
});
