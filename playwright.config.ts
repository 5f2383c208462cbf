import { createServer } from "node:net";
import { defineConfig } from "@playwright/test";
import { findChromium } from "./src/cli/check/chromium.ts";

/** The built app, served from the root of a site and from a folder of one. Tests tagged @sub-path run against both. */
const SUB_PATH = "/some/folder/";

/** A port that is free now. It travels in the environment, for every worker process reads this file anew. */
async function port(variable: string): Promise<number> {
  const known = process.env[variable];
  if (known !== undefined) return Number(known);
  const free = await new Promise<number>((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)));
    });
  });
  process.env[variable] = String(free);
  return free;
}

const browser = findChromium();
if (!browser.ok) {
  console.error(browser.reason);
  process.exit(1);
}

const rootPort = await port("NESTWALK_E2E_PORT");
const subPathPort = await port("NESTWALK_E2E_SUB_PATH_PORT");
const serve = (at: number, base: string) => ({
  command: `node node_modules/vite/bin/vite.js preview --host 127.0.0.1 --strictPort --port ${at} --base ${base}`,
  url: `http://127.0.0.1:${at}${base}`,
});

export default defineConfig({
  testDir: "e2e",
  outputDir: "e2e/results",
  fullyParallel: true,
  workers: 2,
  forbidOnly: process.env.CI !== undefined,
  timeout: 60_000,
  // For a machine that does other things besides. What fails once and then holds is listed as flaky at the end.
  expect: { timeout: 15_000 },
  retries: 1,
  reporter: process.env.NESTWALK_E2E_REPORT
    ? [["list"], ["json", { outputFile: process.env.NESTWALK_E2E_REPORT }]]
    : [["list"]],
  use: {
    browserName: "chromium",
    launchOptions: {
      executablePath: browser.path,
      // The browser's own errands would leave this machine; the tests never do. Drawing in a process of its own costs
      // more than it gives where there is no graphics card.
      args: [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--disable-gpu",
      ],
    },
    viewport: { width: 1280, height: 800 },
    // A recording of everything takes a quarter of the time; it is made where somebody wants to look.
    trace: process.env.NESTWALK_E2E_TRACE ? "retain-on-failure" : "off",
    screenshot: "only-on-failure",
  },
  projects: [
    { name: "root", use: { baseURL: `http://127.0.0.1:${rootPort}/` } },
    { name: "sub-path", grep: /@sub-path/, use: { baseURL: `http://127.0.0.1:${subPathPort}${SUB_PATH}` } },
  ],
  webServer: [serve(rootPort, "/"), serve(subPathPort, SUB_PATH)],
});
