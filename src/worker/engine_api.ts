/**
 * The engine's calls over one open session. What is opened is built apart and takes the open session's place only
 * when it is whole, so that bad input and a cancellation leave everything as it was.
 */
import type { SoftwarePart } from "../machine/actors.ts";
import type { Look } from "../machine/compare/compare.ts";
import type { Session } from "../machine/session.ts";
import { loadArchitecture } from "../machine/units.ts";
import type { SideQuery } from "../protocol/comparison.ts";
import type { EngineApi, InputFile, Progress, Result, SessionSummary } from "../protocol/engine.ts";
import type { SessionDocument } from "../protocol/machine.ts";
import { importFiles } from "../scenario/import_files.ts";
import { pace } from "../scenario/pace.ts";
import { CANCELLED, ok, problem } from "../scenario/problem.ts";
import { deviceRows } from "../scenario/profiles/device_rows.ts";
import { fetchShipped, type ReadShipped, SHIPPED_ARCH } from "./shipped.ts";

type Report = (progress: Progress) => unknown;

/** Progress is news, not an answer: nobody waits for it and nothing depends on its arrival. */
function tell(report: Report, progress: Progress): void {
  Promise.resolve(report(progress)).catch(() => {});
}

/** The machine is a part of its own, asked for at once: the page comes up while it loads. */
const loadMachine = () => import("../machine/session.ts");

/** Build a session. A mistake of this program must not cost the session that is open, so it is caught here. */
async function build(loaded: ReturnType<typeof loadMachine>, document: SessionDocument): Promise<Result<Session>> {
  try {
    const { Session } = await loaded;
    return Session.open(document, await loadArchitecture(document.machine.arch), await softwareOf(document));
  } catch (error) {
    const detail = `This is a mistake of Nestwalk, not of the input: ${error instanceof Error ? error.message : String(error)}.`;
    return problem("The session could not be built.", document.title || "session", detail);
  }
}

/** Host, VMM and guest are a part of their own, for the sessions that have them. */
async function softwareOf({ machine }: SessionDocument): Promise<SoftwarePart | null> {
  if (machine.software === undefined) return null;
  return (await import("../machine/world/software.ts")).Software;
}

/** Measuring is a part of its own, for those who do. */
const loadBench = () => import("../machine/bench/measure.ts");

/** Running scenarios in every era is a part of its own. */
const loadEras = () => import("../machine/world/era_tables.ts");

const NOTHING_OPEN = problem("No session is open.", "session", "Open a capture, a scenario or a link first.");

/** An engine with nothing open. Calls that need a session and cannot answer a problem throw while there is none. */
export function createEngine(readShipped: ReadShipped = fetchShipped): EngineApi {
  const machine = loadMachine();
  let session: Session | null = null;
  /** What the session is compared with. */
  let beside: Session | null = null;
  /** Set true to stop the opening it belongs to. */
  let opening = { cancelled: false };
  /** The same of the search for overlaps. */
  let searching = { cancelled: false };

  const current = (): Session => {
    if (session === null) throw new Error("no session is open");
    return session;
  };

  const begin = (): { cancelled: boolean } => {
    opening.cancelled = true;
    opening = { cancelled: false };
    return opening;
  };

  const replace = async (document: SessionDocument, mine: typeof opening): Promise<Result<SessionSummary>> => {
    const built = await build(machine, document);
    if (mine.cancelled) return CANCELLED;
    if (!built.ok) return built;
    session = built.value;
    return ok(session.summary());
  };

  const open = async (files: readonly InputFile[], report: Report, mine: typeof opening) => {
    const control = { report: (p: Progress) => tell(report, p), cancelled: () => mine.cancelled };
    const imported = await importFiles(files, control);
    if (mine.cancelled) return CANCELLED;
    return imported.ok ? replace(imported.value.scenario, mine) : imported;
  };

  const overlaps: EngineApi["overlaps"] = async (query, report) => {
    searching.cancelled = true;
    const mine = { cancelled: false };
    searching = mine;
    const here = current();
    const cancelled = () => mine.cancelled || session !== here;
    const step = pace({ report: (p) => tell(report, p), cancelled });
    const search = here.overlaps(query);
    for (;;) {
      const { done, value } = search.next();
      if (done === true) return value === null ? CANCELLED : ok(value);
      if (await step("what contexts reach", value, 1)) return CANCELLED;
    }
  };

  const openBeside: EngineApi["openBeside"] = async (document) => {
    const built = await build(machine, document);
    if (!built.ok) return built;
    beside = built.value;
    return ok(beside.summary());
  };

  const compare: EngineApi["compare"] = async (left, right, access) => {
    const { compareStates } = await import("../machine/compare/compare.ts");
    const look = ({ of, step }: SideQuery): Look => {
      const there = of === "session" ? session : beside;
      return (at) => there?.lookAt(step, at) ?? NOTHING_OPEN;
    };
    return compareStates([look(left), look(right)], access);
  };

  return {
    openFiles: (files, report) => open(files, report, begin()),
    openShipped: async (base, report) => {
      const mine = begin();
      loadArchitecture(SHIPPED_ARCH).catch(() => {}); // Who builds a machine of it is told.
      const files = await readShipped(base, (p) => tell(report, p));
      if (mine.cancelled) return CANCELLED;
      return files.ok ? open(files.value, report, mine) : files;
    },
    openDocument: async (document) => replace(document, begin()),
    openBeside,
    compare,
    cancel: async () => {
      opening.cancelled = true;
    },
    summary: async () => current().summary(),
    document: async () => current().document(),
    apply: async (action) => session?.apply(action) ?? NOTHING_OPEN,
    applyAll: async (actions, watches) => session?.applyAll(actions, watches) ?? NOTHING_OPEN,
    trial: async (actions) => session?.trial(actions) ?? NOTHING_OPEN,
    log: async (from, count) => current().log(from, count),
    seek: async (step, watches) => session?.seek(step, watches) ?? NOTHING_OPEN,
    streams: async (from, count) => current().streams(from, count),
    devices: async () => deviceRows(current().document().machine),
    leaves: async (sid, ssid) => current().leaves(sid, ssid),
    recorded: async () => current().recorded(),
    events: async (from) => current().events(from),
    walk: async (access, before) => current().walk(access, before),
    structure: async (query) => current().structure(query),
    tableMap: async (sid, ssid, stage) => current().tableMap(sid, ssid, stage),
    overlaps,
    stopOverlaps: async () => {
      searching.cancelled = true;
    },
    choices: async (arch) => (await loadArchitecture(arch)).choices,
    planEdit: async (edit) => session?.planEdit(edit) ?? NOTHING_OPEN,
    registers: async () => current().registers(),
    queues: async () => current().queues(),
    queueEntries: async (id, from, count) => current().queueEntries(id, from, count),
    invalidation: async (command) => session?.invalidation(command) ?? NOTHING_OPEN,
    caches: async () => current().caches(),
    writer: async (at, bytes) => current().writer(at, bytes),
    memory: async (at, length) => current().memory(at, length),
    owners: async () => current().owners(),
    extents: async () => current().extents(),
    software: async () => current().software(),
    journal: async (from, count) => current().journal(from, count),
    share: async (access) => session?.share(access) ?? NOTHING_OPEN,
    eras: async () => (await loadEras()).eraTables(),
    benchWorks: async () => (await loadBench()).benchWorks(),
    bench: async (job) => (await loadBench()).timeWork(job, () => performance.now()),
  };
}
