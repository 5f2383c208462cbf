/**
 * The workloads that are timed, by the names of the native yardstick. No clock here: a caller times `pass`.
 */
import { ResolvedStream } from "../../engine/smmuv3/config_resolver.ts";
import { End, Translation } from "../../engine/smmuv3/translation.ts";
import { buildNestedTables, KEYS, VA_BASE } from "./nested_tables.ts";

/** One pass over all pages: how many translations failed, and the checksum of the outputs in order. */
export interface PassResult {
  readonly failed: number;
  /** Two 32-bit sums: of the outputs, and of the sums. */
  readonly a: number;
  readonly b: number;
}

/** A workload ready to run. */
export interface Workload {
  readonly work: string;
  readonly pages: number;
  readonly order: "sequential" | "random";
  /** Operations in one pass. */
  readonly operations: number;
  pass(): PassResult;
}

/** Page counts the yardstick measures. */
export const PAGE_COUNTS = [64, 4096, 65536] as const;

/** Nested walks without any cache: 24 dependent loads each, the configuration looked up once. */
export function uncachedWalks(pages: number): Workload[] {
  const { smmu, order } = buildNestedTables(pages);
  const t = new Translation();
  t.sid = KEYS.sid;
  t.begin();
  const config = new ResolvedStream();
  if (!smmu.resolve(t, null, config)) throw new Error(`the bench's own stream does not resolve: reason ${t.reason}`);
  const sequential = Uint32Array.from({ length: pages }, (_, i) => i);

  const pass = (indices: Uint32Array): PassResult => {
    let a = 0;
    let b = 0;
    let failed = 0;
    for (let i = 0; i < indices.length; i++) {
      const o = indices[i]!;
      const va = VA_BASE + o * 4096 + ((o * 64) & 0xfff);
      t.iovaHi = (va / 0x1_0000_0000) | 0;
      t.iovaLo = va | 0;
      t.write = (o & 3) === 3;
      t.begin();
      smmu.translateIn(t, config, null);
      if (t.end !== End.Ok) failed++;
      a = (a + t.paLo + Math.imul(3, t.paHi)) | 0;
      b = (b + a) | 0;
    }
    return { failed, a: a >>> 0, b: b >>> 0 };
  };
  const named = (orderName: Workload["order"], indices: Uint32Array): Workload => ({
    work: "uncached",
    pages,
    order: orderName,
    operations: pages,
    pass: () => pass(indices),
  });
  return [named("sequential", sequential), named("random", order)];
}
