/** Queues of a VT-d unit: invalidation descriptors (VT-d §6.5.2), page requests (§7.6). */
import { descriptorByType, PAGE_REQ_DSC, RESERVED_DESCRIPTOR } from "../../../arch/vtd/commands.ts";
import { IQA, IQERCD } from "../../../arch/vtd/queue_registers.ts";
import type { QueueRow } from "../../../protocol/inspection.ts";
import { type ReadableQueue, type ReadEntry, waitingOf } from "../../inspect/queue_rows.ts";
import type { VtdUnit } from "../vtd_unit.ts";

const PAGE = 4096;
const NARROW_BYTES = 16;
const WIDE_BYTES = 32;

const typeOf = ([first = 0]: Uint32Array): number => (first & 0xf) | (((first >>> 9) & 7) << 4);

/** A 128-bit descriptor reads as one whose upper half is zero. */
const readDescriptor = (words: Uint32Array): ReadEntry => {
  const found = descriptorByType(typeOf(words));
  return { name: found?.name ?? "reserved descriptor", layout: found?.layout ?? RESERVED_DESCRIPTOR };
};

const readPageRequest = (): ReadEntry => ({ name: PAGE_REQ_DSC.name, layout: PAGE_REQ_DSC });

/** What both queues are made of. */
interface Given {
  readonly id: string;
  readonly title: string;
  readonly writer: QueueRow["writer"];
  readonly enabled: boolean;
  readonly base: string;
  readonly entryBytes: number;
  readonly indexes: readonly [producer: string, consumer: string];
  readonly overflow: boolean;
  readonly error: string | null;
}

function rowOf(unit: VtdUnit, { base, indexes, ...rest }: Given): QueueRow {
  const value = (name: string): bigint => {
    const place = unit.register(name);
    return place === null ? 0n : unit.read(place.offset, place.width);
  };
  const entries = (PAGE << Number(value(base) & 7n)) / rest.entryBytes;
  const index = (register: string): QueueRow["producer"] => ({
    register,
    index: Math.floor(Number(value(register)) / rest.entryBytes) % entries,
    wrap: null,
  });
  const [producer, consumer] = [index(indexes[0]), index(indexes[1])];
  return {
    ...rest,
    base: value(base) - (value(base) % BigInt(PAGE)),
    entries,
    producer,
    consumer,
    waiting: waitingOf({ entries, producer, consumer }),
  };
}

/** Every queue that the unit offers. */
export function vtdQueues(unit: VtdUnit): ReadableQueue[] {
  const { registers } = unit.control;
  const queues: ReadableQueue[] = [];
  if (registers.has("IQA")) queues.push({ row: invalidationQueue(unit), read: readDescriptor });
  if (registers.has("PQA")) {
    const row = rowOf(unit, {
      id: "PRQ",
      title: "Page request queue",
      writer: "hardware",
      enabled: true,
      base: "PQA",
      entryBytes: PAGE_REQ_DSC.bits / 8,
      indexes: ["PQT", "PQH"],
      overflow: registers.get("PRS", "PRO") === 1,
      error: null,
    });
    queues.push({ row, read: readPageRequest });
  }
  return queues;
}

function invalidationQueue(unit: VtdUnit): QueueRow {
  const { registers } = unit.control;
  const failed = registers.get("FSTS", "IQE") === 1;
  const code = registers.has("IQERCD") ? registers.get("IQERCD", "IQEI") : 0;
  const meaning = IQERCD.fields.find((d) => d.name === "IQEI")?.values?.[code];
  return rowOf(unit, {
    id: "IQ",
    title: "Invalidation queue",
    writer: "software",
    enabled: registers.get("GSTS", "QIES") === 1,
    base: "IQA",
    entryBytes: IQA.f.DW.get(registers.words, registers.at("IQA")) === 1 ? WIDE_BYTES : NARROW_BYTES,
    indexes: ["IQT", "IQH"],
    overflow: false,
    error: failed ? `FSTS.IQE is set: ${meaning ?? `error ${code}`}` : null,
  });
}
