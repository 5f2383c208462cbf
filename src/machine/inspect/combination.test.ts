import { describe, expect, it } from "vitest";
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
