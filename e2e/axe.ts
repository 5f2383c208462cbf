/** What axe finds on the page as it stands, in both themes. */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Rules whose answer depends on the colours; all the others answer the same in both themes. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

const audit = (page: Page, within: string): AxeBuilder =>
  // One pass in the page itself, which has no frames, that keeps what it found wrong and nothing of what is right.
  new AxeBuilder({ page })
    .include(within)
    .setLegacyMode()
    .options({ resultTypes: ["violations"] });

/** Axe finds nothing wrong within what the selector names: by any rule in the light theme, in the colours of the dark. */
export async function expectAccessible(page: Page, within = ":root"): Promise<void> {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  const light = await audit(page, within).analyze();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await audit(page, within).withRules(OF_COLOURS).analyze();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  const told = (theme: string, { violations }: typeof light): string[] =>
    violations.map((v) => `${theme}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
  expect([...told("light", light), ...told("dark", dark)]).toEqual([]);
}
