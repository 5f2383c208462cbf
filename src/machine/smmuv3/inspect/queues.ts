/** Queues of an SMMUv3 (IHI 0070 §3.5), of its control pages (§3.5.6) and of the virtual Command queues beside it. */
import { VCMDQ_CONS_INDX } from "../../../arch/smmuv3/cmdqv.ts";
import { commandOf, RESERVED_COMMAND } from "../../../arch/smmuv3/commands.ts";
import { SMMU_ECMDQ_CONS } from "../../../arch/smmuv3/ecmdq_registers.ts";
import { eventOf, RESERVED_EVENT } from "../../../arch/smmuv3/events.ts";
import { PAGE_REQUEST } from "../../../arch/smmuv3/page_request.ts";
import { SMMU_CMDQ_CONS } from "../../../arch/smmuv3/queue_registers.ts";
import { join } from "../../../base/halves.ts";
import { EVENT_WORDS } from "../../../engine/smmuv3/event_record.ts";
import { GlobalError } from "../../../engine/smmuv3/global_errors.ts";
import { MAX_QUEUE_LG2 } from "../../../engine/smmuv3/register_file.ts";
import type { QueueRow } from "../../../protocol/inspection.ts";
import { type ReadableQueue, type ReadEntry, waitingOf } from "../../inspect/queue_rows.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

/** What all queues are made of. */
interface Given {
  readonly id: string;
  readonly title: string;
  readonly writer: QueueRow["writer"];
  readonly enabled: boolean;
  readonly base: bigint;
  readonly entryBytes: number;
  /** log2 of the largest queue that is offered. */
  readonly largestLg2: number;
  readonly prod: number;
  readonly cons: number;
  /** Names of the registers that hold the indexes. */
  readonly indexes: readonly [producer: string, consumer: string];
  readonly overflow?: boolean;
  readonly error?: string | null;
}

const ADDRESS = (1n << 52n) - 1n;

function rowOf({ base, largestLg2, prod, cons, indexes, overflow = false, error = null, ...rest }: Given): QueueRow {
  const sizeLg2 = Math.min(Number(base & 0x1fn), largestLg2, MAX_QUEUE_LG2);
  const entries = 2 ** sizeLg2;
  const wrap = (index: number): 0 | 1 => (((index >>> sizeLg2) & 1) === 1 ? 1 : 0);
  const producer = { register: indexes[0], index: prod & (entries - 1), wrap: wrap(prod) };
  const consumer = { register: indexes[1], index: cons & (entries - 1), wrap: wrap(cons) };
  // A base is aligned to the size of its queue, and to 32 bytes at least.
  const aligned = BigInt(Math.max(32, entries * rest.entryBytes));
  return {
    ...rest,
    base: (base & ADDRESS) - ((base & ADDRESS) % aligned),
    entries,
    producer,
    consumer,
    waiting: waitingOf({ entries, producer, consumer }),
    overflow,
    error,
  };
}

const readCommand = (words: Uint32Array): ReadEntry => {
  const command = commandOf(words);
  return { name: command?.name ?? "reserved command", layout: command?.layout ?? RESERVED_COMMAND };
};

const readEvent = (words: Uint32Array): ReadEntry => {
  const event = eventOf(words);
  return { name: event?.name ?? "reserved event", layout: event?.layout ?? RESERVED_EVENT };
};

const readPageRequest = (): ReadEntry => ({ name: "Page request", layout: PAGE_REQUEST });

/** Every queue that the SMMU offers, and those beside it that somebody set up. */
export function smmuQueues(unit: SmmuUnit): ReadableQueue[] {
  const { registers } = unit.control;
  const queues = [{ row: commandQueue(unit), read: readCommand }];
  queues.push({ row: recordQueue(unit, "EVENTQ", "Event queue", 4 * EVENT_WORDS), read: readEvent });
  if (registers.field("SMMU_IDR0", "PRI") === 1) {
    queues.push({ row: recordQueue(unit, "PRIQ", "PRI queue", PAGE_REQUEST.bits / 8), read: readPageRequest });
  }
  const commands = [...enhancedQueues(unit), ...virtualQueues(unit)];
  return [...queues, ...commands.map((row) => ({ row, read: readCommand }))];
}

function commandQueue({ control: { registers, errors } }: SmmuUnit): QueueRow {
  const { words } = registers;
  const base = registers.at("SMMU_CMDQ_BASE");
  const cons = words[registers.at("SMMU_CMDQ_CONS")]!;
  const failed = (errors.active & GlobalError.CMDQ_ERR) !== 0;
  return rowOf({
    id: "CMDQ",
    title: "Command queue",
    writer: "software",
    enabled: registers.field("SMMU_CR0", "CMDQEN") === 1,
    base: join(words[base + 1]!, words[base]!),
    entryBytes: 16,
    largestLg2: registers.field("SMMU_IDR1", "CMDQS"),
    prod: words[registers.at("SMMU_CMDQ_PROD")]!,
    cons,
    indexes: ["CMDQ_PROD", "CMDQ_CONS"],
    error: failed ? errorName(SMMU_CMDQ_CONS.fields, "ERR", SMMU_CMDQ_CONS.f.ERR.get([cons], 0)) : null,
  });
}

const OVERFLOW = 1 << 31;

function recordQueue(
  { control: { registers, errors } }: SmmuUnit,
  id: "EVENTQ" | "PRIQ",
  title: string,
  entryBytes: number,
): QueueRow {
  const { words } = registers;
  const base = registers.at(`SMMU_${id}_BASE`);
  const prod = words[registers.at(`SMMU_${id}_PROD`)]!;
  const cons = words[registers.at(`SMMU_${id}_CONS`)]!;
  const aborted = (errors.active & (id === "EVENTQ" ? GlobalError.EVENTQ_ABT_ERR : GlobalError.PRIQ_ABT_ERR)) !== 0;
  return rowOf({
    id,
    title,
    writer: "hardware",
    enabled: registers.field("SMMU_CR0", `${id}EN`) === 1,
    base: join(words[base + 1]!, words[base]!),
    entryBytes,
    largestLg2: registers.field("SMMU_IDR1", `${id}S`),
    prod,
    cons,
    indexes: [`${id}_PROD`, `${id}_CONS`],
    overflow: ((prod ^ cons) & OVERFLOW) !== 0,
    error: aborted ? `GERROR.${id}_ABT_ERR is active` : null,
  });
}

function enhancedQueues({ control: { registers, enhanced } }: SmmuUnit): QueueRow[] {
  return [...enhanced.snapshot()]
    .sort(([a], [b]) => a - b)
    .map(([n, [baseLo, baseHi, prod, cons]]) => {
      const words = [cons!];
      const { f, fields } = SMMU_ECMDQ_CONS;
      const active = f.ERR.get(words, 0) !== ((prod! >>> 23) & 1);
      return rowOf({
        id: `ECMDQ${n}`,
        title: `Enhanced Command queue ${n}`,
        writer: "software",
        enabled: f.ENACK.get(words, 0) === 1,
        base: join(baseHi!, baseLo!),
        entryBytes: 16,
        largestLg2: registers.field("SMMU_IDR1", "CMDQS"),
        prod: prod!,
        cons: cons!,
        indexes: [`ECMDQ_PROD${n}`, `ECMDQ_CONS${n}`],
        error: active ? errorName(fields, "ERR_REASON", f.ERR_REASON.get(words, 0)) : null,
      });
    });
}

/** VCMDQs that have a base or are enabled. */
function virtualQueues({ blocks: { cmdqv }, control: { registers } }: SmmuUnit): QueueRow[] {
  if (cmdqv === undefined) return [];
  const value = (name: string): bigint => {
    const place = cmdqv.register(name);
    return place === null ? 0n : cmdqv.read(place.offset, place.width);
  };
  const rows: QueueRow[] = [];
  for (let n = 0; cmdqv.register(`VCMDQ${n}_BASE`) !== null; n++) {
    const of = (name: string): bigint => value(`VCMDQ${n}_${name}`);
    const [base, enabled] = [of("BASE"), (of("STATUS") & 1n) === 1n];
    if (base === 0n && !enabled) continue;
    const cons = Number(of("CONS_INDX"));
    const failed = ((of("GERROR") ^ of("GERRORN")) & 1n) === 1n;
    rows.push(
      rowOf({
        id: `VCMDQ${n}`,
        title: `Virtual Command queue ${n}`,
        writer: "software",
        enabled,
        base,
        entryBytes: 16,
        largestLg2: registers.field("SMMU_IDR1", "CMDQS"),
        prod: Number(of("PROD_INDX")),
        cons,
        indexes: [`VCMDQ${n}_PROD_INDX`, `VCMDQ${n}_CONS_INDX`],
        error: failed ? errorName(VCMDQ_CONS_INDX.fields, "ERR", VCMDQ_CONS_INDX.f.ERR.get([cons], 0)) : null,
      }),
    );
  }
  return rows;
}

function errorName(
  fields: readonly { readonly name: string; readonly values?: Readonly<Record<number, string>> }[],
  name: string,
  code: number,
): string {
  return fields.find((f) => f.name === name)?.values?.[code] ?? `error ${code}`;
}
