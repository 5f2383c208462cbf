import react from "@vitejs/plugin-react";
import type { HtmlTagDescriptor, Plugin, Rollup } from "vite";
import { defineConfig } from "vitest/config";
import { sizeBudget } from "./src/cli/check/size_budget.ts";

/**
 * A page loads nothing but what its own origin serves. Inline styles are allowed because panes and virtual rows are
 * placed by style attributes; scripts are never inline.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * What comes together comes in one file, for each costs a way to the server and back: what begins the rest, React, the
 * first picture, what opens over its bars, the panes around its walk. What follows of a part's imports comes with it.
 */
const PAGE_PARTS = [
  { name: "start", tags: ["$initial" as const], priority: 4 },
  { name: "react", test: /[\\/](node_modules[\\/](react|react-dom|scheduler)[\\/]|views[\\/]root\.ts$)/, priority: 4 },
  { name: "page", test: /[\\/]views[\\/]page\.tsx$/, priority: 3 },
  {
    name: "menus",
    test: /[\\/](@radix-ui|@floating-ui|(workbench[\\/](SessionMenu|PaneMenu|Capabilities|LeftOut))|SharePanel|LiveControl|PictureMenu)\b/,
    priority: 2,
  },
  { name: "panes", test: /[\\/]views[\\/](inspector|events)[\\/]/, priority: 1 },
];

/**
 * The same for the workers: the bare worker, what every engine stands on, the machine but for its architecture with what
 * the architectures have in common, the facts of each, and a host.
 */
const WORKER_PARTS = [
  { name: "start", tags: ["$initial" as const], priority: 4 },
  {
    name: "ground",
    test: /[\\/]src[\\/](base|pagetable|protocol|arch[\\/]reason|engine[\\/](common|memory|device))\b/,
    priority: 3,
  },
  { name: "machine", test: /[\\/]src[\\/]machine[\\/](inspect[\\/])?[a-z_]+\.ts$/, priority: 2 },
  { name: "smmuv3", test: /[\\/]src[\\/]arch[\\/]smmuv3[\\/]/, priority: 1 },
  { name: "vtd", test: /[\\/]src[\\/]arch[\\/]vtd[\\/]/, priority: 1 },
  { name: "amdvi", test: /[\\/]src[\\/]arch[\\/]amdvi[\\/]/, priority: 1 },
  { name: "host", test: /[\\/]src[\\/]host[\\/]/, priority: 0 },
];

const isEntry = (file: Rollup.OutputBundle[string] | undefined): boolean => file?.type === "chunk" && file.isEntry;

/** The entry fetches the page's program; the browser is told before it runs. */
const pageAhead = (): Plugin => ({
  name: "page-ahead",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (_html, { bundle = {} }) => {
      const page = Object.values(bundle).find((file) => file.type === "chunk" && file.name === "page");
      if (page?.type !== "chunk") throw new Error("the page's program is not a part of its own");
      const link = (rel: string, file: string): HtmlTagDescriptor => ({
        tag: "link",
        attrs: { rel, crossorigin: true, href: `./${file}` },
        injectTo: "head",
      });
      const scripts = [page.fileName, ...page.imports.filter((name) => !isEntry(bundle[name]))];
      const sheets = [...(page.viteMetadata?.importedCss ?? [])];
      return [...scripts.map((file) => link("modulepreload", file)), ...sheets.map((file) => link("stylesheet", file))];
    },
  },
});

export default defineConfig(({ command, isSsrBuild }) => {
  const budget = sizeBudget({ firstLoadBytes: 185_000, lazyBytes: 100_000 });
  return {
    // Relative, so that the built folder works from any path of any static file server.
    base: "./",
    plugins: [
      react(),
      {
        // In the built page only: the development server injects inline scripts.
        name: "content-security-policy",
        transformIndexHtml: (html) =>
          command === "build"
            ? html.replace(
                '<meta charset="utf-8" />',
                (charset) =>
                  `${charset}\n    <meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}" />`,
              )
            : html,
      },
      isSsrBuild === true ? [] : [pageAhead(), budget.page],
    ],
    worker: {
      format: "es",
      plugins: () => [budget.worker()],
      rolldownOptions: { output: { codeSplitting: { groups: WORKER_PARTS } } },
    },
    build: {
      rolldownOptions: isSsrBuild === true ? {} : { output: { codeSplitting: { groups: PAGE_PARTS } } },
      // light-dark() and deflate-raw CompressionStream are there from these on.
      target: ["chrome123", "edge123", "firefox120", "safari17.5"],
      // A command line program bundled with --ssr needs none of the page's files.
      copyPublicDir: isSsrBuild !== true,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 1024,
    },
    test: {
      include: ["src/**/*.test.{ts,tsx}"],
      environment: "node",
      restoreMocks: true,
      // Files share the modules that a worker has loaded: loading them anew for each took half the time.
      pool: "threads",
      isolate: false,
      // For a machine that does other things besides.
      testTimeout: 60_000,
    },
  };
});
