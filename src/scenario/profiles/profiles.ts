/** The device models by name, and a running one as a source of actions. */
import { xorshift32 } from "../../base/rng.ts";
import type { Action } from "../../protocol/machine.ts";
import type { ProfileId } from "../../protocol/profiles.ts";
import { accelerator } from "./accelerator.ts";
import type { Bench, Ground, Mover } from "./ground.ts";
import { nic } from "./nic.ts";
import { nvme } from "./nvme.ts";

const MODELS: Readonly<Record<ProfileId, (bench: Bench) => Generator<Action, never>>> = { nic, nvme, accelerator };

/** A device at work. The same arguments give the same actions. */
export interface DeviceStream {
  /** The next `count` actions. */
  readonly next: (count: number) => Action[];
  /** What gives all buffers back; nothing comes after it. */
  readonly end: () => Action[];
}

/** @param seed any 32-bit number but 0 */
export function deviceStream(profile: ProfileId, mover: Mover, ground: Ground, seed: number): DeviceStream {
  const actions = MODELS[profile]({ mover, ground, random: xorshift32(seed) });
  return {
    next: (count) => Array.from({ length: count }, () => actions.next().value),
    end: () => ground.held().flatMap((buffer) => [...ground.give(buffer)]),
  };
}
