import { describe, expect, it } from "vitest";
import { randomNested } from "../engine/smmuv3/testing/random_nested.ts";
import { chooser, randomConfiguration } from "../engine/smmuv3/testing/random_world.ts";
import { End } from "../engine/smmuv3/translation.ts";
import type { Access, Action, MachineDescription } from "../protocol/machine.ts";
import { Machine } from "./machine.ts";
import { describeWorld, randomActions } from "./testing/documents.ts";
import { Timeline } from "./timeline.ts";

const EVENT_QUEUE = 0x3f00_0000;

/** What shows that two states are the same: the digest, and what becomes of some accesses. */
function stateOf(machine: Machine, accesses: readonly Access[]): string {
  const ends = accesses.map((access) => {
    const { end, reason, paHi, paLo } = machine.translate(access, null);
    return end === End.Ok ? `${paHi} ${paLo}` : `${end} ${reason}`;
  });
  return [machine.digest(), ...ends].join(", ");
}

interface Run {
  readonly description: MachineDescription;
  readonly accesses: readonly Access[];
  readonly actions: readonly Action[];
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
  const machine = new Machine(description);
  return [stateOf(machine, accesses)].concat(
    actions.map((action) => {
      machine.apply(action);
      return stateOf(machine, accesses);
    }),
  );
}

describe("the timeline", () => {
  it.each([1, 2, 3, 4, 128383])("is at any step, from whatever step, as when first there, seed %i", (seed) => {
    const actions = run(seed, 400);
    const expected = replayed(actions);
    const machine = new Machine(actions.description);
    const timeline = new Timeline(machine);
    for (const action of actions.actions) timeline.append(action);
    const { next } = chooser(seed);
    const wrong: number[] = [];
    for (let i = 0; i < 120; i++) {
      // Far away, to a mark of images, next door.
      const near = timeline.now + (next() % 5) - 2;
      const step = [next() % 401, 64 * (next() % 7), near][next() % 3]!;
      if (step < 0 || step > 400) continue;
      timeline.seek(step);
      if (timeline.now !== step || stateOf(machine, actions.accesses) !== expected[step]) wrong.push(step);
    }
    expect(wrong).toEqual([]);
    expect(new Set(expected.map((state) => state.slice(0, 16))).size).toBeGreaterThan(100);
  });

  it.each([5, 6, 7, 128384])("drops what followed when something else is done, seed %i", (seed) => {
    const actions = run(seed, 500);
    const machine = new Machine(actions.description);
    const timeline = new Timeline(machine);
    const { next } = chooser(seed);
    const kept: Action[] = [];
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

  it("of 5000 actions goes back and forth", () => {
    const actions = run(9, 5000);
    const machine = new Machine(actions.description);
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

  it("two machines of one description that did the same are in the same state", () => {
    for (const seed of [11, 12]) {
      const actions = run(seed, 100);
      expect(replayed(actions)).toEqual(replayed(actions));
    }
  });
});
