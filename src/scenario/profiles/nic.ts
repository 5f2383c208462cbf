/**
 * A network card: a receive and a transmit ring of 16-byte descriptors, a page each, and buffers of a page.
 *
 * For each packet it fetches a descriptor, moves the packet, and writes the descriptor back. Buffers are posted to the
 * receive ring ahead of the packets; those to transmit are mapped one at a time.
 */
import type { Action } from "../../protocol/machine.ts";
import { type Bench, type Buffer, between, PAGE, READ, reads, WRITE, writes } from "./ground.ts";

const DESCRIPTOR = 16;
const SLOTS = PAGE / DESCRIPTOR;
const POSTED = 16;
/** Bytes of an Ethernet frame without its check sequence. */
const FRAME = { least: 60, most: 1514 } as const;
/** One packet of so many is an acknowledgement that goes out. */
const RECEIVED_TO_SENT = 4;

export function* nic(bench: Bench): Generator<Action, never> {
  const { ground } = bench;
  const [space = null] = ground.spaces;
  const received = yield* ground.take(space, 1, READ | WRITE);
  const sent = yield* ground.take(space, 1, READ | WRITE);
  const posted: Buffer[] = [];
  for (let i = 0; i < POSTED; i++) posted.push(yield* ground.take(space, 1, WRITE));
  for (let packet = 0; ; packet++) {
    const buffer = posted.shift()!;
    const at = (packet % SLOTS) * DESCRIPTOR;
    yield* reads(bench, received, at, DESCRIPTOR);
    yield* writes(bench, buffer, 0, between(bench, FRAME.least, FRAME.most));
    yield* writes(bench, received, at, DESCRIPTOR);
    yield* ground.give(buffer);
    posted.push(yield* ground.take(space, 1, WRITE));
    if (packet % RECEIVED_TO_SENT === RECEIVED_TO_SENT - 1) {
      yield* transmit(bench, space, sent, Math.floor(packet / RECEIVED_TO_SENT) % SLOTS);
    }
  }
}

function* transmit(bench: Bench, space: number | null, ring: Buffer, slot: number): Generator<Action, void> {
  const { ground } = bench;
  const buffer = yield* ground.take(space, 1, READ);
  yield* reads(bench, ring, slot * DESCRIPTOR, DESCRIPTOR);
  yield* reads(bench, buffer, 0, between(bench, FRAME.least, FRAME.most));
  yield* writes(bench, ring, slot * DESCRIPTOR, DESCRIPTOR);
  yield* ground.give(buffer);
}
