import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Action } from "../protocol/machine.ts";
import { actionLanes, LANES } from "./action_lanes.ts";

const KINDS: readonly Action[] = [
  { do: "toggle", at: 0n, bit: 0 },
  { do: "register", name: "CR0", value: 0n },
  { do: "dma", sid: 1, ssid: null, iova: 0n, write: false, privileged: false, instruction: false, length: 1 },
];
const LANE = ["memory", "registers", "device"];

describe("lanes of a log", () => {
  it("are those of its actions, however it came of the log before", () => {
    const change = fc.record({ kept: fc.nat(12), more: fc.array(fc.nat(2), { maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        let log: readonly Action[] = [];
        let kinds: readonly number[] = [];
        for (const { kept, more } of changes) {
          log = [...log.slice(0, kept), ...more.map((kind) => ({ ...KINDS[kind]! }))];
          kinds = [...kinds.slice(0, kept), ...more];
          expect(Array.from(actionLanes(log), (lane) => LANES[lane]!.id)).toEqual(kinds.map((kind) => LANE[kind]));
          expect(actionLanes(log)).toBe(actionLanes(log));
        }
      }),
    );
  });
});
