/**
 * An engine in the same thread for tests of the store: small answers that depend on the session's state, and calls that
 * can be held back, let go out of order, or made to die.
 */
import type { EngineApi, LeafColumns, Problem, Result, SessionSummary, WalkAnswer } from "../protocol/engine.ts";
import type { Access, Action, SessionDocument } from "../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, TracePhase, TraceVerdict } from "../protocol/trace.ts";
import type { EngineTransport } from "./engine_client.ts";

/** A call that waits for the test. */
export interface HeldCall {
  readonly name: keyof EngineApi;
  readonly letGo: () => void;
}

/** Everything one engine was asked, and the strings that pull it. */
export class ScriptedEngine {
  readonly calls: { readonly name: keyof EngineApi; readonly argument: unknown }[] = [];
  readonly held: HeldCall[] = [];
  /** Calls of these names wait in `held`. */
  holding: ReadonlySet<keyof EngineApi> = new Set();
  /** Calls of this name throw, as a mistake of the engine does. */
  throwing: keyof EngineApi | null = null;
  /** Why the shipped capture cannot be opened. */
  noShipped: Problem | null = null;
  ended = false;
  #document: SessionDocument | null = null;
  #step = 0;
  #revision = 0;
  #stopped: ((why: string) => void) | null = null;

  /** The worker reports an error. */
  die(why: string): void {
    this.#stopped?.(why);
  }

  transport(): EngineTransport {
    return {
      api: this.#api(),
      callback: (f) => f,
      onStopped: (listener) => {
        this.#stopped = listener;
      },
      end: () => {
        this.ended = true;
      },
    };
  }

  async #call<T>(name: keyof EngineApi, argument: unknown, answer: () => T): Promise<T> {
    this.calls.push({ name, argument });
    if (this.throwing === name) throw new RangeError("planted");
    // Worked out at once, as a worker does; only the message back is late.
    const value = answer();
    if (this.holding.has(name)) {
      await new Promise<void>((letGo) => {
        this.held.push({ name, letGo });
      });
    }
    return value;
  }

  #summary(): SessionSummary {
    const document = this.#document;
    if (document === null) throw new Error("no session is open");
    return {
      revision: this.#revision,
      title: document.title,
      about: "",
      arch: "smmuv3",
      actions: document.actions,
      actionCount: document.actions.length,
      step: this.#step,
      digest: `digest of ${document.title} at ${this.#step}`,
      capabilities: [],
      notModelled: [],
      streams: 2,
      memory: { bytes: 4096, outside: "unknown" },
      recorded: { accesses: 0, events: 0 },
      view: document.view?.access ?? null,
      notes: document.notes ?? [],
    };
  }

  #open(document: SessionDocument): Result<SessionSummary> {
    this.#document = document;
    this.#step = document.actions.length;
    this.#revision++;
    return { ok: true, value: this.#summary() };
  }

  #go(actions: readonly Action[], step: number): Result<SessionSummary> {
    if (this.#document !== null) this.#document = { ...this.#document, actions };
    this.#step = step;
    this.#revision++;
    return { ok: true, value: this.#summary() };
  }

  #api(): EngineApi {
    const actions = (): readonly Action[] => this.#document?.actions ?? [];
    return {
      openFiles: (files, report) =>
        this.#call("openFiles", files, () => {
          report({ what: "pages", done: 1, total: 2 });
          const text = new TextDecoder().decode(files[0]?.bytes);
          if (text === "bad")
            return { ok: false, error: { title: "This capture is bad.", place: "a file", detail: "" } };
          return this.#open({ ...EMPTY_DOCUMENT, title: text });
        }),
      openShipped: (base) =>
        this.#call("openShipped", base, () =>
          this.noShipped === null
            ? this.#open({ ...EMPTY_DOCUMENT, title: "shipped" })
            : { ok: false, error: this.noShipped },
        ),
      openDocument: (document) => this.#call("openDocument", document, () => this.#open(document)),
      cancel: () => this.#call("cancel", null, () => undefined),
      summary: () => this.#call("summary", null, () => this.#summary()),
      document: () => this.#call("document", null, () => this.#document ?? EMPTY_DOCUMENT),
      apply: (action) =>
        this.#call("apply", action, () => this.#go([...actions().slice(0, this.#step), action], this.#step + 1)),
      applyAll: (more) =>
        this.#call("applyAll", more, () =>
          this.#go([...actions().slice(0, this.#step), ...more], this.#step + more.length),
        ),
      trial: () => Promise.reject(new Error("not scripted")),
      log: (from, count) =>
        this.#call("log", [from, count], () => ({
          total: actions().length,
          rows: actions()
            .slice(from, from + count)
            .map((action, i) => ({ index: from + i, action, result: null, records: 0 })),
        })),
      // It meets a watch of any kind at step 2.
      seek: (step, [watch] = []) =>
        this.#call("seek", step, () => {
          if (watch === undefined || this.#step >= 2 || step < 2) return this.#go(actions(), step);
          const went = this.#go(actions(), 2);
          return went.ok ? { ok: true, value: { ...went.value, halt: { watch, why: "It changed." } } } : went;
        }),
      streams: (from, count) =>
        this.#call("streams", [from, count], () => ({
          total: 2,
          rows: [8, 16].map((sid) => ({
            sid,
            bdf: null,
            label: null,
            state: sid === 8 ? ("stage 1" as const) : ("nested" as const),
            why: null,
            tags: [
              { name: "ASID", value: 1 },
              { name: "VMID", value: 1 },
            ],
            ssids: [],
            events: 0,
          })),
        })),
      devices: () => this.#call("devices", null, () => []),
      leaves: (sid) => this.#call("leaves", sid, () => leavesOf(sid, this.#revision)),
      recorded: () => Promise.reject(new Error("not scripted")),
      events: () => Promise.resolve([]),
      walk: (access, before = false) =>
        this.#call("walk", access, () => walkOf(access, this.#revision, this.#step - (before ? 1 : 0))),
      structure: (query) =>
        this.#call("structure", query, () => ({
          revision: this.#revision,
          query,
          words: Uint32Array.of(this.#step, 0),
          lint: [],
          editedBits: [],
          writtenBy: null,
          wide: false,
        })),
      tableMap: () => Promise.resolve(null),
      choices: () => Promise.resolve({ presets: [], caches: [], options: [] }),
      registers: () => Promise.resolve({ revision: this.#revision, rows: [] }),
      queues: () => Promise.resolve({ revision: this.#revision, queues: [], commands: [], readers: {} }),
      planEdit: () => Promise.reject(new Error("not scripted")),
      overlaps: () => Promise.reject(new Error("not scripted")),
      stopOverlaps: async () => {},
      invalidation: () => Promise.reject(new Error("not scripted")),
      queueEntries: () => Promise.resolve([]),
      writer: () => Promise.resolve(null),
      caches: () => Promise.resolve({ revision: this.#revision, caches: [] }),
      memory: () => Promise.reject(new Error("not scripted")),
      owners: () => Promise.resolve({ revision: this.#revision, rows: [], truncated: false }),
      extents: () => Promise.resolve({ revision: this.#revision, rows: [], truncated: false }),
      software: () => this.#call("software", null, () => null),
      journal: (from, count) =>
        this.#call("journal", [from, count], () => ({ revision: this.#revision, total: 0, entries: [] })),
      openBeside: (document) =>
        this.#call("openBeside", document, () => ({ ok: true, value: { ...this.#summary(), title: document.title } })),
      compare: (left, right) =>
        this.#call("compare", [left, right], () => ({
          ok: true,
          value: { digests: ["", ""], parts: [], walks: null },
        })),
      share: (access) =>
        this.#call("share", access, () => ({
          ok: true,
          value: { document: { ...(this.#document ?? EMPTY_DOCUMENT), actions: [] }, walkDigest: digestOf(access) },
        })),
      eras: () => this.#call("eras", null, () => []),
      benchWorks: () =>
        this.#call("benchWorks", null, () => [
          { work: "tlb", about: "hits", sizes: [64, 4096, 65536] },
          { work: "growth", about: "more and more", sizes: [100, 1000] },
        ]),
      bench: (job) =>
        this.#call("bench", job, () => [
          { work: job.work, pages: job.size, order: "random", ns: 7, ns_min: 6, ns_max: 9, not_ok: 0, sum: "0" },
        ]),
    };
  }
}

/** A session with nothing in it. */
export const EMPTY_DOCUMENT: SessionDocument = {
  title: "",
  about: "",
  machine: {
    arch: "smmuv3",
    registers: {},
    memory: { outside: "unknown", zero: [], segments: [] },
    devices: [],
  },
  actions: [],
  recorded: { accesses: [], events: [] },
};

/** Two leaves, at 0x1000 times the StreamID and a page further. */
function leavesOf(sid: number, revision: number): LeafColumns {
  const words = (...values: number[]): Uint32Array => Uint32Array.from(values);
  return {
    revision,
    count: 2,
    truncated: false,
    iovaLo: words(sid * 0x1000, (sid + 1) * 0x1000),
    iovaHi: words(0, 0),
    sizeLg2: Uint8Array.of(12, 12),
    paLo: words(0, 0x4000_0000),
    paHi: words(0, 0),
    permissions: Uint8Array.of(3, 3),
    status: Uint8Array.of(1, 0),
    reason: Uint16Array.of(1, 0),
    leafLo: words(0, 8),
    leafHi: words(0, 0),
  };
}

function digestOf(access: Access): string {
  return `walk of ${access.sid} at ${access.iova.toString(16)}`;
}

/** An STE, then four descriptors of stage 1 and the output that follows the last; one descriptor fewer per action. */
function walkOf(access: Access, revision: number, step: number): WalkAnswer {
  const levels = Math.max(1, 4 - step);
  const trace = new Uint32Array(TRACE_WORDS * (levels + 2));
  const put = (record: number, fields: Partial<Record<keyof typeof TRACE.f, number>>): void => {
    for (const [name, value] of Object.entries(fields)) {
      TRACE.f[name as keyof typeof TRACE.f].set(trace, record * TRACE_WORDS, value);
    }
  };
  put(0, { kind: TraceKind.STE, phase: TracePhase.Config, access: 1, pa: 0x1000 });
  for (let level = 0; level < levels; level++) {
    put(level + 1, {
      kind: TraceKind.Descriptor,
      phase: TracePhase.Table,
      stage: 1,
      level: level + 1,
      access: level + 2,
      row: level,
      verdict: level === levels - 1 ? TraceVerdict.Done : TraceVerdict.Next,
      pa: 0x2000 + level * 0x1000,
    });
  }
  put(levels + 1, { kind: TraceKind.Output, phase: TracePhase.Output, verdict: TraceVerdict.Done });
  return {
    revision,
    arch: "smmuv3",
    access,
    outcome: { type: "ok", pa: 0x4000_0000n, permissions: 3, sizeLg2: 12, bypass: false },
    trace,
    counts: { config: 1, stage1: levels, stage2: 0 },
    stage1: null,
    stage2: null,
    tags: [{ name: "ASID", value: 1 }],
    checks: [],
    combined: [],
    digest: `${digestOf(access)} after ${step}`,
  };
}
