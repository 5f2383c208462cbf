/**
 * An NVMe controller with one pair of queues (NVM Express Base Specification 2.0, §3.3, §4.1.1 and §4.2.1).
 *
 * For each command it fetches a submission queue entry of 64 bytes and, where the data is more than two pages, the list
 * of further PRP entries (8 bytes each, a page of data); it moves the data page by page, and posts a completion queue
 * entry of 16 bytes.
 */
import type { Action } from "../../protocol/machine.ts";
import { type Bench, between, PAGE, READ, reads, WRITE, writes } from "./ground.ts";

const SUBMISSION = 64;
const COMPLETION = 16;
const PRP_ENTRY = 8;
/** Most pages that one command moves: a transfer size (MDTS) of 64 KiB. */
const MOST_PAGES = 16;
/** One command of so many writes to the disk: the controller reads memory. */
const COMMANDS_TO_WRITES = 3;

export function* nvme(bench: Bench): Generator<Action, never> {
  const { ground } = bench;
  const [space = null] = ground.spaces;
  const submissions = yield* ground.take(space, 1, READ);
  const completions = yield* ground.take(space, 1, WRITE);
  const list = yield* ground.take(space, 1, READ);
  for (let command = 0; ; command++) {
    const toDisk = command % COMMANDS_TO_WRITES === COMMANDS_TO_WRITES - 1;
    const data = yield* ground.take(space, between(bench, 1, MOST_PAGES), toDisk ? READ : WRITE);
    const pages = data.bytes / PAGE;
    yield* reads(bench, submissions, (command * SUBMISSION) % PAGE, SUBMISSION);
    // PRP entry 1 is in the command, and so is entry 2 where there are two.
    if (pages > 2) yield* reads(bench, list, 0, PRP_ENTRY * (pages - 1));
    for (let page = 0; page < pages; page++) {
      yield* (toDisk ? reads : writes)(bench, data, page * PAGE, PAGE);
    }
    yield* writes(bench, completions, (command * COMPLETION) % PAGE, COMPLETION);
    yield* ground.give(data);
  }
}
