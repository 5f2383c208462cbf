import { expect, type Page } from "@playwright/test";
import { test } from "./visitor.ts";
import { choosePreset, openPage, outcome } from "./workbench.ts";

/** A stage-2 fault of stream 0x10, in the shape in which Linux prints it. */
const STAGE_2_FAULT = [
  "[    8.564816] arm-smmu-v3 9050000.smmuv3: event 0x10 received:",
  "[    8.564906] arm-smmu-v3 9050000.smmuv3: \t0x0000001000000010",
  "[    8.564933] arm-smmu-v3 9050000.smmuv3: \t0x0000028800000000",
  "[    8.564941] arm-smmu-v3 9050000.smmuv3: \t0x0000000000060000",
  "[    8.564949] arm-smmu-v3 9050000.smmuv3: \t0x00000000c0000000",
].join("\n");

const FORBIDDEN = ["event 0x07 received:", "0x0000010000000007", ...Array(3).fill("0x0000000000000000")].join("\n");

const box = (page: Page) => page.getByRole("textbox", { name: "Log, words or trace to decode" });
const records = (page: Page) => page.getByRole("listbox", { name: "Records" });
const fields = (page: Page) => page.getByRole("listbox", { name: "Fields" });
const meaning = (page: Page) => page.getByRole("region", { name: "Meaning" });

/**
 * Paste outside of any field and wait for the frame that shows `want`.
 * @returns milliseconds between the two, on the page's own clock
 */
async function pasteAndWait(page: Page, text: string, want: string): Promise<number> {
  return page.evaluate(
    async ([content, words]) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", content);
      const start = performance.now();
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
      while (document.querySelector("main")?.textContent?.includes(words) !== true) {
        if (performance.now() - start > 5000) return Number.POSITIVE_INFINITY;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return performance.now() - start;
    },
    [text, want] as const,
  );
}

test.describe("The decoder", () => {
  test("names what is pasted, without a button and within 100 ms", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    await box(page).waitFor();
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      times.push(await pasteAndWait(page, STAGE_2_FAULT, "0xc0000000"));
      times.push(await pasteAndWait(page, FORBIDDEN, "F_TRANSL_FORBIDDEN"));
    }
    // The middle one: other tests share the machine.
    expect(times.sort((a, b) => a - b)[5]).toBeLessThan(100);
    await expect(records(page).getByRole("option")).toContainText(["F_TRANSL_FORBIDDEN"]);
    await expect(meaning(page)).toContainText("Linux prints UNKNOWN for this number.");
    await expect(meaning(page)).toContainText("C_BAD_STREAMID is 0x02");
    await expect(meaning(page)).toContainText("has no stream 0x100");
  });

  test("takes text pasted anywhere, and replays the access in the open session", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await openPage(page);
    await page.evaluate((text) => navigator.clipboard.writeText(text), STAGE_2_FAULT);
    await page.keyboard.press("ControlOrMeta+v");
    await expect(meaning(page)).toContainText("F_TRANSLATION");
    await meaning(page).getByRole("button", { name: "Replay this access" }).click();
    await expect(page.getByLabel("IOVA")).toHaveValue("0x60000");
    await expect(outcome(page)).toContainText("stopped by F_TRANSLATION");
    // The event that the model records is the one that was pasted.
    const events = page.getByRole("region", { name: "Events" });
    await expect(events.getByRole("region", { name: "Event record" })).toContainText("0x0000028800000000");
  });

  test("links fields, bits and digits both ways", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    await box(page).fill(STAGE_2_FAULT);
    await fields(page)
      .getByRole("option", { name: /InputAddr/ })
      .click();
    const marked = page.locator(".numbered-back em");
    await expect(marked).toHaveText("0000000000060000");
    await page.getByRole("button", { name: "Bit 35, StreamID" }).hover();
    await expect(marked).toHaveText("00000010");
    await expect(fields(page).getByRole("option", { selected: true })).toContainText("StreamID");
  });

  test("reads a record again when a bit is flipped", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    await box(page).fill(STAGE_2_FAULT);
    await page.getByRole("button", { name: "Bit 0, EventNumber" }).click();
    await expect(page.getByRole("region", { name: "Bits" })).toContainText("F_ADDR_SIZE");
    await page.getByRole("button", { name: "As pasted" }).click();
    await expect(page.getByRole("region", { name: "Bits" })).toContainText("F_TRANSLATION");
  });

  test("reads bare words as what is asked for", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    await box(page).fill(["0x000000000000000d", ...Array(7).fill("0x0000000000000000")].join("\n"));
    await page.getByLabel("Read as").selectOption("STE");
    await expect(fields(page)).toContainText("Config");
    await page.getByLabel("Read as").selectOption("CD");
    await expect(fields(page)).toContainText("T0SZ");
  });

  test("opens printed tables as a session, and walks them to where they lead", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    const rows = [
      "Device 0000:00:02.0 @0x766000",
      "IOVA_PFN         \tPML5E             \tPML4E             \tPDPE              \tPDE               \tPTE",
      "0x00000000ffe40 |\t0x0000000000000000\t0x0000000000898003\t0x0000000000899003\t0x000000000089a003\t0x0000000001951003",
    ];
    await box(page).fill(rows.join("\n"));
    await page.getByRole("button", { name: "Open as a session" }).click();
    await expect(page.getByRole("banner")).toContainText("Printed tables of 00:02.0");
    await expect(outcome(page)).toContainText("0x1951000");
  });

  test("reads debugfs registers and commands, and says what to look at", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    const regset = ["VER  0x00  0x0000000000000060", "GSTS  0x1c  0x0000000000000000"];
    await box(page).fill(["IOMMU: dmar1 Register Base Address: fed90000", ...regset].join("\n"));
    await expect(records(page).getByRole("option")).toHaveCount(3);
    await expect(meaning(page)).toContainText("The unit does not translate");
    await box(page).fill("CMD Buffer Head Offset:0 Tail Offset:1\n  0: 00000000 f0000000 00000000 00000000");
    await records(page)
      .getByRole("option", { name: /Reserved command/ })
      .click();
    await expect(meaning(page)).toContainText("The command buffer stopped at a command that is not legal.");
    await expect(fields(page)).toContainText("Code");
  });

  test("refuses politely what is no IOMMU event, and stays quick on a long paste", async ({ page }) => {
    await openPage(page);
    await choosePreset(page, "Decode");
    await pasteAndWait(page, "systemd[1]: Started something.\n".repeat(20_000), "20000 lines");
    await expect(page.getByText("No IOMMU event was recognised in this text.")).toBeVisible();
    await expect(page.getByText(/^20000 lines/)).toBeVisible();
  });
});
