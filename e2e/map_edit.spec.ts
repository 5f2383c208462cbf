import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { choosePreset, openPage, outcome, pane, runCommand } from "./workbench.ts";

const editor = (page: Page, stage: 1 | 2) => page.getByRole("region", { name: `Change what stage ${stage} maps` });
const plan = (page: Page) => page.getByRole("list", { name: "What software would do" }).getByRole("listitem");

test.describe("Changes of a map", () => {
  test("are listed as writes and commands, done as steps, and taken back", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Tables");
    await pane(page, "Table maps").getByRole("button", { name: "Change what stage 1 maps" }).click();
    const form = editor(page, 1);
    await expect(form.getByLabel("IOVA")).toHaveValue("0x10000");
    await expect(plan(page)).toHaveText([/^0x0 written at 0x41f97080$/, /^CMD_TLBI_NH_VA, /, /^CMD_SYNC$/]);
    await expectAccessible(page, "[data-pane=maps]");
    await form.getByRole("button", { name: "Do it, 3 actions" }).click();
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    await expect(form).toContainText("Nothing is mapped there.");
    await expect(form).toContainText("Done as actions 1 to 3.");
    await form.getByRole("button", { name: "Take it back" }).click();
    await expect(outcome(page)).toContainText("goes through");
    await expect(plan(page)).toHaveCount(3);
  });

  test("are begun from the palette, and say why they cannot be made", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Map, unmap, split or merge in stage 2…");
    const form = editor(page, 2);
    await form.getByRole("combobox", { name: "Change" }).selectOption("Split a block");
    await form.getByLabel("Input").fill("0x40107000");
    await expect(form).toContainText("no smaller leaf");
    await form.getByLabel("Input").fill("nonsense");
    await expect(form).toContainText("Say where");
    await pane(page, "Table maps").getByRole("button", { name: "Change what stage 2 maps" }).click();
    await expect(form).toHaveCount(0);
  });

  test("flip a bit with what that takes, and take runs apart that count as one", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Map, unmap, split or merge in stage 1…");
    const form = editor(page, 1);
    await form.getByRole("combobox", { name: "Change" }).selectOption("Flip a bit");
    await form.getByRole("spinbutton", { name: "bit" }).fill("6");
    await expect(plan(page)).toHaveText([/written at 0x41f97080$/, /^CMD_TLBI_NH_VA, /, /^CMD_SYNC$/]);
    await form.getByRole("combobox", { name: "Change" }).selectOption("Unmap");
    // The second page of 16 in a run.
    await form.getByLabel("IOVA").fill("0x31000");
    await expect(plan(page)).toHaveText([/^128 B written at/, /^0x0 written at/, /^CMD_TLBI_NH_ASID, /, /^CMD_SYNC$/]);
  });

  test("in a session with software are its own steps, or raw writes that say what they leave out", async ({ page }) => {
    await openPage(page, "#library=nested-dma&preset=tables&step=2");
    await pane(page, "Table maps").getByRole("button", { name: "Change what stage 1 maps" }).click();
    const form = editor(page, 1);
    await expect(form.getByRole("tab", { name: "By the guest" })).toHaveAttribute("aria-selected", "true");
    await expect(plan(page)).toHaveText([/^guest unmaps 4 KiB/]);
    await form.getByRole("tab", { name: "Raw writes" }).click();
    await expect(form).toContainText("behind the driver's back");
    await expect(plan(page)).toHaveText([/^0x0 written at 0x/]);
    await expectAccessible(page, "[data-pane=maps]");
    await form.getByRole("tab", { name: "By the guest" }).click();
    await form.getByRole("button", { name: "Do it, 1 action" }).click();
    await expect(form).toContainText("Done as action 3.");
    await pane(page, "Table maps").getByRole("button", { name: "Change what stage 2 maps" }).click();
    await expect(editor(page, 2)).toBeVisible();
  });
});
