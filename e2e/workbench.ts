/** What the end-to-end tests do and read on the page, in the words of its labels. */
import { readFileSync } from "node:fs";
import { expect, type Locator, type Page } from "@playwright/test";

/** A capture of the project's own recordings, other than the one that ships with the app. */
const CAPTURE_FOLDER = "src/conformance/data/captures/smmuv3-both-4k";

/** One of its files, as something to choose in a file picker. */
export function captureFile(name: "capture.json" | "memory.bin.gz"): UploadedFile {
  return { name, mimeType: "application/octet-stream", buffer: readFileSync(`${CAPTURE_FOLDER}/${name}`) };
}

export interface UploadedFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** Open the page and wait until the walk of what it opens is there, at the step that the fragment names. */
export async function openPage(page: Page, fragment = ""): Promise<void> {
  await page.goto(`./${fragment}`);
  const step = /\bstep=(\d+)/.exec(fragment)?.[1];
  if (step !== undefined) await expect.poll(() => standsAt(page, Number(step))).toBe(true);
  await expect(walkDigestLine(page)).toBeVisible();
}

/** Whether the session stands after action `step`, or after its last where it has fewer. */
async function standsAt(page: Page, step: number): Promise<boolean> {
  const told = await page.getByRole("toolbar", { name: "Actions" }).innerText();
  const [at, count] = (told.match(/\d+/g) ?? []).map(Number);
  return at !== undefined && at === Math.min(step, count ?? 0);
}

const walkDigestLine = (page: Page): Locator => page.getByRole("contentinfo").getByText(/^walk [0-9a-f]{16}$/);

/** Digest of the walk that is shown. */
export async function walkDigest(page: Page): Promise<string> {
  return (await walkDigestLine(page).innerText()).replace("walk ", "");
}

/** The line that says what became of the access. */
export const outcome = (page: Page): Locator => page.getByTestId("outcome");

/** Where stepping stands, such as `Access 24 of 24`. */
export const position = (page: Page): Locator => page.getByRole("status", { name: "Step" });

export const streams = (page: Page): Locator => page.getByRole("listbox", { name: "Streams" });
export const translations = (page: Page): Locator => page.getByRole("listbox", { name: "Translations" });

/** The button in the top bar that is named after the session. */
export const sessionButton = (page: Page, title: string): Locator =>
  page.getByRole("banner").getByRole("button", { name: title });

/** Choose files as the picker of the session menu does. */
export async function chooseFiles(page: Page, files: readonly UploadedFile[]): Promise<void> {
  await page.getByLabel("Files to open").setInputFiles([...files]);
}

/** A message in place, found by its first words. */
export const notice = (page: Page, title: string | RegExp): Locator =>
  page.locator(".nw-notice").filter({ hasText: title });

export async function choosePreset(
  page: Page,
  name: "Walk" | "Tables" | "Queues" | "Software" | "Decode" | "Teach" | "Edit" | "Compare",
): Promise<void> {
  await page.getByRole("navigation", { name: "Presets" }).getByRole("button", { name, exact: true }).click();
}

/** A pane by its name. */
export const pane = (page: Page, name: string): Locator => page.getByRole("region", { name, exact: true });

/** Run a command as the palette does. */
export async function runCommand(page: Page, words: string): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Find or run" }).fill(words);
  await page.getByRole("option", { name: words }).first().click();
}

/** The walk as it is drawn: markup of the drawing and the text of the table behind it. */
export async function walkPicture(page: Page): Promise<string> {
  const pane = page.getByRole("region", { name: "Nested walk" });
  const drawing = await pane
    .locator("svg.nw-draw")
    .first()
    .evaluate((svg) => svg.outerHTML);
  return `${drawing}\n${await pane.getByRole("table").first().innerText()}`;
}
