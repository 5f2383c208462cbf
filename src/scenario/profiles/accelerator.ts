/**
 * An accelerator that copies memory for processes, each in its own address space by its PASID (shared virtual
 * addressing).
 *
 * For each piece of work it reads a descriptor of 64 bytes from a batch in the process's memory, copies up to a page, and
 * writes a completion record of 32 bytes beside the batch. Processes take turns.
 */
import type { Action } from "../../protocol/machine.ts";
import { type Bench, type Buffer, between, PAGE, READ, reads, WRITE, writes } from "./ground.ts";

const DESCRIPTOR = 64;
const RECORD = 32;
/** Descriptors of a batch; the records stand in the other half of the page. */
const BATCH = PAGE / 2 / DESCRIPTOR;

export function* accelerator(bench: Bench): Generator<Action, never> {
  const { ground } = bench;
  const batches = new Map<number | null, Buffer>();
  for (const space of ground.spaces) batches.set(space, yield* ground.take(space, 1, READ | WRITE));
  for (let work = 0; ; work++) {
    const round = Math.floor(work / ground.spaces.length) % BATCH;
    const space = ground.spaces[work % ground.spaces.length]!;
    yield* copy(bench, batches.get(space)!, round);
  }
}

function* copy(bench: Bench, batch: Buffer, round: number): Generator<Action, void> {
  const { ground } = bench;
  const bytes = between(bench, 1, PAGE);
  const from = yield* ground.take(batch.ssid, 1, READ);
  const to = yield* ground.take(batch.ssid, 1, WRITE);
  yield* reads(bench, batch, round * DESCRIPTOR, DESCRIPTOR);
  yield* reads(bench, from, 0, bytes);
  yield* writes(bench, to, 0, bytes);
  yield* writes(bench, batch, PAGE / 2 + round * RECORD, RECORD);
  yield* ground.give(from);
  yield* ground.give(to);
}
