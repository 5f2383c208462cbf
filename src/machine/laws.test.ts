import { beforeAll, describe, expect, it } from "vitest";
import { chooser } from "../engine/smmuv3/testing/random_world.ts";
import type { Outcome } from "../protocol/engine.ts";
import { type Access, ARCHES, type HardwareAction } from "../protocol/machine.ts";
import { Machine } from "./machine.ts";
import { type MadeWorld, WORLDS } from "./testing/worlds.ts";
import { Timeline } from "./timeline.ts";
import type { Architecture, TransferResult } from "./unit.ts";
import { loadArchitecture } from "./units.ts";

const SEEDS = [1, 2, 3, 128383];

/** Draw what happens to a world: mostly accesses, now and then a bit of its tables or a register changes. */
function actions(world: MadeWorld, names: readonly string[], seed: number, count: number): HardwareAction[] {
  const { next, one, pick } = chooser(seed + 9);
  return Array.from({ length: count }, (): HardwareAction => {
    if (one(12) === 1) return { do: "toggle", at: world.entry(), bit: next() % 64 };
    if (one(120) === 1) return { do: "register", name: pick(names), value: BigInt(next()) };
    return { do: "dma", length: pick([1, 4, 64, 5000]), ...world.access() };
  });
}

/** What a transfer of one byte makes of what a walk foresaw; null where the two agree. */
function disagreement(outcome: Outcome, result: TransferResult): string | null {
  const foreseen = outcome.type === "ok" ? outcome.pa : outcome.type === "interrupt" ? null : undefined;
  const met = result.ok ? result.pa : undefined;
  if (foreseen === met && (outcome.type === "unknown") === (!result.ok && result.unknown !== undefined)) return null;
  return `${outcome.type} ${foreseen}, then ${result.ok} ${met}`;
}

describe.each(ARCHES)("a machine with %s", (arch) => {
  let architecture: Architecture;
  const ends = new Set<string>();

  beforeAll(async () => {
    architecture = (await loadArchitecture(arch))!;
  });

  const open = (seed: number): { world: MadeWorld; machine: Machine; names: readonly string[] } => {
    const world = WORLDS[arch](seed);
    expect(architecture.check(world.machine)).toBeNull();
    const machine = new Machine(world.machine, architecture.make);
    const rows = machine.unit.inspect.registers();
    return { world, machine, names: rows.map(({ name }) => name) };
  };

  it.each(SEEDS)("does with an access what a walk of it shows, seed %i", (seed) => {
    const { world, machine, names } = open(seed);
    const { unit } = machine;
    const wrong: unknown[] = [];
    for (const action of actions(world, names, seed, 400)) {
      if (action.do !== "dma") {
        // Registers stay as they are: a log that stops takes no records.
        if (action.do !== "register") machine.apply(action);
        continue;
      }
      const access: Access = { ...action };
      const { outcome } = unit.inspect.walk(access, 0);
      const before = unit.recordCount;
      const result = unit.transfer({ ...access, length: 1 });
      ends.add(outcome.type);
      const differs = disagreement(outcome, result);
      if (differs !== null) wrong.push({ access, differs });
      const [record] = unit.records().slice(before);
      if (record === undefined) continue;
      const { name, sid, access: told } = unit.inspect.record(record);
      const foreseen = outcome.type === "fault" || outcome.type === "stalled" ? outcome.event : null;
      expect([name, sid, told]).toEqual([foreseen?.name, foreseen?.sid, foreseen?.access]);
    }
    expect(wrong.slice(0, 3)).toEqual([]);
  });

  it("lets some of those accesses pass, and refuses some", () => {
    expect([...ends]).toEqual(expect.arrayContaining(["ok", "fault"]));
  });

  it.each(SEEDS)("is not changed by anybody who looks, seed %i", (seed) => {
    const { world, machine, names } = open(seed);
    const { inspect } = machine.unit;
    const kinds = ["STE", "CD", "ContextEntry", "PasidEntry", "DTE", "GCR3", "S1 descriptor", "S2 descriptor"] as const;
    for (const action of actions(world, names, seed, 16)) {
      machine.apply(action);
      const digest = machine.digest();
      const access = world.access();
      inspect.walk(access, 0);
      machine.unit.reach(access);
      inspect.leaves(access.sid, access.ssid, 0);
      for (const stage of [1, 2] as const) inspect.tableMap(access.sid, access.ssid, stage, 0);
      for (const kind of kinds) {
        inspect.structure({ kind, pa: world.entry(), level: 1, granuleLg2: 12, sid: access.sid });
      }
      inspect.streams([], new Map());
      for (const { id } of inspect.queues()) inspect.queueEntries(id, 0, 4);
      inspect.registers();
      inspect.caches();
      inspect.capabilities();
      inspect.notModelled();
      expect([...inspect.owners()].length).toBeGreaterThanOrEqual(0);
      expect(machine.digest()).toBe(digest);
    }
  });

  it.each(SEEDS)("comes to the same state however it gets there, seed %i", (seed) => {
    const { world, machine, names } = open(seed);
    const list = actions(world, names, seed, 200);
    const timeline = new Timeline(machine);
    const digests = [machine.digest()];
    for (const action of list) {
      timeline.append(action);
      digests.push(machine.digest());
    }
    const { next } = chooser(seed);
    for (let i = 0; i < 24; i++) {
      const step = next() % (list.length + 1);
      timeline.seek(step);
      expect([step, machine.digest()]).toEqual([step, digests[step]]);
    }
    const again = new Machine(world.machine, architecture.make);
    for (const action of list) again.apply(action);
    expect(again.digest()).toBe(digests.at(-1));
  });

  it.each(SEEDS)("takes any value in any register and any bit in any entry, seed %i", (seed) => {
    const { world, machine, names } = open(seed);
    const { next, one, pick } = chooser(seed);
    for (let i = 0; i < 2000; i++) {
      const value = (BigInt(next()) << 32n) | BigInt(next());
      const address = one(3) === 1 ? { iova: value } : {};
      if (one(4) === 1)
        machine.apply({ do: "register", name: pick(names), value: one(2) === 1 ? value & 0xffffn : value });
      else if (one(3) === 1) machine.apply({ do: "toggle", at: world.entry(), bit: next() % 64 });
      else machine.apply({ do: "dma", length: pick([1, 8, 5000]), ...world.access(), ...address });
    }
    expect(machine.digest()).toHaveLength(16);
  });
});
