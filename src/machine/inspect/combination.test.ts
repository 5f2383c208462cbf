import { describe, expect, it } from "vitest";
import { fromHalves } from "../../base/address.ts";
import type { CombinedProperty, WalkAnswer } from "../../protocol/engine.ts";
import { type Access, ARCHES } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceHit, TraceKind } from "../../protocol/trace.ts";
import { Machine } from "../machine.ts";
import { WORLDS } from "../testing/worlds.ts";
import { loadArchitecture } from "../units.ts";

const SEEDS = [1, 2, 7, 128383];
const ACCESSES = 100;

/** Walks of a made machine. */
async function walksOf(arch: (typeof ARCHES)[number], seed: number) {
  const world = WORLDS[arch](seed);
  const machine = new Machine(world.machine, (await loadArchitecture(arch)).make);
  const { inspect } = machine.unit;
  return Array.from({ length: ACCESSES }, () => {
    const access = world.access();
    const walk = (change: Partial<Access> = {}): WalkAnswer => inspect.walk({ ...access, ...change }, 1);
    return { access, answer: walk(), walk };
  });
}

const named = ({ combined }: WalkAnswer, ...names: string[]): CombinedProperty | undefined =>
  combined.find(({ name }) => names.includes(name));
const rightsText = (rights: number): string =>
  ["r", "w", "x"].map((letter, bit) => ((rights & (1 << bit)) === 0 ? "–" : letter)).join("");
const rightsIn = (text: string): Set<string> => new Set(text.match(/[rwx]/g) ?? []);

/** Rights of the leaf descriptors of a walk that passed, by stage; absent where no leaf was read. */
function leaves({ trace }: WalkAnswer): Map<number, number> {
  const { f } = TRACE;
  const found = new Map<number, number>();
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    if (f.kind.get(trace, at) !== TraceKind.Descriptor || f.hit.get(trace, at) !== TraceHit.None) continue;
    found.set(f.stage.get(trace, at), f.permissions.get(trace, at));
  }
  return found;
}

describe.each(ARCHES)("how both stages of %s combine", (arch) => {
  /** Accesses that told something. */
  let passed = 0;

  it.each(SEEDS)("is what the walk of the access gives, seed %i", async (seed) => {
    for (const { access, answer } of await walksOf(arch, seed)) {
      if (answer.outcome.type !== "ok" || answer.outcome.bypass) continue;
      passed++;
      const row = named(answer, "Rights", access.privileged ? "Privileged" : "Unprivileged");
      expect(row?.together).toBe(rightsText(answer.outcome.permissions));
      const read = leaves(answer);
      for (const [stage, says] of [
        [1, row?.stage1],
        [2, row?.stage2],
      ] as const) {
        if (read.has(stage)) expect(says).toBe(rightsText(read.get(stage)!));
      }
    }
  });

  it("is seen in accesses that pass", () => {
    expect(passed).toBeGreaterThan(20);
  });

  it.each(SEEDS)("lets pass exactly what it says, whoever asks for what, seed %i", async (seed) => {
    for (const { access, answer, walk } of await walksOf(arch, seed)) {
      if (answer.outcome.type !== "ok" || answer.outcome.bypass) continue;
      const row = named(answer, "Rights", access.privileged ? "Privileged" : "Unprivileged")!;
      const reads = walk({ write: false, instruction: false }).outcome.type === "ok";
      const writes = walk({ write: true, instruction: false }).outcome.type === "ok";
      expect([reads, writes]).toEqual([row.together.includes("r"), row.together.includes("w")]);
    }
  });

  it.each(SEEDS)("names who withholds what the other stage grants, seed %i", async (seed) => {
    for (const { answer } of await walksOf(arch, seed)) {
      for (const row of answer.combined.filter(({ name }) => /^Rights|rivileged/.test(name))) {
        if (row.stage1 === null || row.stage2 === null) continue;
        const [one, two] = [rightsIn(row.stage1), rightsIn(row.stage2)];
        expect(row.why === "").toBe(one.size === two.size && [...one].every((right) => two.has(right)));
        expect(rightsIn(row.together)).toEqual(new Set([...one].filter((right) => two.has(right))));
      }
    }
  });
});

describe("How the stages combine in a cached translation", () => {
  it("is what the cache keeps, whatever the leaf has become since", async () => {
    const world = WORLDS.smmuv3(2);
    const caches = { ste: { entries: 8, ways: 2 }, cd: { entries: 8, ways: 2 }, tlb: { entries: 64, ways: 4 } };
    const machine = new Machine({ ...world.machine, caches }, (await loadArchitecture("smmuv3")).make);
    const { inspect } = machine.unit;
    let kept = 0;
    for (let i = 0; i < ACCESSES; i++) {
      const access = world.access();
      const before = inspect.walk(access, 1);
      const leaf = lastDescriptor(before, 1);
      if (before.outcome.type !== "ok" || before.outcome.bypass || leaf === null) continue;
      machine.apply({ do: "dma", ...access, length: 4 });
      machine.apply({ do: "write", at: leaf, bytes: new Uint8Array(8) });
      const after = inspect.walk(access, 1);
      if (after.outcome.type !== "ok") continue;
      kept++;
      expect(after.outcome).toMatchObject({ pa: before.outcome.pa, permissions: before.outcome.permissions });
      expect(named(after, "Rights")).toMatchObject({
        stage1: null,
        stage2: null,
        together: rightsText(before.outcome.permissions),
      });
    }
    expect(kept).toBeGreaterThan(0);
  });
});

/** Physical address of the last descriptor of a stage that a walk read. */
function lastDescriptor({ trace }: WalkAnswer, stage: 1 | 2): bigint | null {
  const { f } = TRACE;
  for (let at = trace.length - TRACE_WORDS; at >= 0; at -= TRACE_WORDS) {
    if (f.kind.get(trace, at) !== TraceKind.Descriptor || f.stage.get(trace, at) !== stage) continue;
    if (f.hit.get(trace, at) !== TraceHit.None) return null;
    return BigInt(fromHalves(f.pa.getHi(trace, at), f.pa.get(trace, at)));
  }
  return null;
}
