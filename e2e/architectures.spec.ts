import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";
import { test } from "./visitor.ts";
import { chooseFiles, choosePreset, openPage, outcome, pane, streams } from "./workbench.ts";

const FOLDER = "src/conformance/data/captures";

interface Translation {
  readonly rid: number;
  readonly iova: string;
  readonly write: boolean;
  readonly pa: string;
}

const CASES = [
  { folder: "smmuv3-both-4k", name: "Arm SMMUv3" },
  { folder: "vtd-legacy-strict", name: "Intel VT-d" },
  { folder: "vtd-scalable-fs", name: "Intel VT-d" },
  { folder: "amdvi-v1-strict", name: "AMD-Vi" },
] as const;

// Reading a capture takes its time on a busy machine.
test.describe.configure({ timeout: 90_000 });

for (const { folder, name } of CASES) {
  test(`${folder}: a recorded translation comes out as recorded, and every preset shows it`, async ({ page }) => {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    const read = (file: string): Buffer => readFileSync(`${FOLDER}/${folder}/${file}`);
    const capture = JSON.parse(read("capture.json").toString()) as { translations: readonly Translation[] };
    const recorded = capture.translations.find((t) => t.write);
    if (recorded === undefined) throw new Error("the capture has no write");

    await openPage(page);
    await chooseFiles(page, [
      { name: "capture.json", mimeType: "application/json", buffer: read("capture.json") },
      { name: "memory.bin.gz", mimeType: "application/octet-stream", buffer: read("memory.bin.gz") },
    ]);
    await expect(page.getByRole("banner").getByRole("button", { name })).toBeVisible({ timeout: 30_000 });
    await streams(page)
      .getByRole("option", { name: new RegExp(`^\\s*0x${recorded.rid.toString(16).padStart(2, "0")}\\b`) })
      .click();
    await page.getByLabel("IOVA").fill(recorded.iova);
    await page.getByRole("button", { name: "A write", exact: true }).click();
    await expect(outcome(page)).toContainText(`PA ${recorded.pa}`);

    // The inspector decodes what the last access read.
    await expect(pane(page, "Inspector").getByRole("button", { name: /^Bit 0,/ })).toBeVisible();
    await expect(pane(page, "Events").getByRole("option").nth(1)).toBeVisible();
    await choosePreset(page, "Tables");
    await expect(page.getByText(/lea(f|ves) in \d+ tables?/).first()).toBeVisible();
    await expect(pane(page, "Memory").locator("[data-linked=true]")).toBeVisible();
    await choosePreset(page, "Queues");
    await expect(page.locator(".queue").first()).toBeVisible();
    await expect(pane(page, "Registers").getByRole("option").first()).toBeVisible();
    await choosePreset(page, "Software");
    await expect(pane(page, "Software").getByRole("button", { name: "Open the library…" })).toBeVisible();
    await choosePreset(page, "Teach");
    await expect(pane(page, "What happens")).toContainText(`PA ${recorded.pa}`);
    expect(errors).toEqual([]);
  });
}
