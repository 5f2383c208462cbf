import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { openPage, outcome, pane, position, runCommand, sessionButton } from "./workbench.ts";

const TITLE = "A guest's DMA through two stages";
const library = (page: Page): Locator => page.getByRole("dialog", { name: "Library" });
const note = (page: Page): Locator => page.getByRole("region", { name: "Note", exact: true });
const notes = (page: Page): Locator => page.getByRole("list", { name: "All notes" }).getByRole("button");
const place = (page: Page): Locator => page.getByRole("toolbar", { name: "Notes" });

/** Open an entry by a link, and wait until its notes are there: on a first visit they are fetched after the walk. */
async function openLesson(page: Page, fragment: string): Promise<void> {
  await page.goto(`./#library=${fragment}`);
  await expect(place(page)).toBeVisible({ timeout: 20_000 });
}

test.describe("The library", () => {
  test("is opened, searched and chosen from by mouse", async ({ page }) => {
    await openPage(page);
    await sessionButton(page, "smmuv3-iommufd-nested").click();
    await page.getByRole("menuitem", { name: "Open the library…" }).click();
    const options = library(page).getByRole("option");
    await expect(library(page).getByText("Nested translation", { exact: true })).toBeVisible();
    const all = await options.count();
    expect(all).toBeGreaterThan(10);
    await page.getByPlaceholder(/^Find in the library/).fill("dma two stages");
    await expect(options).toHaveCount(1);
    await options.first().click();
    await expect(library(page)).toHaveCount(0);
    await expect(sessionButton(page, TITLE)).toBeVisible();
    await expect(page).toHaveURL(/#library=nested-dma$/);
    await expect(place(page)).toHaveText("Note 1 of 7");
    await page.getByRole("button", { name: "Panes", exact: true }).click();
    await expect(page.getByRole("menuitemcheckbox", { name: "Notes" })).toBeChecked();
  });

  test("is opened, searched and chosen from by keyboard, and closed without a choice", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("l");
    const options = library(page).getByRole("option");
    await expect(options.first()).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("ArrowDown");
    await expect(options.nth(1)).toHaveAttribute("aria-selected", "true");
    await page.keyboard.type("no such words");
    await expect(library(page).getByText("Nothing in the library speaks of this.")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(library(page)).toHaveCount(0);
    await expect(sessionButton(page, "smmuv3-iommufd-nested")).toBeVisible();
    await runCommand(page, "Open the library…");
    await page.keyboard.type("cmd_cfgi_ste nested hwpt");
    await expect(options.first()).toContainText(TITLE);
    await page.keyboard.press("Enter");
    await expect(place(page)).toHaveText("Note 1 of 7");
  });

  test("opens by a link, and says so where it has nothing of that name", { tag: "@sub-path" }, async ({ page }) => {
    await openLesson(page, "nested-dma&step=3");
    await expect(note(page)).toContainText("The card strayed");
    await expect(page.getByText("Action 3 of 6")).toBeVisible();
    await page.goto("./#library=nowhere");
    await expect(page.locator(".nw-notice")).toContainText("The library has no scenario of this name.");
    await expect(sessionButton(page, TITLE)).toBeVisible();
  });
});

test.describe("Notes", () => {
  test("lead through the story by keyboard, and the walk follows the device", async ({ page }) => {
    await openLesson(page, "nested-dma");
    await expect(note(page)).toContainText("The host has booted");
    await expect(outcome(page)).toContainText("aborted");
    await page.keyboard.press("PageDown");
    await expect(place(page)).toHaveText("Note 2 of 7");
    await expect(outcome(page)).toContainText("goes through");
    await page.keyboard.press("PageDown");
    await expect(place(page)).toHaveText("Note 3 of 7");
    // What the access read on its way, 4 × 4 + 3 with blocks in stage 2; not that the TLB has its translation now.
    await expect(position(page)).toHaveText("Access 19 of 19");
    await expect(pane(page, "Nested walk").getByText("as the action found it")).toBeVisible();
    await page.keyboard.press("PageDown");
    await expect(note(page)).toContainText("The card strayed");
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await page.keyboard.press("PageUp");
    await expect(place(page)).toHaveText("Note 3 of 7");
    await expect(outcome(page)).toContainText("goes through");
  });

  test("are gone to by mouse, and listed with the one of now marked", async ({ page }) => {
    await openLesson(page, "nested-dma");
    await expect(notes(page)).toHaveCount(7);
    await expect(place(page).getByRole("button", { name: "To the note before" })).toBeDisabled();
    await notes(page).last().click();
    await expect(place(page)).toHaveText("Note 7 of 7");
    await expect(notes(page).last()).toHaveAttribute("aria-current", "step");
    await expect(place(page).getByRole("button", { name: "To the next note" })).toBeDisabled();
    await place(page).getByRole("button", { name: "To the note before" }).click();
    await expect(notes(page).nth(5)).toHaveAttribute("aria-current", "step");
    await expect(pane(page, "Notes").getByText("step 5 of 6")).toBeVisible();
  });

  test("stay, dimmed and with their step, where a step has none", async ({ page }) => {
    await openLesson(page, "vste-bypass-abort&step=1");
    await expect(note(page)).toContainText("from step 0");
    const dimmed = await note(page)
      .locator("p")
      .last()
      .evaluate((p) => getComputedStyle(p).color);
    await page.keyboard.press("]");
    await expect(pane(page, "Notes").getByText(/^step 2 of/)).toBeVisible();
    await expect(note(page)).not.toContainText("from step");
    expect(
      await note(page)
        .locator("p")
        .last()
        .evaluate((p) => getComputedStyle(p).color),
    ).not.toBe(dimmed);
  });

  test("are large enough to project when they have all the room", async ({ page }) => {
    await openLesson(page, "nested-dma&pane=notes");
    const size = (): Promise<number> => note(page).evaluate((box) => Number.parseFloat(getComputedStyle(box).fontSize));
    await expect.poll(size).toBe(32);
    await page.keyboard.press("Escape");
    await expect(pane(page, "What happens")).toBeVisible();
    await expect.poll(size).toBeGreaterThanOrEqual(16);
  });

  test("have no pane in a session without them", async ({ page }) => {
    await openPage(page, "#preset=teach");
    await expect(pane(page, "What happens")).toBeVisible();
    await expect(pane(page, "Notes")).toHaveCount(0);
    await page.keyboard.press("PageDown");
    await expect(page.getByText(/^Action \d/)).toHaveCount(0);
  });

  test("are read on a narrow screen", async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openLesson(page, "nested-dma");
    await expect(note(page)).toContainText("The host has booted");
    await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Walk" }).click();
    await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Notes" }).click();
    await place(page).getByRole("button", { name: "To the next note" }).click();
    await expect(place(page)).toHaveText("Note 2 of 7");
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  });
});

// A look at everything on the page takes its time on a busy machine.
test("Axe finds nothing on the library and on notes", async ({ page }) => {
  test.setTimeout(60_000);
  await openLesson(page, "vste-bypass-abort&step=1");
  await expect(note(page)).toContainText("from step 0");
  await expectAccessible(page, "[data-pane=notes]");
  await page.keyboard.press("l");
  await expect(library(page).getByRole("option").first()).toBeVisible();
  await expectAccessible(page, "[role=dialog]");
  await page.keyboard.type("no such words");
  await expect(library(page).getByText("Nothing in the library speaks of this.")).toBeVisible();
  await expectAccessible(page, "[role=dialog]");
});
