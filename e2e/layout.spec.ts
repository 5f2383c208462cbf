import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";
import { test } from "./visitor.ts";
import { choosePreset, openPage, outcome, pane, position, runCommand } from "./workbench.ts";

test.describe("Panes", () => {
  test("close, come back from the menu, and stay closed after a reload", async ({ page }) => {
    await openPage(page);
    await pane(page, "Streams").getByRole("button", { name: "Close Streams" }).click();
    await expect(pane(page, "Streams")).toHaveCount(0);
    await page.reload();
    await expect(pane(page, "Translations")).toBeVisible();
    await expect(pane(page, "Streams")).toHaveCount(0);
    await page.getByRole("button", { name: "Panes, 1 closed" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Streams" }).click();
    await page.keyboard.press("Escape");
    await expect(pane(page, "Streams")).toBeVisible();
  });

  test("take all the room and give it back, by button and by key", async ({ page }) => {
    await openPage(page);
    const walk = pane(page, "Nested walk");
    const before = (await walk.boundingBox())?.width ?? 0;
    await walk.getByRole("button", { name: "Give Nested walk all the room" }).click();
    await expect(pane(page, "Inspector")).toHaveCount(0);
    expect((await walk.boundingBox())?.width).toBe(1280);
    await page.keyboard.press("Escape");
    await expect(pane(page, "Inspector")).toBeVisible();
    expect((await walk.boundingBox())?.width).toBe(before);
    await page.getByRole("group", { name: /Grid of accesses/ }).focus();
    await page.keyboard.press("m");
    await expect(pane(page, "Inspector")).toHaveCount(0);
  });

  test("keep the size they are given, and get their first one back", async ({ page }) => {
    await openPage(page);
    const width = async (): Promise<number> => (await pane(page, "Streams").boundingBox())?.width ?? 0;
    const first = await width();
    const border = page.getByRole("separator", { name: "Border between the lists and the walk" });
    await border.focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
    const wider = await width();
    expect(wider).toBeGreaterThan(first);
    await page.reload();
    await expect(pane(page, "Streams")).toBeVisible();
    expect(Math.abs((await width()) - wider)).toBeLessThan(2);
    await runCommand(page, "Put all panes back");
    await expect.poll(width).toBe(first);
  });
});

test.describe("The palette", () => {
  test("runs a command, walks a typed address and goes to an action", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Preset Tables");
    await expect(pane(page, "Table maps")).toBeVisible();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find or run" }).fill("0x11f80");
    await page.keyboard.press("Enter");
    await expect(outcome(page)).toContainText("PA 0x480cef80");
    await choosePreset(page, "Walk");
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find or run" }).fill("#0");
    await page.keyboard.press("Enter");
    await expect(outcome(page)).toContainText("goes through");
  });

  test("does not do what cannot be done, and says when nothing is called so", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("Control+k");
    const box = page.getByRole("combobox", { name: "Find or run" });
    await box.fill("Take back");
    await expect(page.getByRole("option", { name: "Take back one action" })).toHaveAttribute("aria-disabled", "true");
    await box.fill("zzzzqq");
    await expect(page.getByText("Nothing is called so.")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(box).toHaveCount(0);
  });
});

test.describe("The address", () => {
  test("names a preset, the records shown and the selected one", async ({ page }) => {
    await openPage(page, "#preset=teach&shown=9&record=3");
    await expect(pane(page, "What happens")).toBeVisible();
    await expect(position(page)).toHaveText(/Access 2 of 24/);
    await expect(page.locator(".account button[data-selected=true]")).toHaveCount(1);
  });

  test("carries text to the decoder", async ({ page }) => {
    const line = "arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:";
    await page.goto(`./#decode=${encodeURIComponent(line)}`);
    await expect(page.getByRole("textbox", { name: /to decode$/ })).toHaveValue(line);
  });

  test("shows one pane alone for a page of somebody else's", async ({ page }) => {
    await page.goto("./#pane=walk&embed=1");
    await expect(pane(page, "Nested walk")).toBeVisible();
    await expect(page.getByRole("banner")).toHaveCount(0);
    await expect(page.getByRole("link", { name: "Open in Nestwalk" })).toHaveAttribute("href", /^(?!.*embed)/);
    await page.keyboard.press("Home");
    await expect(position(page)).toHaveText(/Configuration access 0/);
  });
});

test.describe("Pictures", () => {
  test("are saved as SVG that needs nothing of the page, and as PNG", async ({ page }) => {
    await openPage(page);
    const walk = pane(page, "Nested walk");
    await walk.getByRole("button", { name: "Save Nested walk as a picture" }).click();
    const [svg] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: "Picture as SVG" }).click(),
    ]);
    expect(svg.suggestedFilename()).toBe("smmuv3-iommufd-nested-Nested-walk.svg");
    const text = readFileSync((await svg.path()) ?? "", "utf8");
    expect(/var\(|class=/.exec(text)?.[0]).toBeUndefined();
    expect(text.match(/<rect/g)?.length).toBeGreaterThan(60);
    expect(text.length).toBeLessThan(100_000);
    await walk.getByRole("button", { name: "Save Nested walk as a picture" }).click();
    const [png] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: "Picture as PNG" }).click(),
    ]);
    const bytes = readFileSync((await png.path()) ?? "");
    expect(bytes.subarray(1, 4).toString()).toBe("PNG");
    expect(bytes.readUInt32BE(16)).toBeGreaterThan(1000);
  });
});

test.describe("A pinned walk", () => {
  test("stands beside the walk of now and says where they part", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("p");
    const pinned = pane(page, "Pinned walk");
    await expect(pinned.getByText("Pinned and now are the same")).toBeVisible();
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await expect(pinned.getByText("They part at Stage 2 level 3 descriptor.")).toBeVisible();
    await expect(pinned.getByText("The read goes through.")).toBeVisible();
    await pinned.getByRole("button", { name: "Unpin" }).click();
    await expect(pinned).toHaveCount(0);
  });
});

test.describe("How both stages combine", () => {
  test("is what the walk gives, in a table and bit for bit, for every architecture", async ({ page }) => {
    for (const lesson of ["nested-dma", "nested-vtd", "nested-amd"]) {
      await page.goto(`./#library=${lesson}&preset=walk&step=2`);
      await expect(outcome(page)).toContainText("goes through");
      await page.getByRole("button", { name: "Rights", exact: true }).click();
      const combined = page.getByRole("region", { name: "How both stages combine" });
      const rights = combined.getByRole("row", { name: /^(Rights|Unprivileged|Privileged)/ }).first();
      const together = await rights.locator("strong").innerText();
      await expect(outcome(page)).toContainText(`${together},`);
      const pa = /PA (0x[\s0-9a-f]+)/.exec(await outcome(page).innerText())?.[1]?.replaceAll(/\s/g, "");
      const told = await combined.getByRole("listitem").last().textContent();
      expect(told).toMatch(new RegExp(`^PA ${pa}: bits \\d+ to \\d+ from .* leaf.* of the IOVA$`));
      await page.reload();
    }
  });
});

test.describe("Actions", () => {
  test("are listed, gone to by click and by the strip, and marked", async ({ page }) => {
    await openPage(page);
    for (const bit of [0, 1, 2]) {
      await page.getByRole("button", { name: new RegExp(`^Bit ${bit},`) }).click();
      await expect(page.getByText(`Action ${bit + 1} of ${bit + 1}`)).toBeVisible();
    }
    await choosePreset(page, "Software");
    const list = page.getByRole("listbox", { name: "Actions" });
    await expect(list.getByRole("option")).toHaveCount(4);
    await list.getByRole("option").nth(1).click();
    await expect(page.getByText("Action 1 of 3")).toBeVisible();
    await page.keyboard.press("b");
    await expect(list.getByRole("option").nth(1).locator("svg")).toHaveCount(1);
    const strip = page.getByRole("slider", { name: "Action" });
    await strip.focus();
    await page.keyboard.press("End");
    await expect(page.getByText("Action 3 of 3")).toBeVisible();
    await page.keyboard.press("n");
    await expect(page.getByText("Action 1 of 3")).toBeVisible();
    await expect(strip).toHaveAttribute("aria-valuenow", "1");
    const box = await strip.boundingBox();
    if (box === null) throw new Error("no strip");
    await page.mouse.click(box.x + 1, box.y + 10);
    await expect(page.getByText("Action 0 of 3")).toBeVisible();
    // Lanes show the same three.
    await expect(page.locator(".nw-lanes .lane-mark")).toHaveCount(3);
    await page.keyboard.press("Shift+Space");
    await expect(page.getByText("Action 3 of 3")).toBeVisible({ timeout: 5000 });
  });

  test("are taken back and done again by the keys of every program", async ({ page }) => {
    await openPage(page);
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await page.keyboard.press("Control+z");
    await expect(outcome(page)).toContainText("goes through");
    await page.keyboard.press("Control+Shift+z");
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
  });
});
