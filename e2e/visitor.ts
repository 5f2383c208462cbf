/**
 * The `test` of specs that need no browser profile of their own: one visitor's page for all tests of a worker.
 *
 * A new profile costs a process and everything compiled anew, more than most tests themselves. So the page is kept, and
 * each test finds it as a first visitor does: empty, with nothing stored, no permissions, its own size and colours. Each
 * test loads the app whole all the same. A test that fails takes its worker with it, and so this page.
 */
import { type Browser, type BrowserContextOptions, test as base, type CDPSession, type Page } from "@playwright/test";

/** What tests listen for. */
const EVENTS = ["console", "pageerror", "request", "requestfailed", "requestfinished", "response"] as const;

interface Visitor {
  readonly page: Page;
  readonly devtools: CDPSession;
}

export const test = base.extend<object, { readonly visitor: (options: BrowserContextOptions) => Promise<Visitor> }>({
  visitor: [
    async ({ browser }, lend) => {
      let arrived = null as Visitor | null;
      await lend(async (options) => {
        arrived ??= await arrive(browser, options);
        return arrived;
      });
      await arrived?.page.close();
    },
    { scope: "worker" },
  ],
  context: async ({ page }, lend) => lend(page.context()),
  page: async ({ visitor, baseURL, viewport, permissions }, lend) => {
    if (baseURL === undefined || viewport === null) throw new Error("the configuration names no address or no size");
    const kept = await visitor({ baseURL, viewport });
    await kept.page.setViewportSize(viewport);
    await kept.page.context().grantPermissions(permissions ?? []);
    await lend(kept.page);
    await forget(kept, new URL(baseURL).origin);
  },
});

async function arrive(browser: Browser, options: BrowserContextOptions): Promise<Visitor> {
  const page = await browser.newPage(options);
  return { page, devtools: await page.context().newCDPSession(page) };
}

/** Bring the page back to what a first visitor has. */
async function forget({ page, devtools }: Visitor, origin: string): Promise<void> {
  for (const event of EVENTS) page.removeAllListeners(event);
  await page.goto("about:blank");
  await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "local_storage" });
  await page.context().clearPermissions();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  await page.mouse.move(-1, -1);
}
