import { readFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";
import { lessonAnswers } from "../src/cli/lesson_answers.ts";
import type { SoftwareAnswer } from "../src/protocol/software.ts";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { openPage, pane, runCommand } from "./workbench.ts";

const openLesson = (page: Page, id: string, step: number): Promise<void> =>
  openPage(page, `#library=${id}&preset=software&step=${step}`);

const withGaps = (value: number): string => value.toLocaleString("en").replace(/,/g, "\u2009");

async function expectCosts(page: Page, { counts, before }: SoftwareAnswer): Promise<void> {
  for (const [deed, count] of Object.entries(counts)) {
    if (count === 0) continue;
    const cells = pane(page, "Software").locator(`[data-deed="${deed}"] td`);
    const more = count - (before?.counts[deed] ?? 0);
    await expect(cells.nth(0)).toHaveText(more === 0 ? "–" : `+${withGaps(more)}`);
    await expect(cells.nth(1)).toHaveText(withGaps(count));
  }
}

// The engine of the answers is loaded beside the page's on a busy machine.
test.describe.configure({ timeout: 90_000 });

test.describe("The software of a session", () => {
  test("shows the objects, costs and log that the engine has, and the new ones after a step", async ({ page }) => {
    await openLesson(page, "nested-dma", 1);
    const { software } = await lessonAnswers("nested-dma", 1);
    const pictured = pane(page, "Software").locator(".object-box");
    await expect(pictured).toHaveCount(software.objects.length);
    for (const { id, type, about, users, holds } of software.objects) {
      await expect(page.locator(`[data-object="${id}"] title`)).toContainText(`${type} ${id}: ${about}`);
      const cells = page.locator(`[data-object-row="${id}"] td`);
      await expect(cells.nth(3)).toHaveText(String(users));
      for (const held of holds) {
        await expect(cells.nth(4)).toContainText(` ${held}`);
        await expect(page.locator(`[data-edge="${id} ${held}"]`)).toHaveCount(1);
      }
    }
    await expectCosts(page, software);
    await expect(page.getByRole("region", { name: "Guest log" }).getByRole("listitem")).toHaveText([
      ...software.guestLog,
    ]);
    await page.keyboard.press("]");
    await expect(page.getByText("Action 2 of 6")).toBeVisible();
    await expectCosts(page, (await lessonAnswers("nested-dma", 2)).software);
  });

  for (const lesson of ["nested-dma", "nested-vtd", "nested-amd"]) {
    test(`says what may follow with an object of ${lesson}, and makes it the next step`, async ({ page }) => {
      const last = (await lessonAnswers(lesson, 1)).software.objects;
      const parent = last.find(({ type }) => type === "HWPT_PAGING")!;
      await openPage(page, `#library=${lesson}&preset=software&step=99`);
      const objects = page.getByRole("region", { name: "Objects of the host kernel" });
      await page.getByRole("group", { name: /^Graph of objects/ }).focus();
      for (let i = 0; i <= last.indexOf(parent); i++) await page.keyboard.press("ArrowRight");
      const calls = objects.getByRole("list", { name: `Calls with HWPT_PAGING ${parent.id}` });
      await expect(calls.getByRole("button", { name: /^IOMMU_DESTROY/ })).toContainText("EBUSY");
      const allowed = calls.getByRole("button").filter({ hasText: "is done" }).first();
      const text = await allowed.innerText();
      await allowed.focus();
      await page.keyboard.press("Enter");
      await expect(page.getByText(new RegExp(`VMM calls ${/^\w+/.exec(text.trim())![0]}`)).first()).toBeVisible();
    });
  }

  test("names what a chosen object holds and who holds it, by mouse and by keys", async ({ page }) => {
    await openLesson(page, "nested-dma", 6);
    const objects = page.getByRole("region", { name: "Objects of the host kernel" });
    await objects.locator('[data-object="4"]').click();
    await expect(objects.getByRole("status")).toContainText("Holds HWPT_PAGING 3");
    await expect(objects.getByRole("status")).toContainText("EBUSY");
    await page.getByRole("group", { name: /^Graph of objects/ }).focus();
    await page.keyboard.press("ArrowRight");
    await expect(objects.getByRole("status")).toContainText("VDEVICE 5");
    await page.keyboard.press("Escape");
    await expect(objects.getByRole("status")).toHaveCount(0);
  });

  test("lists hazards first, and goes to the step of one", async ({ page }) => {
    await openLesson(page, "no-sync", 4);
    const { hazards } = (await lessonAnswers("no-sync", 4)).software;
    const rows = page.getByRole("region", { name: "Hazards" }).getByRole("button");
    await expect(rows).toHaveCount(hazards.length);
    await expect(rows.first()).toContainText(hazards[0]?.text ?? "");
    await rows.first().click();
    await expect(page.getByText(`Action ${(hazards[0]?.action ?? 0) + 1} of 4`)).toBeVisible();
  });

  test("without a host's kernel, or without any, is said in words", async ({ page }) => {
    await openLesson(page, "story-vtd-scalable", 1);
    await expect(pane(page, "Software")).toContainText("This session has no host kernel.");
    await openPage(page, "#preset=software");
    await page.reload();
    await pane(page, "Software").getByRole("button", { name: "Open the library…" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
  });
});

test.describe("What the software did in a step", () => {
  test("has a box for each entry of the engine's journal, which folds what it causes", async ({ page }) => {
    await openLesson(page, "nested-dma", 1);
    const entries = (await lessonAnswers("nested-dma", 1)).entries.filter(({ action }) => action === 0);
    const lanes = pane(page, "Who did what");
    await expect(lanes.locator(".journal-box")).toHaveCount(entries.length);
    const trap = entries.find(({ deed, id }) => deed === "trapped write" && entries.some((e) => e.cause === id));
    const box = lanes.locator(`[data-entry="${trap?.id}"]`);
    await box.hover();
    await expect(page.locator(".draw-tip")).toContainText("VM exit, write");
    await box.click();
    await expect(box).toHaveAttribute("data-folded", "true");
    expect(await lanes.locator(".journal-box").count()).toBeLessThan(entries.length);
    await lanes.getByRole("button", { name: "Unfold all" }).click();
    await expect(lanes.locator(".journal-box")).toHaveCount(entries.length);
  });

  test("is a list too, in which keys fold", async ({ page }) => {
    await openLesson(page, "nested-dma", 1);
    const entries = (await lessonAnswers("nested-dma", 1)).entries.filter(({ action }) => action === 0);
    await page.getByRole("tab", { name: "List" }).click();
    const list = page.getByRole("listbox", { name: "What happened in this step" });
    await expect(list.getByRole("option").first()).toHaveAttribute("aria-setsize", String(entries.length));
    await page.getByRole("button", { name: "Fold all", exact: true }).click();
    const roots = entries.filter(({ cause }) => cause === null).length;
    await expect(list.getByRole("option").first()).toHaveAttribute("aria-setsize", String(roots));
  });

  test("of tens of thousands of things draws no more than fits", async ({ page }) => {
    await openLesson(page, "story-amd-v2", 0);
    const lanes = pane(page, "Who did what");
    await expect(lanes.locator(".journal-box").first()).toBeVisible();
    expect(await lanes.locator(".journal-box").count()).toBeLessThan(2000);
  });

  test("is saved as a trace with a slice for each entry", async ({ page }) => {
    await openLesson(page, "nested-dma", 6);
    const { entries } = await lessonAnswers("nested-dma", 6);
    const download = page.waitForEvent("download");
    await runCommand(page, "Save the journal as a trace for Perfetto");
    const saved = await download;
    expect(saved.suggestedFilename()).toMatch(/\.trace\.json$/);
    const { traceEvents } = JSON.parse(readFileSync(await saved.path(), "utf8"));
    const slices = traceEvents.filter((e: { ph: string; args?: { entry?: number } }) => e.args?.entry !== undefined);
    expect(slices).toHaveLength(entries.length);
  });
});

test("Axe finds nothing on the software preset", async ({ page }) => {
  await openLesson(page, "no-sync", 4);
  await page.locator('[data-object="4"]').click();
  await expect(page.getByRole("list", { name: "Calls with VIOMMU 4" })).toBeVisible();
  await expectAccessible(page, "main");
  await page.keyboard.press("[");
  await page.getByRole("tab", { name: "List" }).click();
  const journal = page.getByRole("listbox", { name: "What happened in this step" });
  await expect(journal.getByRole("option").first()).toBeVisible();
  await expectAccessible(page, ".lanes");
  await page.getByRole("tab", { name: "In order" }).click();
  await expectAccessible(page, ".lanes");
});
