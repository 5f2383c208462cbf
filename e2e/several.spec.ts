/** Sessions with two IOMMUs of each architecture: which one something is of is shown, and said by whoever acts. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { test } from "./visitor.ts";
import { chooseFiles, choosePreset, openPage, pane, sessionButton, streams } from "./workbench.ts";

/** A kernel on two AMD IOMMUs, with a card behind each. */
const AMD = {
  v: 1,
  title: "Two AMD IOMMUs",
  machine: {
    arch: "amdvi",
    preset: "full",
    registers: {},
    caches: { dte: { entries: 64, ways: 4 }, iotlb: { entries: 64, ways: 4 } },
    memory: { outside: "abort" },
    devices: [
      { sid: 40, bdf: "0000:00:05.0", label: "nic" },
      { sid: 48, bdf: "0001:00:06.0", label: "nic", iommu: 1 },
    ],
    software: { kind: "kernel", guestBytes: 0x100_0000 },
  },
  steps: [
    { do: "guest map", device: 48, iova: "0x100000", bytes: 4096, write: true },
    { do: "dma", sid: 48, iova: "0x100000", write: true },
  ],
};

const openAmd = async (page: Page): Promise<void> => {
  await openPage(page);
  const buffer = Buffer.from(JSON.stringify(AMD));
  await chooseFiles(page, [{ name: "two.json", mimeType: "application/json", buffer }]);
  await expect(sessionButton(page, AMD.title)).toBeVisible();
};

const CASES = [
  {
    of: "SMMUv3",
    open: (page: Page) => openPage(page, "#library=two-cmdqvs&step=4"),
    queue: "Command queue of IOMMU 1",
    command: "CMD_TLBI_NSNH_ALL",
    done: "iommu1 CMDQ: CMD_TLBI_NSNH_ALL",
  },
  {
    of: "VT-d",
    open: (page: Page) => openPage(page, "#library=two-drhds&step=5"),
    queue: "Invalidation queue of IOMMU 1",
    command: "iotlb_inv_dsc G=1",
    done: "iommu1 IQ: iotlb_inv_dsc, G 0x1",
  },
  {
    of: "AMD-Vi",
    open: openAmd,
    queue: "Command buffer of IOMMU 1",
    command: "INVALIDATE_IOMMU_ALL",
    done: "iommu1 CMD: INVALIDATE_IOMMU_ALL",
  },
];

// A session's software is booted on a busy machine.
test.describe.configure({ timeout: 90_000 });

for (const { of, open, queue, command, done } of CASES) {
  test(`streams, queues and caches of two ${of} units name theirs, and a command goes to the second`, async ({
    page,
  }) => {
    await open(page);
    await choosePreset(page, "Walk");
    await expect(streams(page).getByRole("option", { name: /0x28/ })).toContainText("IOMMU 0");
    await expect(streams(page).getByRole("option", { name: /0x30/ })).toContainText("IOMMU 1");
    await choosePreset(page, "Queues");
    const toolbar = page.getByRole("toolbar", { name: "Commands" });
    const caches = pane(page, "Caches");
    const box = toolbar.getByRole("combobox", { name: "Command to enqueue" });
    await box.fill(command);
    await toolbar.getByRole("combobox", { name: "Queue of the command" }).selectOption(queue);
    await expect(caches.getByText(/^drops \d+ entr/)).toBeVisible();
    const dropped = caches
      .getByRole("option")
      .filter({ has: page.getByRole("img", { name: "the typed command drops it" }) });
    await expect(dropped.first()).toContainText("iommu1 ");
    await expect(dropped.filter({ hasNotText: "iommu1 " })).toHaveCount(0);
    await expectAccessible(page, "[data-pane=queues]");
    await box.press("Enter");
    await expect(page.getByText(done)).toBeVisible();
    await expect(caches.getByText("drops nothing")).toBeVisible();
  });
}

test("kernel objects and deeds of a virtual machine behind two SMMUs say where they are", async ({ page }) => {
  await openPage(page, "#library=two-cmdqvs&preset=software&step=5");
  const objects = pane(page, "Software");
  for (const iommu of [0, 1])
    await expect(objects.locator("title", { hasText: `the guest's IOMMU on IOMMU ${iommu}` })).toHaveCount(1);
  await expect(page.getByText("command: iommu1 CMD_TLBI_NH_VA")).toBeVisible();
});
