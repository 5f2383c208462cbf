import { expect } from "@playwright/test";
import { test } from "./visitor.ts";
import { choosePreset, openPage, outcome, pane } from "./workbench.ts";

test.describe("Registers", () => {
  test("are filtered, decoded by field, and written as software writes them", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Queues");
    const registers = pane(page, "Registers");
    await page.getByRole("combobox", { name: "Filter the registers" }).fill("name~CR0 ");
    await page.keyboard.press("Enter");
    const rows = registers.getByRole("listbox", { name: "Registers" }).getByRole("option");
    await expect(rows.first()).toContainText("CR0");
    await rows.first().click();
    const detail = registers.getByRole("region", { name: /^Register .*CR0$/ });
    await expect(detail.getByRole("row", { name: /SMMUEN/ })).toContainText("1");
    await detail.getByRole("button", { name: "Write…" }).click();
    await detail.getByRole("textbox").fill("0x1ffffffff");
    await expect(detail.getByText("has 32 bits")).toBeVisible();
    await detail.getByRole("textbox").fill("0xc");
    await page.keyboard.press("Enter");
    // SMMUEN 0: streams bypass, as GBPA says (IHI 0070 §6.3.9.6).
    await expect(outcome(page)).toContainText(/bypasses translation|aborted/);
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+z");
    await expect(outcome(page)).toContainText("goes through");
  });
});

test.describe("Queues", () => {
  test("are rings with their ends, and their entries are decoded", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Queues");
    const commands = page.getByRole("region", { name: "Command queue", exact: true });
    const events = page.getByRole("region", { name: "Event queue", exact: true });
    await expect(commands.locator(".nw-ring")).toBeVisible();
    await expect(events.locator(".nw-ring")).toBeVisible();
    await expect(commands).toContainText("CMDQ_PROD");
    await expect(commands).toContainText("0xe1d");
    const entry = commands.getByRole("option", { name: /0xe1b.*CMD_TLBI_NH_VA/ });
    await entry.click();
    await expect(commands.getByRole("region", { name: /^Slot/ }).getByRole("row", { name: /ASID/ })).toContainText(
      "0x2",
    );
  });
});

test.describe("Memory", () => {
  test("goes anywhere in 2^52 bytes, follows pointers, and is written", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Tables");
    const memory = pane(page, "Memory");
    const view = memory.getByRole("group", { name: /^Memory\./ });
    // The selected descriptor is in view.
    await expect(memory.locator("[data-linked=true]")).toBeVisible();
    await memory.getByRole("textbox").fill("0xffffffffffff8");
    await page.keyboard.press("Enter");
    await expect(view).toContainText("0xffffffffffff0");
    await expect(view).toContainText("not in the session");
    // The stage-2 root table leads on.
    await memory.getByRole("textbox").fill("0x4156d000");
    await page.keyboard.press("Enter");
    await expect(memory.locator("[data-cursor=true]")).toHaveText("0x0000000041539003");
    await view.focus();
    await page.keyboard.press("Enter");
    await expect(memory.locator(".memory-foot")).toContainText("0x41539000");
    await memory.getByRole("textbox").first().fill("0x4156d000");
    await page.keyboard.press("Enter");
    await memory.getByRole("button", { name: "Write…" }).click();
    await memory.getByRole("textbox", { name: /^New value/ }).fill("0");
    await page.keyboard.press("Enter");
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
  });

  test("lists ranges by what they are for", async ({ page }) => {
    await openPage(page, "#pane=memory");
    const ranges = page.getByRole("listbox", { name: "Ranges of memory" });
    await ranges.focus();
    await page.keyboard.press("Home");
    await expect(ranges.getByRole("option", { name: /stream table/ }).first()).toBeVisible();
    await ranges
      .getByRole("option", { name: /stream table/ })
      .first()
      .click();
    await expect(pane(page, "Memory").locator(".memory-foot")).toContainText("stream table");
  });
});
