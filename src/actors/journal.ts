/**
 * Keeps what actors do, each thing under what caused it. Bounded: only the newest entries stay, in columns. How often each
 * deed happened is counted over all there ever were, and stands for the time before each action.
 */
import type { Notes } from "../kernel/notes.ts";
import { ACTORS, type Actor, DEEDS, type Deed, type JournalEntry } from "../protocol/journal.ts";

/** Entries that are kept, unless somebody asks for another bound. */
const MOST = 1 << 16;
/** Entries, and actions, there is room for at first. */
const FIRST = 256;

const ACTOR_NUMBER = Object.fromEntries(ACTORS.map((actor, i) => [actor, i])) as Record<Actor, number>;
const DEED_NUMBER = Object.fromEntries(DEEDS.map((deed, i) => [deed, i])) as Record<Deed, number>;

/** How often each deed happened. */
export type DeedCounts = Readonly<Record<Deed, number>>;

/** Entries by id, modulo the room there is. */
interface Columns {
  /** An entry's id; -1 for none. */
  readonly cause: Float64Array;
  readonly action: Int32Array;
  readonly actor: Uint8Array;
  readonly deed: Uint8Array;
  readonly at: Float64Array;
  readonly valueHi: Int32Array;
  readonly valueLo: Int32Array;
}

export class Journal {
  readonly #most: number;
  #room: number;
  #columns: Columns;
  readonly #about: string[] = [];
  #next = 0;
  readonly #causes: number[] = [];
  #action = -1;
  readonly #counts = new Uint32Array(DEEDS.length);
  /** For each action a row of counts, as they were when it began. */
  #before = new Uint32Array(FIRST * DEEDS.length);
  #begun = 0;

  /** @param most entries that are kept, at least 1 */
  constructor(most = MOST) {
    this.#most = most;
    this.#room = Math.min(FIRST, most);
    this.#columns = columnsFor(this.#room);
  }

  /** Entries there have been in all. */
  get count(): number {
    return this.#next;
  }

  /** Action that entries belong to; -1 before the first. */
  get action(): number {
    return this.#action;
  }

  /** Entries belong to this action from now on; numbers go up. */
  begin(action: number): void {
    const width = DEEDS.length;
    while ((action + 1) * width > this.#before.length) this.#before = grown(this.#before, 2 * this.#before.length);
    for (; this.#begun <= action; this.#begun++) this.#before.set(this.#counts, this.#begun * width);
    this.#action = action;
  }

  /** Entries that are still kept, oldest first. */
  get entries(): JournalEntry[] {
    return this.slice(Number.POSITIVE_INFINITY, 0, this.#next).entries;
  }

  /** Of the entries kept of actions before `step`: how many there are, and `count` of them, without the first `from`. */
  slice(step: number, from: number, count: number): { readonly total: number; readonly entries: JournalEntry[] } {
    const oldest = this.#next - Math.min(this.#next, this.#room);
    const total = this.#endOf(step, oldest) - oldest;
    const first = Math.min(total, Math.max(0, from));
    const length = Math.max(0, Math.min(count, total - first));
    return { total, entries: Array.from({ length }, (_, i) => this.#entry(oldest + first + i)) };
  }

  /** How often each deed happened before action number `step` began, entries that are no longer kept included. */
  countsBefore(step: number): DeedCounts {
    const width = DEEDS.length;
    const row = step < this.#begun ? this.#before.subarray(step * width, (step + 1) * width) : this.#counts;
    return Object.fromEntries(DEEDS.map((deed, i) => [deed, row[i]!])) as Record<Deed, number>;
  }

  /** Note something that causes nothing further. */
  note(actor: Actor, deed: Deed, about: string, at = -1, valueHi = 0, valueLo = 0): void {
    this.#add(actor, deed, about, at, valueHi, valueLo);
  }

  /** Note something and do it: what happens meanwhile has it as its cause. */
  during<T>(actor: Actor, deed: Deed, about: string, act: () => T, at = -1, valueHi = 0, valueLo = 0): T {
    this.#causes.push(this.#add(actor, deed, about, at, valueHi, valueLo));
    try {
      return act();
    } finally {
      this.#causes.pop();
    }
  }

  /** Takes the notes of one actor. @param of what they are all about, of several alike: such as `iommu1` */
  of(actor: Actor, of = ""): Notes {
    const said = of === "" ? (about: string) => about : (about: string) => `${of} ${about}`;
    return {
      note: (deed, about, at, hi, lo) => this.note(actor, deed, said(about), at, hi, lo),
      during: (deed, about, act, at, hi, lo) => this.during(actor, deed, said(about), act, at, hi, lo),
    };
  }

  #add(actor: Actor, deed: Deed, about: string, at: number, valueHi: number, valueLo: number): number {
    const id = this.#next++;
    if (id === this.#room && this.#room < this.#most) this.#grow();
    const place = id % this.#room;
    const columns = this.#columns;
    columns.cause[place] = this.#causes.at(-1) ?? -1;
    columns.action[place] = this.#action;
    columns.actor[place] = ACTOR_NUMBER[actor];
    columns.deed[place] = DEED_NUMBER[deed];
    columns.at[place] = at;
    columns.valueHi[place] = valueHi;
    columns.valueLo[place] = valueLo;
    this.#about[place] = about;
    this.#counts[DEED_NUMBER[deed]]!++;
    return id;
  }

  /** Nothing was overwritten so far: entries keep their places. */
  #grow(): void {
    const [from, to] = [this.#columns, columnsFor(Math.min(this.#most, 2 * this.#room))];
    for (const name of Object.keys(to) as (keyof Columns)[]) to[name].set(from[name]);
    this.#columns = to;
    this.#room = to.action.length;
  }

  /** Id of the first kept entry of action number `step` or a later one, from entry `low` on. */
  #endOf(step: number, low: number): number {
    let [from, to] = [low, this.#next];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#columns.action[middle % this.#room]! < step) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #entry(id: number): JournalEntry {
    const place = id % this.#room;
    const { cause, action, actor, deed, at, valueHi, valueLo } = this.#columns;
    return {
      id,
      cause: cause[place]! < 0 ? null : cause[place]!,
      action: action[place]!,
      actor: ACTORS[actor[place]!]!,
      deed: DEEDS[deed[place]!]!,
      about: this.#about[place]!,
      at: at[place]!,
      valueHi: valueHi[place]!,
      valueLo: valueLo[place]!,
    };
  }
}

const columnsFor = (room: number): Columns => ({
  cause: new Float64Array(room),
  action: new Int32Array(room),
  actor: new Uint8Array(room),
  deed: new Uint8Array(room),
  at: new Float64Array(room),
  valueHi: new Int32Array(room),
  valueLo: new Int32Array(room),
});

function grown(words: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length);
  copy.set(words);
  return copy;
}
