/**
 * What a long session costs: appending actions, taking an image, going to any step. Actions are transactions through
 * nested tables, and now and then a bit of a descriptor flipped.
 */
import { REGISTERS } from "../../arch/smmuv3/registers.ts";
import { xorshift32 } from "../../base/rng.ts";
import type { HardwareAction, MachineDescription } from "../../protocol/machine.ts";
import { Machine } from "../machine.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { Timeline } from "../timeline.ts";
import { buildNestedTables, KEYS, type NestedTables, VA_BASE } from "./nested_tables.ts";
import type { PassResult, Workload } from "./translations.ts";

export const TIMELINE_ACTIONS = [1000, 10_000, 100_000, 1_000_000] as const;

const PAGES = 4096;
/** One action of so many flips a bit. */
const FLIPS = 32;
/** Bit 55 of a descriptor: software's own, so that flipping it changes memory and no translation. */
const SOFTWARE_BIT = 55;
const SEEKS = 16;
const SNAPSHOTS = 64;
/** Of a pass that adds nothing up. */
const NO_SUM: PassResult = { failed: 0, a: 0, b: 0 };

/** Appending `actions` actions, then images and steps of the session that this makes. */
export function timelineWorkloads(actions: number): Workload[] {
  const tables = buildNestedTables(PAGES);
  const machine = new Machine(describe(tables), SMMUV3.make);
  const timeline = new Timeline(machine);
  const next = xorshift32(actions);
  const named = (work: string, operations: number, pass: () => PassResult): Workload => {
    return { work, pages: PAGES, order: "random", operations, figures: { actions }, pass };
  };
  const append = named("append", actions, () => {
    for (let i = 0; i < actions; i++) timeline.append(actionAt(i, tables));
    const digest = machine.digest();
    return { failed: 0, a: Number.parseInt(digest.slice(0, 8), 16), b: Number.parseInt(digest.slice(8), 16) };
  });
  const seek = named("seek", SEEKS, () => {
    for (let i = 1; i < SEEKS; i++) timeline.seek(next() % (actions + 1));
    timeline.seek(actions);
    return { ...NO_SUM, failed: timeline.now === actions ? 0 : SEEKS };
  });
  const snapshot = named("snapshot", SNAPSHOTS, () => {
    for (let i = 0; i < SNAPSHOTS; i++) {
      machine.apply(actionAt(FLIPS * i, tables));
      machine.snapshot();
    }
    return NO_SUM;
  });
  return [{ ...append, once: true }, seek, { ...snapshot, once: true }];
}

function actionAt(i: number, { order, root2 }: NestedTables): HardwareAction {
  if (i % FLIPS === 0) return { do: "toggle", at: BigInt(root2 + 8 * (256 + ((i / FLIPS) % 128))), bit: SOFTWARE_BIT };
  const iova = BigInt(VA_BASE) + BigInt(order[i % PAGES]!) * 4096n;
  const how = { write: false, privileged: false, instruction: false, length: 4 };
  return { do: "dma", sid: KEYS.sid, ssid: null, iova, ...how };
}

/** The machine that the tables stand in. */
function describe({ memory, registers, zero }: NestedTables): MachineDescription {
  const value = (at: number, wide: boolean): bigint =>
    (wide ? BigInt(registers.words[at + 1]!) << 32n : 0n) | BigInt(registers.words[at]!);
  return {
    arch: "smmuv3",
    registers: Object.fromEntries(
      REGISTERS.map((r) => [r.name.replace("SMMU_", ""), value(r.offset >>> 2, r.widthBytes === 8)]),
    ),
    memory: {
      outside: "abort",
      zero: zero.map(([at, bytes]) => [BigInt(at), BigInt(bytes)]),
      segments: memory.segments().map(({ at, bytes }) => ({ at: BigInt(at), bytes })),
    },
    devices: [],
  };
}
