/**
 * Finds a Chromium for the end-to-end tests, and installs one where the machine has none.
 *
 * Order: an environment variable, the system's own, Playwright's own. Chrome and Chromium count alike.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "@playwright/test";

const VARIABLES = ["NESTWALK_CHROMIUM", "PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH", "CHROMIUM_PATH"];
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const APPLICATIONS = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const ADVICE =
  "No Chromium for the browser tests: set NESTWALK_CHROMIUM to the path of a Chromium or Chrome, or install one and run npm test again.";

export type Finding =
  | { readonly ok: true; readonly path: string; readonly origin: string }
  | { readonly ok: false; readonly reason: string };

/** Looks for a Chromium that runs; installs nothing. */
export function findChromium(): Finding {
  for (const variable of VARIABLES) {
    const path = process.env[variable];
    if (path === undefined || path === "") continue;
    if (runs(path)) return { ok: true, path, origin: variable };
    return { ok: false, reason: `${variable} is set to ${path}, which does not run as a browser.` };
  }
  const folders = (process.env.PATH ?? "").split(delimiter).concat("/usr/bin");
  const installed = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  for (const path of [...installed, ...APPLICATIONS]) {
    if (isExecutable(path) && runs(path)) return { ok: true, path, origin: "system" };
  }
  const own = chromium.executablePath();
  if (own !== "" && existsSync(own)) return { ok: true, path: own, origin: "Playwright" };
  return { ok: false, reason: ADVICE };
}

/** Finds a Chromium, or installs one: by apt as root on Debian and its kin, otherwise by Playwright's download. */
export function ensureChromium(): Finding {
  const first = findChromium();
  if (first.ok || first.reason !== ADVICE) return first;
  if (mayUseApt()) {
    console.log("No Chromium on this machine: installing one with apt-get.");
    run("apt-get", ["-q", "update"]);
    run("apt-get", ["-q", "install", "-y", "--no-install-recommends", "chromium"]);
    const found = findChromium();
    if (found.ok) return found;
  }
  console.log("No Chromium on this machine: asking Playwright to download one.");
  run(process.execPath, ["node_modules/@playwright/test/cli.js", "install", "chromium"]);
  return findChromium();
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Some systems ship a `chromium-browser` that only names another package to install, so each is asked its version. */
function runs(path: string): boolean {
  return spawnSync(path, ["--version"], { stdio: "ignore", timeout: 20_000 }).status === 0;
}

function mayUseApt(): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/etc/os-release")) return false;
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync("/etc/os-release", "utf8"));
}

function run(command: string, args: readonly string[]): void {
  spawnSync(command, args, { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
}
