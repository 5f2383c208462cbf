import { readFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";
import { captureOverlaps } from "../src/cli/capture_overlaps.ts";
import { expectAccessible } from "./axe.ts";
import { manyPages } from "./many_pages.ts";
import { test } from "./visitor.ts";
import { chooseFiles, choosePreset, openPage, outcome, pane, runCommand } from "./workbench.ts";

const section = (page: Page) => pane(page, "Table maps").getByRole("region", { name: "Overlaps" });
const list = (page: Page) => section(page).getByRole("listbox", { name: "Overlapping ranges" });

test("A hole between what is mapped says where it lies and how large it is", async ({ page }) => {
  await openPage(page);
  await choosePreset(page, "Tables");
  const plot = pane(page, "Table maps").getByRole("group", { name: /^Tables of stage 1/ });
  const dashes = plot.locator('rect[stroke="var(--nw-line-3)"][height="0.5"]');
  await expect(dashes.first()).toBeAttached();
  // Between the pages at 0x10000 to 0x17fff and those from 0x20000 on.
  const holes = await dashes.all();
  const tip = page.locator(".draw-tip");
  const told: string[] = [];
  for (const hole of holes) {
    await hole.hover({ force: true });
    await expect(tip).toContainText("Hole: nothing is mapped");
    told.push((await tip.innerText()).replaceAll(/\s/g, ""));
  }
  expect(told.some((text) => text.includes("0x18000") && text.includes("0x1ffff") && text.includes("32KiB"))).toBe(
    true,
  );
});

test.describe("Overlaps", () => {
  test("are asked for by the palette, listed with counts, and lead to the walks of both sides by keys", async ({
    page,
  }) => {
    await openPage(page);
    await runCommand(page, "Memory that is reached in several ways");
    await expect(section(page).getByRole("status")).toHaveText(
      /^\d+ ranges of PA, .* in all; 6 address spaces looked through\.$/,
    );
    // The page that is walked, with the device that reaches it, too.
    await expect(
      list(page)
        .getByRole("option", { name: /SID 0x28.*0x1\s?0000/ })
        .first(),
    ).toBeVisible();
    await expectAccessible(page, "[data-pane=maps]");
    await list(page).focus();
    await page.keyboard.press("Home");
    const first = list(page).getByRole("option").first();
    await expect(first).toContainText("SID 0x10");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(pane(page, "Table maps")).toContainText("SID 0x28");
    await expect(outcome(page)).toContainText("goes through");
  });

  test("are of all address spaces, or of the addresses between the stages, where that is asked", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Tables");
    await pane(page, "Table maps").getByRole("button", { name: "Overlaps" }).click();
    const status = section(page).getByRole("status");
    await expect(status).toContainText("looked through");
    const own = Number((await status.innerText()).split(" ")[0]);
    await section(page).getByRole("tab", { name: "All" }).click();
    await expect.poll(async () => Number((await status.innerText()).split(" ")[0])).toBeGreaterThan(own);
    await section(page).getByRole("tab", { name: "IPA", exact: true }).click();
    await expect(list(page).getByRole("option").first()).toContainText("IPA");
    await pane(page, "Table maps").getByRole("button", { name: "Overlaps" }).click();
    await expect(section(page)).toHaveCount(0);
  });

  test("are told of one address, which of its ways are, and where nothing leads", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Who reaches a physical address…");
    const box = section(page).getByRole("textbox", { name: "who reaches PA" });
    await expect(box).toBeFocused();
    await box.fill("0x480cd123");
    await expect(section(page).getByRole("status")).toContainText("2 addresses lead there");
    await expect(list(page).getByRole("option")).toHaveText([/SID 0x10\s*0x1\s?0123/, /SID 0x10\s*0x80\s?0010\s?7123/]);
    await section(page).getByRole("tab", { name: "All" }).click();
    await expect(list(page).getByRole("option")).toHaveCount(4);
    await list(page).getByRole("option").last().click();
    await expect(outcome(page)).toContainText("goes through");
    await expect(box).toHaveValue("0x480cd123");
    await box.fill("0x1");
    await expect(section(page).getByRole("status")).toContainText("Nothing leads there");
    await expect(list(page)).toHaveCount(0);
  });

  for (const name of ["vtd-legacy-strict", "amdvi-v1-strict"]) {
    test(`of ${name} are those that the engine finds`, async ({ page }) => {
      // The engine of the answer is loaded beside the page's.
      test.setTimeout(90_000);
      const files = ["capture.json", "memory.bin.gz"].map((file) => {
        return { name: file, buffer: readFileSync(`src/conformance/data/captures/${name}/${file}`) };
      });
      await openPage(page);
      await choosePreset(page, "Tables");
      await chooseFiles(
        page,
        files.map((file) => ({ ...file, mimeType: "application/octet-stream" })),
      );
      await expect(page.getByRole("banner")).not.toContainText("smmuv3-iommufd-nested");
      await runCommand(page, "Memory that is reached in several ways");
      await section(page).getByRole("tab", { name: "All" }).click();
      const { ranges, rows } = await captureOverlaps(
        files.map(({ name: file, buffer }) => ({ name: file, bytes: Uint8Array.from(buffer) })),
      );
      await expect(section(page).getByRole("status")).toHaveText(new RegExp(`^${ranges} ranges? of PA, `));
      await expect(list(page).getByRole("option")).not.toHaveCount(0);
      await list(page).focus();
      await page.keyboard.press("Home");
      await page.keyboard.press("Enter");
      await expect(outcome(page)).toContainText("goes through");
      expect(rows[0]?.reached).toBeGreaterThan(1);
    });
  }

  test("of 2^20 leaves are found while the page answers", async ({ page }) => {
    test.setTimeout(120_000);
    await openPage(page);
    await choosePreset(page, "Tables");
    await chooseFiles(page, [{ name: "pages.json", mimeType: "application/json", buffer: manyPages(2048) }]);
    await expect(pane(page, "Table maps").getByText(/^1\s048\s576 leaves/)).toBeVisible({ timeout: 60_000 });
    const began = Date.now();
    await pane(page, "Table maps").getByRole("button", { name: "Overlaps" }).click();
    await expect(section(page).getByRole("status")).toHaveText(/^1 range of PA, 2 MiB in all/, { timeout: 20_000 });
    console.log(`Overlaps of 2^20 leaves: ${Date.now() - began} ms`);
    await expect(list(page).getByRole("option").nth(3)).toContainText("and 2044 more");
  });
});
