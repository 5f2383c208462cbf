/**
 * A Vite plugin that weighs what the build wrote and fails the build when it is over budget.
 *
 * The first load is every script and style sheet that index.html names, with their static imports, and every worker's
 * entry with its own, for the page starts its worker at once.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin, Rollup } from "vite";

export interface SizeBudget {
  /** Bytes after gzip for the whole first load. */
  readonly firstLoadBytes: number;
  /** Bytes after gzip for each script or style sheet loaded later. */
  readonly lazyBytes: number;
}

interface Part {
  readonly isStart: boolean;
  readonly imports: readonly string[];
  readonly css: readonly string[];
}

/** Use `page` among the plugins of the page's build and `worker` among those of the workers' builds. */
export function sizeBudget(budget: SizeBudget): { readonly page: Plugin; readonly worker: () => Plugin } {
  const parts = new Map<string, Part>();
  const collect = (_: unknown, bundle: Rollup.OutputBundle): void => {
    for (const file of Object.values(bundle)) {
      if (file.type !== "chunk") continue;
      const css = [...(file.viteMetadata?.importedCss ?? [])];
      parts.set(file.fileName, { isStart: file.isEntry, imports: file.imports, css });
    }
  };
  return {
    page: {
      name: "size-budget",
      apply: "build",
      writeBundle(options, bundle) {
        collect(options, bundle);
        const folder = options.dir ?? "dist";
        const sheets = Object.keys(bundle).filter((name) => name.endsWith(".css"));
        const html = readFileSync(join(folder, "index.html"), "utf8");
        const isNamed = (name: string): boolean => html.includes(`/${name}"`);
        const { lines, failures } = report(weigh(folder, parts, sheets, isNamed), budget);
        console.log(lines.join("\n"));
        if (failures.length > 0) this.error(failures.join("; "));
      },
    },
    worker: () => ({ name: "size-budget-worker", apply: "build", generateBundle: collect }),
  };
}

interface Weighed {
  readonly name: string;
  readonly bytes: number;
  readonly isFirst: boolean;
}

function weigh(
  folder: string,
  parts: ReadonlyMap<string, Part>,
  sheets: readonly string[],
  isNamed: (name: string) => boolean,
): Weighed[] {
  const first = new Set<string>();
  const visit = (name: string): void => {
    const part = parts.get(name);
    if (part === undefined || first.has(name)) return;
    first.add(name);
    for (const sheet of part.css) first.add(sheet);
    part.imports.forEach(visit);
  };
  for (const [name, part] of parts) if (part.isStart || isNamed(name)) visit(name);
  return [...new Set([...parts.keys(), ...sheets])]
    .map((name) => ({ name, bytes: gzipSync(readFileSync(join(folder, name))).length, isFirst: first.has(name) }))
    .sort((a, b) => b.bytes - a.bytes);
}

/** The lines to print, and what is over budget. */
export function report(
  weighed: readonly Weighed[],
  budget: SizeBudget,
): { readonly lines: string[]; readonly failures: string[] } {
  const first = weighed.filter((part) => part.isFirst);
  const lazy = weighed.filter((part) => !part.isFirst);
  const total = first.reduce((sum, part) => sum + part.bytes, 0);
  const line = ({ name, bytes }: Weighed): string => `  ${kilobytes(bytes).padStart(9)}  ${name}`;
  const lines = [`first load ${kilobytes(total)} gzip, budget ${kilobytes(budget.firstLoadBytes)}`, ...first.map(line)];
  if (lazy.length > 0) lines.push(`lazy, budget ${kilobytes(budget.lazyBytes)} gzip each`, ...lazy.map(line));
  const failures = lazy
    .filter((part) => part.bytes > budget.lazyBytes)
    .map((part) => `${part.name} is ${kilobytes(part.bytes)} gzip, budget ${kilobytes(budget.lazyBytes)}`);
  if (total > budget.firstLoadBytes) {
    failures.unshift(`first load is ${kilobytes(total)} gzip, budget ${kilobytes(budget.firstLoadBytes)}`);
  }
  return { lines, failures };
}

/** In units of 1,000 bytes. */
function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
