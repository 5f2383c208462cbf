import { deflateRawSync } from "node:zlib";
import { expect, type Page } from "@playwright/test";
import { test } from "./visitor.ts";
import {
  captureFile,
  chooseFiles,
  notice,
  openPage,
  outcome,
  position,
  sessionButton,
  streams,
  type UploadedFile,
  walkDigest,
} from "./workbench.ts";

const SHIPPED = "smmuv3-iommufd-nested";

/** The capture's JSON after a change, as a file. */
function changedCapture(change: (capture: { registers: Record<string, unknown> }) => void): UploadedFile {
  const file = captureFile("capture.json");
  const capture = JSON.parse(file.buffer.toString("utf8"));
  change(capture);
  return { ...file, buffer: Buffer.from(JSON.stringify(capture)) };
}

const cut = (file: UploadedFile): UploadedFile => ({
  ...file,
  buffer: file.buffer.subarray(0, Math.floor(file.buffer.length * 0.7)),
});

const packed = (text: string): string => `#c=1.${deflateRawSync(text, { level: 9 }).toString("base64url")}`;

/** What was open before a bad input, to compare with what is open after. */
async function expectUnchanged(page: Page, act: () => Promise<void>, title: string | RegExp, place: string | RegExp) {
  await openPage(page);
  const before = await walkDigest(page);
  await act();
  const message = notice(page, title);
  await expect(message).toBeVisible();
  await expect(message).toContainText(place);
  await expect(sessionButton(page, SHIPPED)).toBeVisible();
  await expect.poll(() => walkDigest(page)).toBe(before);
  await expect(outcome(page)).toContainText("goes through to PA 0x480cd000");
  await message.getByRole("button", { name: "Close this message" }).click();
  await expect(message).toBeHidden();
}

test.describe("A capture from disk", () => {
  test("opens from its JSON and its packed memory file", async ({ page }) => {
    await openPage(page);
    await chooseFiles(page, [captureFile("capture.json"), captureFile("memory.bin.gz")]);
    await expect(sessionButton(page, SHIPPED)).toBeHidden();
    await expect(outcome(page)).toContainText("goes through");
    await page.getByRole("tab", { name: /^Recorded/ }).click();
    await expect(page.getByText(/^\s*\d+ agree$/)).toBeVisible();
    await expect(position(page)).toContainText(/Access \d+ of \d+/);
  });

  test("opens when it is dropped on the page", async ({ page }) => {
    await openPage(page);
    const files = [captureFile("capture.json"), captureFile("memory.bin.gz")].map(({ name, buffer }) => ({
      name,
      base64: buffer.toString("base64"),
    }));
    const transfer = await page.evaluateHandle((list) => {
      const data = new DataTransfer();
      for (const { name, base64 } of list) {
        data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      }
      return data;
    }, files);
    await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
    await expect(page.getByText("Drop a capture, a scenario or a folder to open it.")).toBeVisible();
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    await expect(sessionButton(page, SHIPPED)).toBeHidden();
    await expect(streams(page).getByRole("option").first()).toBeVisible();
    await expect(outcome(page)).toContainText("goes through");
  });

  test("is refused when its memory file is cut short", async ({ page }) => {
    const files = [captureFile("capture.json"), cut(captureFile("memory.bin.gz"))];
    await expectUnchanged(page, () => chooseFiles(page, files), /./, "memory.bin.gz");
  });

  test("is refused when its JSON is cut short", async ({ page }) => {
    const files = [cut(captureFile("capture.json")), captureFile("memory.bin.gz")];
    await expectUnchanged(page, () => chooseFiles(page, files), /./, "capture.json");
  });

  test("is refused when a register is missing", async ({ page }) => {
    const json = changedCapture((capture) => {
      delete capture.registers.STRTAB_BASE;
    });
    const act = () => chooseFiles(page, [json, captureFile("memory.bin.gz")]);
    await expectUnchanged(page, act, "A register is missing from this capture.", "capture.json, registers.STRTAB_BASE");
  });

  test("is refused when it is something else", async ({ page }) => {
    const other = { name: "holiday.png", mimeType: "image/png", buffer: Buffer.from([1, 2, 3, 4]) };
    await expectUnchanged(page, () => chooseFiles(page, [other]), /./, "holiday.png");
  });
});

test.describe("A link", () => {
  const follow = (page: Page, fragment: string) => async () => {
    await page.evaluate((hash) => {
      window.location.hash = hash;
    }, fragment);
  };

  test("of garbage is refused where it stops making sense", async ({ page }) => {
    const act = follow(page, "#c=1.AAAA!!!!");
    await expectUnchanged(page, act, "This link is damaged.", "link, character 9");
  });

  test("that is cut short is refused", async ({ page }) => {
    const whole = packed(JSON.stringify({ v: 1, title: "x".repeat(400) }));
    await expectUnchanged(page, follow(page, whole.slice(0, -4)), "This link is damaged.", "packed case of");
  });

  test("that would unpack past its cap is refused", async ({ page }) => {
    const act = follow(page, packed(" ".repeat(64 << 20)));
    await expectUnchanged(page, act, "This link unpacks to too much.", "packed case");
  });

  test("from a later version of the packing is refused", async ({ page }) => {
    const act = follow(page, "#c=9.AAAA");
    await expectUnchanged(page, act, "This link was made by a later version", "character 3");
  });

  test("with a document of a later version is refused", async ({ page }) => {
    await expectUnchanged(page, follow(page, packed('{"v":99,"title":"x"}')), /later version/, /link/);
  });

  test("that is bad on the first visit gives the message and the shipped capture", async ({ page }) => {
    await openPage(page, "#c=1.%%%");
    await expect(notice(page, "This link is damaged.")).toBeVisible();
    await expect(sessionButton(page, SHIPPED)).toBeVisible();
  });
});
