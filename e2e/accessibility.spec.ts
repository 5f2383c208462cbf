import { expect } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { choosePreset, openPage, runCommand } from "./workbench.ts";

// A look at everything on the page takes its time on a busy machine.
test.describe.configure({ timeout: 120_000 });

test.describe("Axe finds nothing", () => {
  test("on the walk", async ({ page }) => {
    await openPage(page);
    await expect(page.getByRole("button", { name: "Bit 0, Valid" })).toBeVisible();
    await page.getByRole("button", { name: "Rights", exact: true }).click();
    await expect(page.getByRole("region", { name: "How both stages combine" })).toBeVisible();
    await expectAccessible(page);
  });

  test("on a fault, with an edit and a message", async ({ page }) => {
    await openPage(page, "#c=1.%%%");
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await page.getByRole("tab", { name: /^Recorded/ }).click();
    await expectAccessible(page);
  });

  test("on the table maps", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Tables");
    await expect(page.getByText(/leaves in \d+ tables/).first()).toBeVisible();
    await expectAccessible(page, "main");
  });

  test("on the decoder", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    await page.getByRole("button", { name: /Event 0x07/ }).click();
    await expect(page.getByRole("region", { name: "Meaning" })).toBeVisible();
    await expectAccessible(page, "main");
  });

  test("on the share panel and the key sheet", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("s");
    await expect(page.getByTestId("link-length")).toBeVisible();
    await expectAccessible(page, "[role=dialog]");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Keys/ }).click();
    await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
    await expectAccessible(page, "[role=dialog]");
  });

  test("on whatever comes over the page, which Escape closes so that the focus is back where it was", async ({
    page,
  }) => {
    await openPage(page);
    const grid = page.getByRole("group", { name: /Grid of accesses/ });
    const dialog = page.getByRole("dialog");
    const opened: readonly (readonly [string, () => Promise<void>])[] = [
      ["Library", () => page.keyboard.press("l")],
      ["Find or run", () => page.keyboard.press("Control+k")],
      ["Keys", () => page.keyboard.press("?")],
      ["What differs between kernels", () => runCommand(page, "What differs between kernels")],
      ["Measure this browser", () => runCommand(page, "Measure this browser")],
    ];
    for (const [name, open] of opened) {
      await grid.focus();
      await open();
      await expect(page.getByRole("dialog", { name })).toBeVisible();
      await expect(page.getByText(/Fetching/)).toHaveCount(0);
      await expectAccessible(page, "[role=dialog]");
      await page.keyboard.press("Escape");
      await expect(dialog).toHaveCount(0);
      await expect(grid).toBeFocused();
    }
    for (const button of [/^Left out:/, "Arm SMMUv3"]) {
      await page.getByRole("button", { name: button }).press("Enter");
      await expect(dialog).toBeVisible();
      await expectAccessible(page, "[role=dialog]");
      await page.keyboard.press("Escape");
      await expect(page.getByRole("button", { name: button })).toBeFocused();
    }
  });

  test("on the palette, the software and the teaching preset", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("dialog").getByRole("option").first()).toBeVisible();
    await expectAccessible(page, "[role=dialog]");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    for (const preset of ["Software", "Teach"] as const) {
      await choosePreset(page, preset);
      await expect(page.getByText(/Fetching/)).toHaveCount(0);
      await expectAccessible(page, "main");
    }
  });

  test("on queues, registers, caches and memory, and on a pinned walk", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("p");
    await expect(page.getByText("Pinned and now are the same")).toBeVisible();
    await expectAccessible(page, "[data-pane=pinned]");
    await choosePreset(page, "Queues");
    await expect(page.locator(".nw-ring").first()).toBeVisible();
    await page.getByRole("listbox", { name: "Registers" }).getByRole("option").first().click();
    await page.getByRole("listbox", { name: "Entries of the Command queue" }).getByRole("option").first().click();
    await expectAccessible(page, "main");
  });

  test("on a narrow screen", async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openPage(page);
    const bar = page.getByRole("navigation", { name: "Panes" });
    const expectFits = async (pane: string): Promise<void> => {
      await expectAccessible(page, "main");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${pane} is wider than the screen`).toBeLessThanOrEqual(0);
    };
    await expectAccessible(page);
    for (const pane of ["Streams", "Leaves", "Walk", "Inspect", "Events", "Tables", "Timeline", "Decode"]) {
      await bar.getByRole("button", { name: pane, exact: true }).click();
      await expectFits(pane);
    }
    for (const pane of ["Software", "Queues"]) {
      await bar.getByRole("button", { name: "More panes" }).click();
      await page.getByRole("menuitem", { name: pane, exact: true }).click();
      await expect(page.getByRole("region", { name: pane, exact: true })).toBeVisible();
      await expectFits(pane);
    }
  });
});
