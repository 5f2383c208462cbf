import { expect, test } from "@playwright/test";

test.describe("The built page, wherever it is served from", { tag: "@sub-path" }, () => {
  test("opens without an error and asks its own folder for everything", async ({ page, baseURL }) => {
    const requests: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("requestfailed", (request) => errors.push(`${request.url()} ${request.failure()?.errorText}`));
    page.on("response", (response) => {
      if (response.status() >= 400) errors.push(`${response.url()} ${response.status()}`);
    });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });

    await page.goto("./", { waitUntil: "networkidle" });

    await expect(page).toHaveTitle(/Nestwalk/);
    await expect(page.locator("#root")).not.toBeEmpty();
    expect(errors).toEqual([]);
    expect(requests.filter((url) => /^https?:/.test(url) && !url.startsWith(String(baseURL)))).toEqual([]);
  });

  test("may not reach another origin", async ({ page }) => {
    await page.goto("./");
    const blocked = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective), {
            once: true,
          });
          fetch("http://127.0.0.1:9/").catch(() => setTimeout(() => resolve("not blocked by policy"), 1000));
        }),
    );
    expect(blocked).toBe("connect-src");
  });
});
