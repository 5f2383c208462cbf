/** Rings of an AMD IOMMU and of its guests: commands (48882 §2.4), events (§2.5) and page requests (§2.6). */
import { COMMAND_WORDS, commandOf } from "../../../arch/amdvi/commands.ts";
import { eventOf } from "../../../arch/amdvi/events.ts";
import { PAGE_SERVICE_REQUEST, PAGE_SERVICE_REQUEST_CODE } from "../../../arch/amdvi/ppr.ts";
import { field, layout } from "../../../base/layout.ts";
import type { GuestIommu } from "../../../engine/amdvi/guests/guest_iommu.ts";
import type { RegisterFile } from "../../../engine/common/register_file.ts";
import type { QueueRow } from "../../../protocol/inspection.ts";
import { type ReadableQueue, type ReadEntry, waitingOf } from "../../inspect/queue_rows.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

const ENTRY_BYTES = 4 * COMMAND_WORDS;
/** log2 of the entries of the smallest ring. */
const SMALLEST = 8;

/** An entry whose code is reserved. */
const RESERVED = layout("reserved", "48882 §2.4, §2.5, §2.6", 128, [
  field("_59_0", 59, 0, "reserved"),
  field("Code", 63, 60, "opcode of a command, or code of a record"),
  field("_127_64", 127, 64, "reserved"),
]);

const named = (found: ReadEntry | undefined): ReadEntry => found ?? { name: RESERVED.name, layout: RESERVED };
const readCommand = (words: Uint32Array): ReadEntry => named(commandOf(words));
const readEvent = (words: Uint32Array): ReadEntry => named(eventOf(words));
const readRequest = (words: Uint32Array): ReadEntry =>
  named(
    RESERVED.f.Code.get(words, 0) === PAGE_SERVICE_REQUEST_CODE
      ? { name: PAGE_SERVICE_REQUEST.name, layout: PAGE_SERVICE_REQUEST }
      : undefined,
  );

/** Names of a ring's registers and of its bits in STATUS. */
interface Ring {
  readonly id: string;
  readonly title: string;
  readonly writer: QueueRow["writer"];
  readonly base: string;
  readonly length: string;
  readonly head: string;
  readonly tail: string;
  readonly run: string;
  /** Null where nothing can be lost. */
  readonly overflow: string | null;
  /** Field of EFR that has the ring; null where every IOMMU has it. */
  readonly feature: string | null;
  readonly read: (words: Uint32Array) => ReadEntry;
}

const COMMANDS: Ring = {
  id: "CMD",
  title: "Command buffer",
  writer: "software",
  base: "CMD_BASE",
  length: "ComLen",
  head: "CMD_HEAD",
  tail: "CMD_TAIL",
  run: "CmdBufRun",
  overflow: null,
  feature: null,
  read: readCommand,
};
const EVENTS: Ring = {
  id: "EVT",
  title: "Event log",
  writer: "hardware",
  base: "EVT_BASE",
  length: "EventLen",
  head: "EVT_HEAD",
  tail: "EVT_TAIL",
  run: "EventLogRun",
  overflow: "EventOverflow",
  feature: null,
  read: readEvent,
};
const REQUESTS: Ring = {
  id: "PPR",
  title: "Page request log",
  writer: "hardware",
  base: "PPR_BASE",
  length: "PPRLogLen",
  head: "PPR_HEAD",
  tail: "PPR_TAIL",
  run: "PPRLogRun",
  overflow: "PprOverflow",
  feature: "PPRSup",
  read: readRequest,
};
const RINGS: readonly Ring[] = [
  COMMANDS,
  EVENTS,
  {
    ...EVENTS,
    id: "EVT_B",
    title: "Event log B",
    base: "EVT_BASE_B",
    length: "EventLogBLen",
    head: "EVT_HEAD_B",
    tail: "EVT_TAIL_B",
    overflow: "EventOvrflwB",
    feature: "DualEventLogSup",
  },
  REQUESTS,
  {
    ...REQUESTS,
    id: "PPR_B",
    title: "Page request log B",
    base: "PPR_BASE_B",
    length: "PPRLogBLen",
    head: "PPR_HEAD_B",
    tail: "PPR_TAIL_B",
    overflow: "PprOvrflwB",
    feature: "DualPprLogSup",
  },
];

/** Rings that a guest with a virtualized IOMMU has of its own (48882, chapter 5). */
const GUEST_RINGS = [COMMANDS, EVENTS, REQUESTS];

/** Every ring that the IOMMU offers, and those of guests that somebody placed. */
export function amdQueues({ control: { registers, guests } }: AmdviUnit): ReadableQueue[] {
  const own = RINGS.filter(({ feature }) => feature === null || registers.get("EFR", feature) !== 0);
  return [
    ...own.map((ring) => ({ row: rowOf(registers, ring), read: ring.read })),
    ...(guests?.all() ?? []).flatMap((guest) => GUEST_RINGS.flatMap((ring) => guestQueue(guest, ring) ?? [])),
  ];
}

const GUEST_ID = /^GUEST(\d{1,5})_CMD$/;

/** The guest whose commands a queue holds, by the queue's id; null for other queues. */
export function guestOfCommands(queue: string): number | null {
  const found = GUEST_ID.exec(queue);
  return found === null ? null : Number(found[1]);
}

/** A ring of a guest's, which lies where the host's tables put it. */
function guestQueue(guest: GuestIommu, ring: Ring): ReadableQueue | null {
  const { guestId, registers } = guest;
  const row = rowOf(registers, ring);
  if (row.base === 0n && !row.enabled) return null;
  const locate = (offset: number): bigint | null => {
    const at = guest.physical(Number(row.base) + offset);
    return at < 0 ? null : BigInt(at);
  };
  return {
    row: {
      ...row,
      id: `GUEST${guestId}_${ring.id}`,
      title: `${ring.title} of guest ${guestId}`,
      base: locate(0) ?? 0n,
      of: "guest",
    },
    read: ring.read,
    locate,
  };
}

function rowOf(registers: RegisterFile, ring: Ring): QueueRow {
  const at = registers.at(ring.base);
  const base = (BigInt(registers.words[at + 1]! & 0xfffff) << 32n) | BigInt((registers.words[at]! & ~0xfff) >>> 0);
  const entries = 2 ** Math.max(SMALLEST, registers.get(ring.base, ring.length));
  const index = (register: string): QueueRow["producer"] => ({
    register,
    index: Math.floor(registers.words[registers.at(register)]! / ENTRY_BYTES) % entries,
    wrap: null,
  });
  const [producer, consumer] = [index(ring.tail), index(ring.head)];
  const running = registers.get("STATUS", ring.run) === 1;
  return {
    id: ring.id,
    title: ring.title,
    writer: ring.writer,
    enabled: running,
    base,
    entryBytes: ENTRY_BYTES,
    entries,
    producer,
    consumer,
    waiting: waitingOf({ entries, producer, consumer }),
    overflow: ring.overflow !== null && registers.get("STATUS", ring.overflow) === 1,
    error: stopped(registers, ring, running),
  };
}

/** Commands that are on stop at one that is illegal or cannot be read (§2.5.6, §2.5.7). */
function stopped(registers: RegisterFile, ring: Ring, running: boolean): string | null {
  const on = registers.get("CONTROL", "IommuEn") === 1 && registers.get("CONTROL", "CmdBufEn") === 1;
  return ring === COMMANDS && on && !running ? `STATUS.${ring.run} is 0: a command was refused` : null;
}
