import { expect } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { openPage, pane } from "./workbench.ts";

const CASES = [
  { lesson: "nested-dma", queue: "Command queue", typed: "TLBI_NSNH", name: "CMD_TLBI_NSNH_ALL", rest: "" },
  { lesson: "nested-vtd", queue: "Invalidation queue", typed: "iotlb_inv", name: "iotlb_inv_dsc", rest: "G=1" },
  { lesson: "nested-amd", queue: "Command buffer", typed: "IOMMU_ALL", name: "INVALIDATE_IOMMU_ALL", rest: "" },
];

// A lesson's software is booted on a busy machine.
test.describe.configure({ timeout: 90_000 });

for (const { lesson, queue, typed, name, rest } of CASES) {
  test(`a command of ${lesson} is typed, foretold, held and carried out, by keys`, async ({ page }) => {
    await openPage(page, `#library=${lesson}&preset=queues&step=2`);
    const ring = page.getByRole("region", { name: queue, exact: true });
    const caches = pane(page, "Caches");
    const toolbar = page.getByRole("toolbar", { name: "Commands" });
    await ring.getByRole("checkbox", { name: "Hold the consumer" }).focus();
    await page.keyboard.press("Space");
    await expect(page.getByText("Action 3 of 3")).toBeVisible();

    await toolbar.getByRole("combobox", { name: "Command to enqueue" }).focus();
    await page.keyboard.type(typed);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.keyboard.type(rest);
    await expect(toolbar.getByRole("combobox")).toHaveValue(new RegExp(`^${name} ${rest}$`));
    // The caches say what would go, and nothing has gone.
    const foretold = caches.getByText(/^drops \d+ entr/);
    await expect(foretold).toBeVisible();
    const count = Number(/\d+/.exec(await foretold.innerText())![0]);
    await expect(caches.getByRole("img", { name: "the typed command drops it" })).toHaveCount(count);

    await toolbar.getByRole("combobox").press("Enter");
    await expect(ring.getByText("1 waiting")).toBeVisible();
    await expect(ring.locator("[role=option]:has([title=waits])")).toContainText(name);
    // Whose the command in that slot is.
    await ring.locator("[role=option]:has([title=waits])").click();
    await expect(ring.getByRole("region", { name: /^Slot/ })).toContainText(`action 4, ${name}`);
    await ring.getByRole("button", { name: "Carry out one" }).focus();
    await page.keyboard.press("Enter");
    await expect(ring.getByText("0 waiting")).toBeVisible();
    await expect(caches.getByText("drops nothing")).toBeVisible();
    await page.keyboard.press("[");
    await expect(ring.getByText("1 waiting")).toBeVisible();
  });
}

test("a wrong field is named, and the command is not sent", async ({ page }) => {
  await openPage(page, "#library=nested-dma&preset=queues&step=2");
  const toolbar = page.getByRole("toolbar", { name: "Commands" });
  const box = toolbar.getByRole("combobox", { name: "Command to enqueue" });
  await box.fill("TLBI_NH_ASID ASID=0x12345 ");
  await expect(toolbar.getByText("ASID has 16 bits")).toBeVisible();
  await expectAccessible(page, "[data-pane=queues]");
  await expect(toolbar.getByRole("button", { name: "Enqueue" })).toBeDisabled();
  await box.fill("TLBI_NH_ASID ASID=0x123 VMID=1");
  await toolbar.getByRole("button", { name: "Enqueue" }).click();
  await expect(page.getByText("Action 3 of 3")).toBeVisible();
  await expect(page.getByText("CMD_TLBI_NH_ASID, ASID 0x123, VMID 0x1")).toBeVisible();
});

test("the host's driver is held, and let go again when time goes back", async ({ page }) => {
  await openPage(page, "#library=nested-dma&preset=queues&step=2");
  const events = page.getByRole("region", { name: "Event queue", exact: true });
  const hold = events.getByRole("checkbox", { name: "Hold the host's driver" });
  await hold.click();
  await expect(page.getByText("consumer of EVENTQ held")).toBeVisible();
  await expect(hold).toBeChecked();
  await expect(events.getByText("0 waiting")).toBeVisible();
  await page.keyboard.press("[");
  await expect(hold).not.toBeChecked();
});
