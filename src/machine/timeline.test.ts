import { describe, expect, it } from "vitest";
import { CD } from "../arch/smmuv3/cd.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "../engine/smmuv3/testing/nested_world.ts";
import { randomNested } from "../engine/smmuv3/testing/random_nested.ts";
import { chooser, randomConfiguration } from "../engine/smmuv3/testing/random_world.ts";
import { NESTED_STE, PLAIN_CD, World } from "../engine/smmuv3/testing/world.ts";
import { End } from "../engine/smmuv3/translation.ts";
import { vmsav8Format } from "../pagetable/formats/vmsav8.ts";
import { descriptor, TableBuilder } from "../pagetable/testing/table_builder.ts";
import type { Access, HardwareAction, MachineDescription } from "../protocol/machine.ts";
import { Machine } from "./machine.ts";
import { SMMUV3 } from "./smmuv3/architecture.ts";
import type { SmmuUnit } from "./smmuv3/smmu_unit.ts";
import { describeWorld, randomActions } from "./testing/documents.ts";
import { Timeline } from "./timeline.ts";

const EVENT_QUEUE = 0x3f00_0000;

/** What shows that two states are the same: the digest, and what becomes of some accesses. */
function stateOf(machine: Machine<SmmuUnit>, accesses: readonly Access[]): string {
  const ends = accesses.map((access) => {
    const { end, reason, paHi, paLo } = machine.unit.translate(access, null);
    return end === End.Ok ? `${paHi} ${paLo}` : `${end} ${reason}`;
  });
  return [machine.digest(), ...ends].join(", ");
}

interface Run {
  readonly description: MachineDescription;
  readonly accesses: readonly Access[];
  readonly actions: readonly HardwareAction[];
}

/** A machine and what happens to it, from a seed. */
function run(seed: number, count: number): Run {
  const random = seed % 2 === 0 ? randomConfiguration(seed) : randomNested(seed);
  random.world.load("EVENTQ_BASE", { ADDR: EVENT_QUEUE, LOG2SIZE: 3 });
  const { access, action } = randomActions(random, seed);
  return {
    description: describeWorld(random.world),
    accesses: Array.from({ length: 4 }, access),
    actions: Array.from({ length: count }, action),
  };
}

/** The states after 0, 1, ... actions, each reached by doing those and no others. */
function replayed({ description, accesses, actions }: Run): string[] {
  const machine = new Machine(description, SMMUV3.make);
  return [stateOf(machine, accesses)].concat(
    actions.map((action) => {
      machine.apply(action);
      return stateOf(machine, accesses);
    }),
  );
}

describe("the timeline", () => {
  it.each([1, 2, 3, 4, 128383])("is at any step, from whatever step, as when first there, seed %i", (seed) => {
    const actions = run(seed, 700);
    const expected = replayed(actions);
    const machine = new Machine(actions.description, SMMUV3.make);
    const timeline = new Timeline(machine);
    for (const action of actions.actions) timeline.append(action);
    const { next } = chooser(seed);
    const wrong: number[] = [];
    for (let i = 0; i < 120; i++) {
      // Far away, to a mark of images, next door.
      const near = timeline.now + (next() % 5) - 2;
      const step = [next() % 701, 64 * (next() % 11), near, timeline.now - 1][next() % 4]!;
      if (step < 0 || step > 700) continue;
      timeline.seek(step);
      if (timeline.now !== step || stateOf(machine, actions.accesses) !== expected[step]) wrong.push(step);
    }
    expect(wrong).toEqual([]);
    expect(new Set(expected.map((state) => state.slice(0, 16))).size).toBeGreaterThan(100);
  });

  it.each([5, 6, 7, 128384])("drops what followed when something else is done, seed %i", (seed) => {
    const actions = run(seed, 500);
    const machine = new Machine(actions.description, SMMUV3.make);
    const timeline = new Timeline(machine);
    const { next } = chooser(seed);
    const kept: HardwareAction[] = [];
    const rest = [...actions.actions];
    for (let round = 0; round < 12; round++) {
      for (let n = next() % 80; n > 0 && rest.length > 0; n--) {
        kept.length = timeline.now;
        kept.push(rest.shift()!);
        timeline.append(kept.at(-1)!);
      }
      timeline.seek(next() % (kept.length + 1));
      expect(timeline.log).toEqual(kept);
    }
    const expected = replayed({ ...actions, actions: kept });
    expect(kept.length).toBeGreaterThan(10);
    for (const step of [kept.length, 0, Math.floor(kept.length / 2), kept.length]) {
      timeline.seek(step);
      expect(stateOf(machine, actions.accesses)).toBe(expected[step]);
    }
  });

  it("walks by what tables hold at a step, not by pointers that were followed at another", () => {
    const world = new World();
    const host = new HostStore(world);
    const fmt = vmsav8Format(12, false);
    const stage2 = new TableBuilder(fmt, host, 2, 3, 48);
    const guest = new GuestStore(stage2, host, 0x10_0000);
    const stage1 = new TableBuilder(fmt, guest, 1, 3, 48);
    const [first, second] = [guest.allocate(4096), guest.allocate(4096)];
    stage1.map(0x1000, 0, first, OPEN[1]);
    const cd = guest.allocate(64);
    world.put(CD, guest.physical(cd), { ...PLAIN_CD, ...stage1Fields(stage1, 0) });
    world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: cd });
    const entry = (at: number, [lo, hi]: readonly [number, number]): HardwareAction => {
      return { do: "write", at: BigInt(at), bytes: new Uint8Array(Uint32Array.of(lo, hi).buffer) };
    };
    /** A copy of a table, in which one entry is another. */
    const copy = (table: number, at: number, [lo, hi]: readonly [number, number]): number => {
      const to = host.allocate(4096);
      for (let i = 0; i < 4096; i += 8) host.write(to + i, table + i === at ? [lo, hi] : host.read(table + i));
      return to;
    };
    // What a walk follows: a stage-2 table, and a stage-1 table that stage 2 puts elsewhere.
    const leaf2 = stage2.place(first, 0);
    const moved = copy(leaf2 - (leaf2 % 4096), leaf2, descriptor(fmt, 2, "page", 0x2fff_0000, OPEN[2]));
    const leaf1 = stage1.place(0x1000, 0);
    const at1 = guest.physical(leaf1);
    const other = copy(at1 - (at1 % 4096), at1, descriptor(fmt, 1, "page", second, OPEN[1]));
    const [table2, page2] = [stage2.place(first, 1), stage2.place(leaf1, 0)];
    const steps = [
      entry(table2, descriptor(fmt, 2, "table", moved)),
      entry(table2, host.read(table2)),
      entry(page2, descriptor(fmt, 2, "page", other, OPEN[2])),
      entry(page2, host.read(page2)),
      entry(at1, descriptor(fmt, 1, "page", second, OPEN[1])),
      entry(table2, [0, 0]),
    ];
    const machine = new Machine(describeWorld(world), SMMUV3.make);
    const timeline = new Timeline(machine);
    const access = { sid: 1, ssid: null, iova: 0x1000n, write: false, privileged: false, instruction: false };
    const output = (): number => {
      const { end, paHi, paLo } = machine.unit.translate(access, null);
      return end === End.Ok ? paHi * 2 ** 32 + (paLo >>> 0) : -1;
    };
    const outputs = [output()];
    for (const step of steps) {
      timeline.append(step);
      outputs.push(output());
    }
    const [one, two] = [guest.physical(first), guest.physical(second)];
    expect(outputs).toEqual([one, 0x2fff_0000, one, two, one, two, -1]);
    for (const step of [1, 0, 3, 0, 5, 2, 5, 3, 1, 6, 0]) {
      timeline.seek(step);
      expect([step, output()]).toEqual([step, outputs[step]]);
    }
  });

  it("of 5000 actions goes back and forth", () => {
    const actions = run(9, 5000);
    const machine = new Machine(actions.description, SMMUV3.make);
    const timeline = new Timeline(machine);
    const seen = new Map<number, string>();
    const { next } = chooser(9);
    for (const [i, action] of actions.actions.entries()) {
      timeline.append(action);
      if (next() % 100 === 0) seen.set(i + 1, stateOf(machine, actions.accesses));
    }
    expect(seen.size).toBeGreaterThan(20);
    const order = [...seen.keys()].sort((a, b) => ((a * 7919) % 101) - ((b * 7919) % 101));
    for (const step of order) {
      timeline.seek(step);
      expect([step, stateOf(machine, actions.accesses)]).toEqual([step, seen.get(step)]);
    }
  });

  it("keeps no more for having gone back and forth for long", () => {
    const actions = run(13, 3000);
    const machine = new Machine(actions.description, SMMUV3.make);
    const timeline = new Timeline(machine);
    for (const action of actions.actions) timeline.append(action);
    const { next } = chooser(13);
    let most = 0;
    for (let round = 0; round < 1500; round++) {
      timeline.seek(next() % 3000);
      if (round % 3 === 0) timeline.seek(Math.max(0, timeline.now - 1));
      if (round === 300) most = machine.memory.savedPages;
    }
    expect(machine.memory.savedPages).toBeLessThan(2 * most + 4096);
  });

  it("two machines of one description that did the same are in the same state", () => {
    for (const seed of [11, 12]) {
      const actions = run(seed, 100);
      expect(replayed(actions)).toEqual(replayed(actions));
    }
  });
});
