import { type Browser, expect, test } from "@playwright/test";

const WITHIN_MS = 1000;
/** Visits of somebody who was never here; more, where other tests have this machine's processors just then. */
const [VISITS, MOST_VISITS] = [5, 15];

/** Milliseconds from the start of the navigation to the frame in which the first walk stands, in a context of its own. */
async function firstVisit(browser: Browser, address: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    const look = (): void => {
      const foot = document.querySelector("footer")?.textContent ?? "";
      if (/walk [0-9a-f]{16}/.test(foot)) performance.mark("first walk");
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(address);
  const walk = await page.waitForFunction(() => performance.getEntriesByName("first walk")[0]?.startTime);
  const ms = await walk.jsonValue();
  await context.close();
  return ms ?? Number.POSITIVE_INFINITY;
}

test.describe("A first visit", () => {
  test("shows the first walk within a second", async ({ browser, baseURL }) => {
    const times: number[] = [];
    while (times.length < VISITS || (Math.min(...times) >= WITHIN_MS && times.length < MOST_VISITS)) {
      times.push(await firstVisit(browser, `${baseURL}`));
    }
    times.sort((a, b) => a - b);
    const said = times.map((ms) => ms.toFixed(0)).join(", ");
    console.log(`first walk after, ms: ${said}`);
    test.info().annotations.push({ type: "first walk after, ms", description: said });
    // The best of them: what the page itself takes.
    expect(times[0]).toBeLessThan(WITHIN_MS);
  });
});
