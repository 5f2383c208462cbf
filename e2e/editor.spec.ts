import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import {
  chooseFiles,
  choosePreset,
  openPage,
  outcome,
  pane,
  runCommand,
  sessionButton,
  walkDigest,
} from "./workbench.ts";

const box = (page: Page): Locator => page.getByRole("textbox", { name: "Scenario as text" });
const problems = (page: Page): Locator => page.getByRole("list", { name: "Problems" }).getByRole("button");
const verdict = (page: Page): Locator => pane(page, "Scenario text").getByRole("status");

/** Put a text in place of the one that is there. Thousands of lines at once take long as if they were typed. */
async function write(page: Page, text: string): Promise<void> {
  await box(page).evaluate((field: HTMLTextAreaElement, next) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set?.call(field, next);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }, text);
}

/** The text, once it is read and in order. */
async function textOf(page: Page): Promise<string> {
  await expect(verdict(page)).toContainText("no problems");
  return box(page).inputValue();
}

const changed = (text: string, change: (json: Record<string, unknown>) => void): string => {
  const json = JSON.parse(text) as Record<string, unknown>;
  change(json);
  return `${JSON.stringify(json, null, 1)}\n`;
};

test.describe("The scenario's text", () => {
  test("is opened as the session, with steps that were typed", async ({ page }) => {
    await openPage(page);
    const digest = await walkDigest(page);
    await page.keyboard.press("e");
    const text = await textOf(page);
    expect(JSON.parse(text)).toMatchObject({ v: 1, machine: { arch: "smmuv3" } });
    // SMMUEN 0: streams bypass, as GBPA says (IHI 0070 §6.3.9.6).
    await write(
      page,
      changed(text, (json) => {
        json.title = "typed by hand";
        json.steps = [{ do: "register", name: "CR0", value: "0xc" }];
      }),
    );
    await expect(verdict(page)).toHaveText("no problems, 1 step");
    await page.keyboard.press("Control+Enter");
    await expect(sessionButton(page, "typed by hand")).toBeVisible();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await expect(pane(page, "Scenario text")).toContainText("as the session is · 1 step");
    await choosePreset(page, "Walk");
    await expect(outcome(page)).toContainText(/bypasses translation|aborted/);
    await page.keyboard.press("Control+z");
    await expect(outcome(page)).toContainText("goes through");
    await expect.poll(() => walkDigest(page)).toBe(digest);
  });

  test("has every problem at its line, and is kept while the pane is away", async ({ page }) => {
    await openPage(page);
    await runCommand(page, "Edit the scenario as text");
    const text = await textOf(page);
    const session = page.getByRole("banner").getByRole("button").first();
    const title = (await session.textContent()) ?? "";
    const wrong = changed(text, (json) => {
      json.title = 7;
      json.steps = [{ do: "toggle", at: "0x1001", bit: 64 }];
    });
    await write(page, wrong);
    await expect(problems(page)).toHaveCount(3);
    const line = (part: string): number => wrong.split("\n").findIndex((l) => l.includes(part)) + 1;
    await expect(problems(page).nth(0)).toContainText(`line ${line('"title"')}title Expected a title`);
    await expect(problems(page).nth(1)).toContainText(`line ${line('"at"')}steps[0].at`);
    await expect(problems(page).nth(2)).toContainText(`line ${line('"bit"')}steps[0].bit`);
    await expect(page.getByRole("button", { name: "Open as session" })).toBeDisabled();

    await problems(page).nth(2).press("Enter");
    await expect(box(page)).toBeFocused();
    const at = await box(page).evaluate((field: HTMLTextAreaElement) => field.selectionStart);
    expect(wrong.slice(0, at).split("\n")).toHaveLength(line('"bit"'));
    await expect(page.locator(".numbered-line[data-state=fault]").last()).toContainText(String(line('"bit"')));

    // The session is as it was, and so is what was typed, with the pane closed and opened again.
    await page.keyboard.press("Control+Enter");
    await choosePreset(page, "Queues");
    await choosePreset(page, "Edit");
    await expect(box(page)).toHaveValue(wrong);
    await expect(session).toHaveText(title);
    await page.getByRole("button", { name: "Back to the session’s text" }).click();
    await expect.poll(() => textOf(page)).toBe(text);
  });

  test("that breaks off names line and column", async ({ page }) => {
    await openPage(page, "#preset=edit");
    const text = await textOf(page);
    await write(page, text.slice(0, text.indexOf('"machine"')));
    await expect(problems(page)).toHaveCount(1);
    await expect(problems(page)).toContainText("in the middle of a value");
    await write(page, text);
    await expect(problems(page)).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Open as session" })).toBeDisabled();
  });

  test("that the engine refuses stays beside the session, with the line of the reason", async ({ page }) => {
    await openPage(page, "#preset=edit");
    const refused = changed(await textOf(page), (json) => {
      json.steps = [{ do: "register", name: "NOSUCH", value: "0x1" }];
    });
    await write(page, refused);
    await expect(verdict(page)).toContainText("no problems");
    await page.getByRole("button", { name: "Open as session" }).click();
    await expect(problems(page)).toHaveCount(1);
    await expect(problems(page)).toContainText("steps[0]");
    await expect(box(page)).toHaveValue(refused);
    await expect(page.getByText(/^Action/)).toHaveCount(0);
  });

  test("of a large session can be read, and is not to be edited", async ({ page }) => {
    await openPage(page, "#preset=edit");
    const words = Array.from({ length: 80_000 }, (_, i) =>
      (0x9e37_79b9_7f4a_7c15n * BigInt(i + 1)).toString(16).slice(-16),
    );
    const large = changed(await textOf(page), (json) => {
      (json.machine as { memory: { words: Record<string, string> } }).memory.words = { "0x900000000": words.join(" ") };
    });
    const buffer = Buffer.from(large);
    await chooseFiles(page, [{ name: "large.json", mimeType: "application/json", buffer }]);
    await expect(pane(page, "Scenario text")).toContainText("it can only be read here");
    const lines = page.getByRole("group", { name: "Scenario as text" });
    await expect(lines).toContainText('"smmuv3-iommufd-nested"');
    await lines.focus();
    await page.keyboard.press("End");
    // The text ends with its last line.
    await expect(lines.locator(".numbered-line").nth(-2)).toHaveText(/^\d+}$/);
    await expect(box(page)).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Open as session" })).toBeDisabled();
  });

  test("says when the session has changed since", async ({ page }) => {
    await openPage(page, "#preset=edit");
    const text = await textOf(page);
    await write(page, text.replace('"title": "', '"title": "My '));
    await choosePreset(page, "Walk");
    await page.getByRole("button", { name: "Bit 0, Valid" }).click();
    await expect(page.getByText("Action 1 of 1")).toBeVisible();
    await choosePreset(page, "Edit");
    await expect(page.getByText("the session has changed since")).toBeVisible();
    await page.getByRole("button", { name: "Back to the session’s text" }).click();
    expect(JSON.parse(await textOf(page))).toMatchObject({ steps: [{ do: "toggle" }] });
  });
});

test.describe("The steps of the text", () => {
  test("are moved, doubled, deleted and given notes, and opened", async ({ page }) => {
    await openPage(page, "#preset=edit");
    const steps = [3, 4, 5].map((bit) => ({ do: "toggle", at: "0x40bc0400", bit }));
    const text = changed(await textOf(page), (json) => {
      json.steps = steps;
    });
    await write(page, text);
    await expect(verdict(page)).toHaveText("no problems, 3 steps");
    await page.getByRole("tab", { name: "Steps" }).click();
    const rows = page.getByRole("listbox", { name: "Steps" }).getByRole("option");
    await expect(rows).toHaveText([/before the first/, /bit 3/, /bit 4/, /bit 5/]);

    await rows.nth(3).click();
    await page.getByRole("textbox", { name: "Note to step 3" }).fill("The third.");
    await expect(rows.nth(3)).toContainText("The third.");
    await page.getByRole("button", { name: "Move up" }).press("Enter");
    await expect(rows).toHaveText([/before the first/, /bit 3/, /bit 5.*The third\./, /bit 4/]);
    await expect(page.getByRole("textbox", { name: "Note to step 2" })).toHaveValue("The third.");
    await page.getByRole("listbox", { name: "Steps" }).press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Delete" }).click();
    await expect(rows).toHaveText([/before the first/, /bit 5.*The third\./, /bit 4/]);
    await page.getByRole("button", { name: "Duplicate" }).click();
    await expect(rows).toHaveText([/before the first/, /bit 5.*The third\./, /bit 5/, /bit 4/]);

    await page.keyboard.press("Control+Enter");
    await expect(page.getByText("Action 3 of 3")).toBeVisible();
    await page.getByRole("tab", { name: "Text" }).click();
    expect(JSON.parse(await textOf(page))).toMatchObject({
      steps: [steps[2], steps[2], steps[1]],
      notes: [{ step: 1, text: "The third." }],
    });
  });
});

test.describe.configure({ timeout: 40_000 });

test("Axe finds nothing on the scenario's text with problems, and on its steps", async ({ page }) => {
  await openPage(page, "#preset=edit");
  const text = await textOf(page);
  await write(page, text.replace('"v": 1', '"v": 99'));
  await expect(problems(page)).toHaveCount(1);
  await expectAccessible(page, "[data-pane=scenario]");
  await page.getByRole("button", { name: "Back to the session’s text" }).click();
  await page.getByRole("tab", { name: "Steps" }).click();
  await expect(page.getByRole("listbox", { name: "Steps" })).toBeVisible();
  await expectAccessible(page, "[data-pane=scenario]");
});

test.describe("Completion in the scenario's text", () => {
  for (const { lesson, arch } of [
    { lesson: "nested-dma", arch: "smmuv3" },
    { lesson: "nested-vtd", arch: "vtd" },
  ]) {
    test(`offers keys, kinds of steps and ids of ${arch}, by keys`, async ({ page }) => {
      await openPage(page, `#library=${lesson}&preset=edit&step=1`);
      const text = page.getByRole("textbox", { name: "Scenario as text" });
      await expect(text).toHaveValue(new RegExp(`"arch": "${arch}"`));
      await expect(page.getByText(/^no problems/)).toBeVisible();
      const steps = await text.evaluate((box: HTMLTextAreaElement) => {
        const at = box.value.indexOf('"steps": [') + '"steps": ['.length;
        box.focus();
        box.setSelectionRange(at, at);
        return box.value.split('"do"').length - 1;
      });
      const list = page.getByRole("listbox", { name: "What may stand here" });
      await page.keyboard.type('{ "d');
      await expect(list.getByRole("option").first()).toContainText('"do"');
      await page.keyboard.press("Tab");
      await page.keyboard.type('"dm');
      await expect(list).toBeVisible();
      await page.keyboard.press("ArrowDown");
      await expect(list.getByRole("option", { selected: true })).toContainText('"dma"');
      await page.keyboard.press("Enter");
      await page.keyboard.type(', "si');
      await expect(list.getByRole("option").first()).toContainText('"sid"');
      await page.keyboard.press("Tab");
      // Ids are asked for; the text is not whole now, so they are those of its last reading.
      await page.keyboard.press("Control+Space");
      await expect(list.getByRole("option", { name: "40" })).toBeVisible();
      await page.keyboard.press("Tab");
      await page.keyboard.type(', "iova": "0x100000" },');
      await expect(page.getByText(`no problems, ${steps + 1} steps`)).toBeVisible();
      await page.keyboard.press("Control+Enter");
      await expect(page.getByText(new RegExp(`of ${steps + 1}$`)).first()).toBeVisible();
    });
  }
});
