/**
 * Transactions at an SMMUv3: translated, stalled and taken up again.
 *
 * A stalled transaction waits here for what a command, or the end of translation, decides about it (IHI 0070 §3.12.2);
 * one whose event cannot be written yet waits for the Event queue and is then looked at as though it had just arrived.
 */
import type { Digest } from "../../base/digest.ts";
import { join } from "../../base/halves.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { ProgrammingInterface } from "../../engine/smmuv3/programming_interface.ts";
import { meetEvent, type RequestedEvent } from "../../engine/smmuv3/requested_events.ts";
import { NO_TAG, StallEnd } from "../../engine/smmuv3/stalls.ts";
import { End, type Translation } from "../../engine/smmuv3/translation.ts";
import type { Access } from "../../protocol/machine.ts";
import { begun, carryOn, type Passage, type Progress } from "../transfer.ts";
import type { Stalls, Transfer, TransferResult } from "../unit.ts";

/** Events that a transaction may be asked to meet. */
export const ON_REQUEST: readonly RequestedEvent[] = ["F_UUT", "F_TLB_CONFLICT", "F_CFG_CONFLICT"];

/** A stalled transaction and its number. */
interface Stalled {
  readonly number: number;
  readonly progress: Progress;
}

/** A saved state; never changed once made. */
export interface TransactionsImage {
  readonly stalled: ReadonlyMap<number, Stalled>;
  readonly waiting: readonly Stalled[];
  readonly results: ReadonlyMap<number, TransferResult>;
  readonly count: number;
}

/** What transactions need of an SMMU. */
export interface TransactionHost {
  readonly memory: PhysicalMemory;
  readonly control: ProgrammingInterface;
  /** Translate one access; with `updates` hardware updates of descriptors are made. Overwritten by the next call. */
  translate(access: Access, updates: boolean): Translation;
  /** Post the event of a faulted translation. */
  record(t: Translation): void;
}

/** Most outcomes of stalled transactions that are kept; the oldest go first. */
const MAX_RESULTS = 4096;
/** Most transactions that wait for the Event queue; the port takes no more, and a further one is aborted. */
const MAX_WAITING = 1024;

export class Transactions implements Stalls {
  readonly #host: TransactionHost;
  /** By tag. */
  #stalled = new Map<number, Stalled>();
  #waiting: Stalled[] = [];
  #results = new Map<number, TransferResult>();
  #count = 0;

  constructor(host: TransactionHost) {
    this.#host = host;
  }

  /** One transaction; the first page that does not pass ends it, or stalls it. */
  start(transfer: Transfer): TransferResult {
    return this.#run(begun(transfer), null);
  }

  resultOf(number: number): TransferResult | null {
    return this.#results.get(number) ?? null;
  }

  tagOf(number: number): number | null {
    for (const [tag, stalled] of this.#stalled) if (stalled.number === number) return tag;
    return null;
  }

  /** Carry out what was decided about stalled transactions, and take up those that waited for the Event queue. */
  settle(): void {
    const { control } = this.#host;
    const decisions = control.stalls.takeDecisions();
    // First collect all of them: a transaction that is taken up may stall anew under a tag that just became free.
    const decided = decisions.map(([tag, end]) => {
      const stalled = this.#stalled.get(tag);
      this.#stalled.delete(tag);
      return { stalled, end };
    });
    this.#terminateWaiting();
    for (const { stalled, end } of decided) {
      if (stalled === undefined) continue;
      if (end === StallEnd.Retry) this.#resolve(stalled.number, this.#run(stalled.progress, null));
      else this.#resolve(stalled.number, { ok: false, razwi: end === StallEnd.Zero });
    }
    while (this.#waiting.length > 0 && this.#mayRecord()) {
      const { number, progress } = this.#waiting.shift()!;
      const result = this.#run(progress, number);
      if (result.ok || result.stalled === undefined) this.#resolve(number, result);
    }
  }

  snapshot(): TransactionsImage {
    return {
      stalled: new Map(this.#stalled),
      waiting: [...this.#waiting],
      results: new Map(this.#results),
      count: this.#count,
    };
  }

  restore(image: TransactionsImage): void {
    this.#stalled = new Map(image.stalled);
    this.#waiting = [...image.waiting];
    this.#results = new Map(image.results);
    this.#count = image.count;
  }

  /** Take what is stalled into a digest. */
  digest(into: Digest): void {
    for (const [tag, { number }] of this.#stalled) into.word(tag).word(number);
    for (const { number } of this.#waiting) into.word(number);
    into.word(this.#count);
  }

  /** @param number of a transaction that was stalled before under that number */
  #run(from: Progress, number: number | null): TransferResult {
    const { transfer } = from;
    return carryOn(
      from,
      this.#host.memory,
      (iova): Passage<Translation> => {
        const t = this.#translate({ ...transfer, iova });
        return t.end === End.Ok ? { pa: join(t.paHi, t.paLo), stop: null } : { pa: null, stop: t };
      },
      (progress, t) => this.#failed(t, progress, number),
    );
  }

  #translate(part: Transfer): Translation {
    const event = ON_REQUEST.find((name) => name === part.meets);
    const t = this.#host.translate(part, event === undefined);
    if (event === undefined) return t;
    const off = this.#host.control.registers.field("SMMU_CR0", "SMMUEN") === 0;
    meetEvent(t, event, off, part.privileged, part.instruction);
    return t;
  }

  #failed(t: Translation, progress: Progress, known: number | null): TransferResult {
    if (t.end === End.Unknown) return { ok: false, razwi: false, unknown: join(t.fetchHi, t.fetchLo) };
    if (t.end !== End.Fault || !t.stalls) {
      if (t.end === End.Fault) this.#host.record(t);
      return { ok: false, razwi: t.razwi };
    }
    const tag = this.#mayRecord() ? this.#host.control.stalls.take(t.sid) : NO_TAG;
    if (tag === NO_TAG && this.#waiting.length >= MAX_WAITING) return { ok: false, razwi: false };
    const number = known ?? this.#count++;
    if (tag === NO_TAG) this.#waiting.push({ number, progress });
    else {
      this.#stalled.set(tag, { number, progress });
      t.stag = tag;
      this.#host.record(t);
    }
    return { ok: false, razwi: false, stalled: number };
  }

  /** The event of a stall can be written, under a tag of its own. */
  #mayRecord(): boolean {
    const { stalls, events } = this.#host.control;
    return events.writable && stalls.count < stalls.capacity;
  }

  #terminateWaiting(): void {
    const { control } = this.#host;
    const ended = this.#waiting.filter(({ progress }) => control.stalls.isTerminated(progress.transfer.sid));
    control.stalls.forgetTerminated();
    if (ended.length === 0) return;
    this.#waiting = this.#waiting.filter((stalled) => !ended.includes(stalled));
    for (const { number } of ended) this.#resolve(number, { ok: false, razwi: false });
  }

  #resolve(number: number, result: TransferResult): void {
    this.#results.set(number, result);
    if (this.#results.size > MAX_RESULTS) this.#results.delete(this.#results.keys().next().value!);
  }
}
