import { expect } from "@playwright/test";
import { test } from "./visitor.ts";
import { openPage, outcome, walkDigest } from "./workbench.ts";

test.describe("An edited bit", () => {
  test("changes the outcome, and taking it back restores the walk", async ({ page }) => {
    await openPage(page);
    const before = await walkDigest(page);
    // The last access is selected: the stage-2 leaf of the final address.
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await expect(page.getByRole("banner").getByText("edited")).toBeVisible();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    const edited = await walkDigest(page);
    expect(edited).not.toBe(before);

    await page.getByRole("button", { name: "Take back", exact: true }).click();
    await expect(outcome(page)).toContainText("goes through to PA 0x480cd000");
    await expect.poll(() => walkDigest(page)).toBe(before);

    await page.getByRole("button", { name: "Do one action again" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await expect.poll(() => walkDigest(page)).toBe(edited);
  });

  test("is taken back and done again by keyboard", async ({ page }) => {
    await openPage(page);
    const before = await walkDigest(page);
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await page.keyboard.press("[");
    await expect(outcome(page)).toContainText("goes through");
    await expect.poll(() => walkDigest(page)).toBe(before);
    await page.keyboard.press("]");
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
  });

  test("of the STE stops the walk before any table is read", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("region", { name: "Inspector" })).toContainText("STE");
    await page.getByRole("button", { name: "Bit 0, V", exact: true }).click();
    await page.keyboard.press("End");
    await expect(outcome(page)).toContainText("stopped by C_BAD_STE");
    await expect(page.getByRole("region", { name: "Events" })).toContainText("C_BAD_STE");
  });

  test("by typed words is one action, told from wrong ones, and found again in the timeline", async ({ page }) => {
    await openPage(page);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const inspector = page.getByRole("region", { name: "Inspector" });
    await inspector.getByRole("button", { name: "Edit hex" }).click();
    const box = inspector.getByRole("textbox", { name: /^Words of the structure/ });
    const before = await box.inputValue();
    expect(before.split("\n")).toHaveLength(8);
    await box.fill("0x1 zz");
    await expect(inspector.getByText("Word 1 is no hexadecimal number")).toBeVisible();
    await expect(inspector.getByRole("button", { name: "Write", exact: true })).toBeDisabled();
    const bypass = (BigInt(before.split("\n")[0] ?? "0") & ~0xen) | 0x8n;
    await box.fill([`0x${bypass.toString(16)}`, ...before.split("\n").slice(1)].join("\n"));
    await page.keyboard.press("Control+Enter");
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await page.keyboard.press("End");
    await expect(outcome(page)).toContainText("bypasses translation");
    await inspector.getByRole("button", { name: "Show in the timeline" }).click();
    await expect(page.getByRole("listbox", { name: "Actions" }).getByRole("option")).toHaveCount(2);
  });

  test("leaves words in C and JSON in the clipboard", async ({ page }) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await openPage(page);
    const inspector = page.getByRole("region", { name: "Inspector" });
    await inspector.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("menuitem", { name: "C initialiser" }).click();
    await expect(inspector.getByRole("button", { name: "Copied" })).toBeVisible();
    await expect
      .poll(() => page.evaluate(() => navigator.clipboard.readText()))
      .toMatch(/static const uint64_t .*\[1\] = \{/);
  });
});
