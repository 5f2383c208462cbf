/**
 * Records a translation as `protocol/trace.ts` lays records out. Used only when somebody wants to see it.
 */
import { entrySizeLg2, type PageTableFormat } from "../../pagetable/format.ts";
import { type Cursor, WalkEnd, type WalkSink } from "../../pagetable/walk.ts";
import { TRACE, TRACE_WORDS, TraceHit, TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";

/** Most records of one translation: far more than any legal walk makes. */
const MAX_RECORDS = 256;

/** What an architecture makes of levels and of walks that meet no leaf. */
export interface TraceTerms {
  /** A level as the architecture numbers it (-1 to 14), from that of the format, 0 for the smallest pages. */
  readonly levelOf: (level: number) => number;
  /** Index into the architecture's reasons for an entry that maps nothing, and for one of a type its level does not have. */
  readonly empty: number;
  readonly reserved: number;
}

/** What a cache knows of a descriptor; signed halves. */
export interface Recalled {
  readonly hit: TraceHit;
  readonly stage: 1 | 2;
  /** As the architecture numbers it. */
  readonly level: number;
  readonly index: number;
  readonly inputHi: number;
  readonly inputLo: number;
  readonly atHi: number;
  readonly atLo: number;
  readonly paHi: number;
  readonly paLo: number;
  readonly hi: number;
  readonly lo: number;
  readonly outHi: number;
  readonly outLo: number;
  readonly sizeLg2: number;
  readonly permissions: number;
}

export class TraceRecorder implements WalkSink {
  readonly #words = new Uint32Array(MAX_RECORDS * TRACE_WORDS);
  #count = 0;
  #access = 0;
  #row = 0;
  #span = 0;
  phase: TracePhase = TracePhase.Config;
  /** Address, after stage 2, that the next stage-1 entry was read at. */
  paHi = 0;
  paLo = 0;
  readonly #terms: TraceTerms;

  constructor(terms: TraceTerms) {
    this.#terms = terms;
  }

  /** Start over for an action. */
  begin(span: number): void {
    this.#words.fill(0, 0, this.#count * TRACE_WORDS);
    this.#count = 0;
    this.#access = 0;
    this.#row = 0;
    this.#span = span;
    this.phase = TracePhase.Config;
  }

  /** The records so far, as a copy of its own. */
  take(): Uint32Array {
    return this.#words.slice(0, this.#count * TRACE_WORDS);
  }

  /** The next stage-1 access, or the final address, begins. */
  row(phase: TracePhase, row: number): void {
    this.phase = phase;
    this.#row = row;
  }

  /** A configuration structure was read: its address as its owner names it, and where that lies. */
  structure(
    kind: TraceKind,
    index: number,
    atHi: number,
    atLo: number,
    paHi: number,
    paLo: number,
    hi: number,
    lo: number,
  ): void {
    const at = this.#next(kind, true);
    const f = TRACE.f;
    f.index.set(this.#words, at, index);
    f.at.set(this.#words, at, atLo, atHi);
    f.pa.set(this.#words, at, paLo, paHi);
    f.value.set(this.#words, at, lo, hi);
  }

  /** Where the structure just read leads to. */
  leadsTo(hi: number, lo: number): void {
    TRACE.f.out.set(this.#words, this.#last, lo, hi);
  }

  /** The structure just read ends its part of the lookup well. */
  done(): void {
    TRACE.f.verdict.set(this.#words, this.#last, TraceVerdict.Done);
  }

  /** A table entry was read; part of {@link WalkSink}. */
  entry(c: Cursor, fmt: PageTableFormat, end: WalkEnd | -1): void {
    const f = TRACE.f;
    const w = this.#words;
    const at = this.#next(TraceKind.Descriptor, true);
    f.stage.set(w, at, c.stage);
    f.level.set(w, at, this.#terms.levelOf(c.level) + 1);
    f.index.set(w, at, c.index);
    f.input.set(w, at, c.vaLo, c.vaHi);
    f.at.set(w, at, c.atLo, c.atHi);
    if (c.stage === 1) f.pa.set(w, at, this.paLo, this.paHi);
    else f.pa.set(w, at, c.atLo, c.atHi);
    f.value.set(w, at, c.lo >>> 0, c.hi >>> 0);
    f.contiguous.set(w, at, fmt.runLg2(c.lo, c.hi, c.level) > 0 && end !== -1 ? 1 : 0);
    f.sizeLg2.set(w, at, Math.min(c.sizeLg2, 63));
    if (end === -1 || end === WalkEnd.Leaf || end === WalkEnd.AddressSize) f.out.set(w, at, c.outLo, c.outHi);
    f.verdict.set(
      w,
      at,
      end === -1 ? TraceVerdict.Next : end === WalkEnd.Leaf ? TraceVerdict.Done : TraceVerdict.Fault,
    );
    const { empty, reserved } = this.#terms;
    f.reason.set(w, at, end === WalkEnd.Empty ? empty : end === WalkEnd.Reserved ? reserved : 0);
  }

  /** An entry that could not be read: `status` says whether nothing answered or the session lacks it. */
  unreadable(c: Cursor, fmt: PageTableFormat, paHi: number, paLo: number, verdict: TraceVerdict, reason: number): void {
    const f = TRACE.f;
    const at = this.#next(TraceKind.Descriptor, true);
    f.stage.set(this.#words, at, c.stage);
    f.level.set(this.#words, at, this.#terms.levelOf(c.level) + 1);
    f.index.set(this.#words, at, c.index);
    f.input.set(this.#words, at, c.vaLo, c.vaHi);
    f.at.set(this.#words, at, c.atLo, c.atHi);
    f.pa.set(this.#words, at, paLo, paHi);
    f.sizeLg2.set(this.#words, at, entrySizeLg2(fmt, c.level));
    this.fail(verdict, reason);
  }

  /** A cached descriptor stood in for one that would have been read. */
  recalled(e: Recalled): void {
    const f = TRACE.f;
    const w = this.#words;
    const at = this.#next(TraceKind.Descriptor, false);
    f.hit.set(w, at, e.hit);
    f.stage.set(w, at, e.stage);
    f.level.set(w, at, e.level + 1);
    f.index.set(w, at, e.index);
    f.input.set(w, at, e.inputLo, e.inputHi);
    f.at.set(w, at, e.atLo, e.atHi);
    f.pa.set(w, at, e.paLo, e.paHi);
    f.value.set(w, at, e.lo >>> 0, e.hi >>> 0);
    f.out.set(w, at, e.outLo, e.outHi);
    f.sizeLg2.set(w, at, e.sizeLg2);
    f.permissions.set(w, at, e.permissions);
    f.verdict.set(w, at, e.hit === TraceHit.Walk ? TraceVerdict.Next : TraceVerdict.Done);
  }

  /** The last record is of a cache, not of an access. */
  fromCache(hit: TraceHit): void {
    if (TRACE.f.access.get(this.#words, this.#last) !== 0) this.#access--;
    TRACE.f.access.set(this.#words, this.#last, 0);
    TRACE.f.hit.set(this.#words, this.#last, hit);
  }

  /** What the leaf just read allows, and whether writing was asked of it. */
  leaf(permissions: number, write: boolean): void {
    TRACE.f.permissions.set(this.#words, this.#last, permissions);
    TRACE.f.write.set(this.#words, this.#last, write ? 1 : 0);
  }

  /** Number of records so far: that of the next one, counted from 0. */
  get count(): number {
    return this.#count;
  }

  /** Hardware changes the descriptor of record number `record`, beside what it changed there before: a set of `Update`. */
  updated(record: number, what: number): void {
    const at = record * TRACE_WORDS;
    TRACE.f.update.set(this.#words, at, TRACE.f.update.get(this.#words, at) | what);
  }

  /** A rule that did not end the translation bears on record number `record`. */
  noted(record: number, reason: number): void {
    TRACE.f.reason.set(this.#words, record * TRACE_WORDS, reason);
  }

  /** The last record is where the translation ended. */
  fail(verdict: TraceVerdict, reason: number): void {
    TRACE.f.verdict.set(this.#words, this.#last, verdict);
    TRACE.f.reason.set(this.#words, this.#last, reason);
  }

  /** A check failed that no access belongs to. */
  check(stage: number, reason: number, inputHi: number, inputLo: number): void {
    const at = this.#next(TraceKind.Check, false);
    TRACE.f.stage.set(this.#words, at, stage);
    TRACE.f.input.set(this.#words, at, inputLo, inputHi);
    this.fail(TraceVerdict.Fault, reason);
  }

  /** The translation gave an address. */
  output(inputHi: number, inputLo: number, hi: number, lo: number, permissions: number, sizeLg2: number): void {
    const at = this.#next(TraceKind.Output, false);
    const f = TRACE.f;
    f.input.set(this.#words, at, inputLo, inputHi);
    f.out.set(this.#words, at, lo, hi);
    f.permissions.set(this.#words, at, permissions);
    f.sizeLg2.set(this.#words, at, Math.min(sizeLg2, 63));
    f.verdict.set(this.#words, at, TraceVerdict.Done);
  }

  get #last(): number {
    return Math.max(0, this.#count - 1) * TRACE_WORDS;
  }

  #next(kind: TraceKind, access: boolean): number {
    if (this.#count < MAX_RECORDS) this.#count++;
    const at = this.#last;
    this.#words.fill(0, at, at + TRACE_WORDS);
    const f = TRACE.f;
    f.kind.set(this.#words, at, kind);
    f.phase.set(this.#words, at, this.phase);
    f.row.set(this.#words, at, this.#row);
    f.access.set(this.#words, at, access ? ++this.#access : 0);
    f.span.set(this.#words, at, this.#span);
    return at;
  }
}
