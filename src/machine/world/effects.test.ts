import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highHalf, lowHalf } from "../../base/address.ts";
import type { MachineDescription } from "../../protocol/machine.ts";
import { Machine } from "../machine.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { EffectRecorder, type Effects, NO_EFFECTS, replay } from "./effects.ts";

const RAM = { at: 0xf_0000_8000_0000, bytes: 0x4_0000 };
const DESCRIPTION: MachineDescription = {
  arch: "smmuv3",
  preset: "neoverse",
  registers: {},
  memory: { outside: "abort", zero: [[BigInt(RAM.at), BigInt(RAM.bytes)]], segments: [] },
  devices: [],
};
const STRTAB_BASE = 0x80;
const CR1 = 0x28;

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const deed = fc.oneof(
  fc.record({ what: fc.constant("word" as const), slot: fc.nat(RAM.bytes / 8 - 1), hi: word, lo: word }),
  fc.record({
    what: fc.constant("run" as const),
    from: fc.nat(RAM.bytes / 2),
    bytes: fc.uint8Array({ maxLength: 40 }),
    times: fc.constantFrom(1, 700),
  }),
  fc.record({ what: fc.constant("wide" as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ what: fc.constant("narrow" as const), value: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }) }),
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

function act(machine: Machine, recorder: EffectRecorder, done: Deed): void {
  const { memory } = machine;
  if (done.what === "word") {
    const at = RAM.at + 8 * done.slot;
    memory.write64(highHalf(at), lowHalf(at), done.hi, done.lo);
  } else if (done.what === "run") {
    const bytes = Uint8Array.from(
      { length: done.times * done.bytes.length },
      (_, i) => done.bytes[i % done.bytes.length]!,
    );
    memory.writeBytes(RAM.at + done.from, bytes);
  } else if (done.what === "wide") recorder.writeRegister(STRTAB_BASE, done.value, 8);
  else recorder.writeRegister(CR1, done.value, 4);
}

describe("Effects", () => {
  it("done again on a fresh machine make the same state, action by action", () => {
    fc.assert(
      fc.property(fc.array(fc.array(deed, { maxLength: 12 }), { maxLength: 12 }), (actions) => {
        const machine = new Machine(DESCRIPTION, SMMUV3.make);
        const recorder = new EffectRecorder(machine);
        const done = actions.map((deeds): [Effects, string] => {
          const effects = recorder.record(() => {
            for (const each of deeds) act(machine, recorder, each);
          });
          return [effects, machine.digest()];
        });
        const fresh = new Machine(DESCRIPTION, SMMUV3.make);
        for (const [effects, digest] of done) {
          replay(fresh, effects);
          expect(fresh.digest()).toBe(digest);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("of an action that wrote nothing are none", () => {
    const recorder = new EffectRecorder(new Machine(DESCRIPTION, SMMUV3.make));
    expect(recorder.record(() => {})).toBe(NO_EFFECTS);
  });
});
