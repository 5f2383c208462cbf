import { describe, expect, it } from "vitest";
import type { Action } from "../protocol/machine.ts";
import { isEdited } from "./edits.ts";

const FAULTS: Action = { do: "guest faults" };
const TOGGLE: Action = { do: "toggle", at: 0n, bit: 0 };
const REGISTER: Action = { do: "register", name: "CR0", value: 1n };

describe("A session is edited", () => {
  it("from the first write by hand on, whatever devices and software did before and after", () => {
    for (const edit of [TOGGLE, REGISTER]) {
      const actions = [FAULTS, edit, FAULTS];
      expect([0, 1, 2, 3].map((step) => isEdited({ actions, step }))).toEqual([false, false, true, true]);
    }
    expect(isEdited({ actions: [FAULTS, FAULTS], step: 2 })).toBe(false);
    expect(isEdited({ actions: [], step: 0 })).toBe(false);
  });
});
