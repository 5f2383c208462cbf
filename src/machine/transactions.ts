/**
 * Transactions of devices: split at pages, translated, stalled and taken up again.
 *
 * A stalled transaction waits here for what a command, or the end of translation, decides about it (IHI 0070 §3.12.2);
 * one whose event cannot be written yet waits for the Event queue and is then looked at as though it had just arrived.
 */
import type { Digest } from "../base/digest.ts";
import { MemoryStatus, type PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { ProgrammingInterface } from "../engine/smmuv3/programming_interface.ts";
import { meetEvent, type RequestedEvent } from "../engine/smmuv3/requested_events.ts";
import { NO_TAG, StallEnd } from "../engine/smmuv3/stalls.ts";
import { End, type Translation } from "../engine/smmuv3/translation.ts";
import type { Access } from "../protocol/machine.ts";

/** What became of a transaction. */
export type DmaResult =
  /** It went to `pa`; `data` is what a read brought, absent where nothing answers at `pa`. */
  | { readonly ok: true; readonly pa: bigint; readonly data?: Uint8Array }
  /**
   * It was terminated, or is stalled: `stalled` is then the number of the stall, counted from 0 over the session.
   * `unknown` is the address of memory the session lacks, where that was the cause.
   */
  | { readonly ok: false; readonly unknown?: bigint; readonly razwi: boolean; readonly stalled?: number };

/**
 * A transaction of a device: `data` is what a write sends; without it nothing is written. `meets` is an event that it is
 * to run into, of those that the model does not find by itself.
 */
export type Dma = Access & { readonly length: number; readonly data?: Uint8Array; readonly meets?: RequestedEvent };

/** A transaction with the part of it that is done. */
interface Progress {
  readonly access: Dma;
  /** Bytes that have passed. */
  readonly done: number;
  /** Where the first byte went. */
  readonly first: bigint | null;
  readonly read: Uint8Array | null;
  readonly answered: boolean;
}

/** A stalled transaction and its number. */
interface Stalled {
  readonly number: number;
  readonly progress: Progress;
}

/** A saved state; never changed once made. */
export interface TransactionsImage {
  readonly stalled: ReadonlyMap<number, Stalled>;
  readonly waiting: readonly Stalled[];
  readonly results: ReadonlyMap<number, DmaResult>;
  readonly count: number;
}

/** What transactions need of a machine. */
export interface TransactionHost {
  readonly memory: PhysicalMemory;
  readonly control: ProgrammingInterface;
  /** Translate one access; with `updates` hardware updates of descriptors are made. Overwritten by the next call. */
  translate(access: Access, updates: boolean): Translation;
  /** Post the event of a faulted translation. */
  record(t: Translation): void;
}

const PAGE = 4096n;
/** Most outcomes of stalled transactions that are kept; the oldest go first. */
const MAX_RESULTS = 4096;
/** Most transactions that wait for the Event queue; the port takes no more, and a further one is aborted. */
const MAX_WAITING = 1024;

const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

export class Transactions {
  readonly #host: TransactionHost;
  /** By tag. */
  #stalled = new Map<number, Stalled>();
  #waiting: Stalled[] = [];
  #results = new Map<number, DmaResult>();
  #count = 0;

  constructor(host: TransactionHost) {
    this.#host = host;
  }

  /** One transaction; the first page that does not pass ends it, or stalls it. */
  start(access: Dma): DmaResult {
    const read = access.write ? null : new Uint8Array(access.length);
    return this.#run({ access, done: 0, first: null, read, answered: true }, null);
  }

  /** What became of a stalled transaction: null while it is stalled, or where nobody remembers. */
  resultOf(number: number): DmaResult | null {
    return this.#results.get(number) ?? null;
  }

  /** Tag of a stalled transaction, as its event has it; null once it is answered, or while it has no event yet. */
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
  #run(from: Progress, number: number | null): DmaResult {
    const { memory } = this.#host;
    const { access, read } = from;
    let { done, first, answered } = from;
    for (; done < access.length || first === null; ) {
      const iova = BigInt.asUintN(64, access.iova + BigInt(done));
      const size = Math.min(Math.max(access.length - done, 1), Number(PAGE - (iova % PAGE)));
      const t = this.#host.translate({ ...access, iova }, access.meets === undefined);
      if (access.meets !== undefined) {
        const off = this.#host.control.registers.field("SMMU_CR0", "SMMUEN") === 0;
        meetEvent(t, access.meets, off, access.privileged, access.instruction);
      }
      if (t.end !== End.Ok) return this.#failed(t, { access, done, first, read, answered }, number);
      const pa = join(t.paHi, t.paLo);
      first ??= pa;
      if (read !== null) {
        answered &&= memory.readBytes(Number(pa), read.subarray(done, done + size)) === MemoryStatus.Ok;
      } else if (access.data !== undefined) memory.writeBytes(Number(pa), access.data.subarray(done, done + size));
      done += size;
    }
    return read !== null && answered ? { ok: true, pa: first, data: read } : { ok: true, pa: first };
  }

  #failed(t: Translation, progress: Progress, known: number | null): DmaResult {
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
    const ended = this.#waiting.filter(({ progress }) => control.stalls.isTerminated(progress.access.sid));
    control.stalls.forgetTerminated();
    if (ended.length === 0) return;
    this.#waiting = this.#waiting.filter((stalled) => !ended.includes(stalled));
    for (const { number } of ended) this.#resolve(number, { ok: false, razwi: false });
  }

  #resolve(number: number, result: DmaResult): void {
    this.#results.set(number, result);
    if (this.#results.size > MAX_RESULTS) this.#results.delete(this.#results.keys().next().value!);
  }
}
