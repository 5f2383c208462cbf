import { describe, expect, it } from "vitest";
import { DEEDS } from "../../protocol/journal.ts";
import type { Action, CacheSize, SessionDocument } from "../../protocol/machine.ts";
import type { SoftwareDescription } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { Session } from "../session.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import type { Architecture } from "../unit.ts";
import { VTD } from "../vtd/architecture.ts";
import { Software } from "./software.ts";

const PAGE = 4096;
const [BDF, SID, VIRTUAL_SID] = ["0000:00:05.0", 0x28, 0x10];
const ACTIONS = 10_000;
/** Map, write, unmap, write, and the kernel reads its faults. */
const ROUND = 5;
/** Not a divisor of anything the timeline or the journal counts in. */
const STRIDE = 1009;
const STEPS = Array.from({ length: Math.floor(ACTIONS / STRIDE) + 1 }, (_, i) => i * STRIDE);
const KEPT = 700;

interface World {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly kind: SoftwareDescription["kind"];
  readonly lazy: boolean;
  readonly caches: Readonly<Record<string, CacheSize>>;
}

const SMALL: CacheSize = { entries: 16, ways: 4 };

function actionsFor(kind: SoftwareDescription["kind"]): Action[] {
  const device = kind === "kernel" ? SID : VIRTUAL_SID;
  return Array.from({ length: ACTIONS }, (_, i): Action => {
    const iova = BigInt(0x10_0000 + PAGE * (Math.floor(i / ROUND) % 600));
    if (i % ROUND === 0) return { do: "guest map", device, pasid: null, iova, bytes: PAGE, write: true };
    if (i % ROUND === 2) return { do: "guest unmap", device, pasid: null, iova, bytes: PAGE };
    if (i % ROUND === 4) return { do: "guest faults" };
    return { do: "dma", sid: SID, ssid: null, iova, write: true, privileged: false, instruction: false, length: 4 };
  });
}

function open({ architecture, preset, kind, lazy, caches }: World, journal: number): Session {
  const document: SessionDocument = {
    title: "",
    about: "",
    machine: {
      arch: architecture.arch,
      preset,
      registers: {},
      caches,
      memory: { outside: "abort", zero: [], segments: [] },
      devices: [{ bdf: BDF, sid: SID, label: "nic" }],
      software: {
        kind,
        guestBytes: 0x100_0000,
        assigned: kind === "kernel" ? [] : [{ bdf: BDF, virtualId: VIRTUAL_SID }],
        lazy,
        journal,
        mistakes: [],
      },
    },
    actions: [],
    recorded: { accesses: [], events: [] },
  };
  const opened = Session.open(document, architecture, Software);
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
}

/** Apply everything, `STRIDE` actions at a time. @returns the digest at each of {@link STEPS} */
function run(session: Session, actions: readonly Action[]): string[] {
  return STEPS.map((step) => {
    const digest = session.summary().digest;
    const applied = session.applyAll(actions.slice(step, step + STRIDE));
    if (!applied.ok) throw new Error(applied.error.detail);
    return digest;
  });
}

function digestAt(session: Session, step: number): string {
  const sought = session.seek(step);
  if (!sought.ok) throw new Error(sought.error.detail);
  return sought.value.digest;
}

describe.each([
  { architecture: SMMUV3, preset: "neoverse", kind: "kernel", lazy: false, caches: {} },
  {
    architecture: SMMUV3,
    preset: "neoverse",
    kind: "virtual machine",
    lazy: true,
    caches: { tlb: SMALL, walk1: SMALL, walk2: SMALL },
  },
  { architecture: VTD, preset: "sapphire-rapids", kind: "kernel", lazy: false, caches: {} },
  { architecture: AMDVI, preset: "full", kind: "kernel", lazy: false, caches: {} },
] as const satisfies readonly World[])(`${ACTIONS} actions of a $kind, $preset, lazy: $lazy`, (world) => {
  const actions = actionsFor(world.kind);

  it("go back and forth through the same states, and take no more journal than they may", { timeout: 60_000 }, () => {
    const session = open(world, KEPT);
    const digests = run(session, actions);
    expect(new Set(digests).size).toBe(STEPS.length);
    for (const [i, step] of [...STEPS.entries()].reverse())
      expect([step, digestAt(session, step)]).toEqual([step, digests[i]]);
    for (const [i, step] of STEPS.entries()) expect([step, digestAt(session, step)]).toEqual([step, digests[i]]);
    session.seek(ACTIONS);
    const journal = session.journal(0, ACTIONS);
    expect([journal.total, journal.entries.length]).toEqual([KEPT, KEPT]);
    expect(journal.entries.at(-1)?.action).toBe(ACTIONS - 1);
    expect(session.software()?.hazards).toEqual([]);
    expect(session.software()?.refused).toEqual([]);
    const answers = session
      .log(0, ACTIONS)
      .rows.map(({ result }) => (result?.type === "software" ? result.done : result?.type));
    const answered = (place: number) => answers.filter((_, i) => i % ROUND === place);
    for (const place of [0, 2, 4]) expect(new Set(answered(place))).toEqual(new Set([true]));
    expect(new Set(answered(1))).toEqual(new Set(["went"]));
    // In lazy mode a device may still reach what is cached, for a while.
    expect(new Set(answered(3))).toEqual(new Set(world.lazy ? ["went", "refused"] : ["refused"]));
  });

  it("are counted to the last deed at every step, however few entries are kept", { timeout: 60_000 }, () => {
    const [short, long] = [open(world, 1), open(world, 2 ** 20)];
    for (const session of [short, long]) expect(session.applyAll(actions).ok).toBe(true);
    const { entries } = long.journal(0, Number.MAX_SAFE_INTEGER);
    expect(entries[0]?.id).toBe(0);
    for (const step of STEPS) {
      short.seek(step);
      const counts = Object.fromEntries(DEEDS.map((deed) => [deed, 0]));
      for (const { action, deed } of entries) if (action < step) counts[deed]!++;
      expect([step, short.software()?.counts]).toEqual([step, counts]);
    }
  });
});
