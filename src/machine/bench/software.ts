/**
 * What long runs of software cost: a kernel, on hardware or in a virtual machine, that maps a page, has a device write to
 * it, unmaps it, and lets the device try again. Then steps to any place of the session that this makes.
 */
import { xorshift32 } from "../../base/rng.ts";
import type { Action, MachineDescription } from "../../protocol/machine.ts";
import type { SoftwareDescription } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { Session } from "../session.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import type { Architecture } from "../unit.ts";
import { VTD } from "../vtd/architecture.ts";
import { Software } from "../world/software.ts";
import type { PassResult, Workload } from "./translations.ts";

export const SOFTWARE_ACTIONS = [1000, 10_000, 100_000] as const;

const PAGE = 4096;
const SID = 0x28;
const VIRTUAL_SID = 0x10;
const IOVA = 0x10_0000;
/** Pages that are used in turn: two tables of leaves. */
const PAGES = 1024;
/** Map, write, unmap, write; each fourth time round, the kernel reads its faults. */
const ROUND = 17;
const SEEKS = 16;
/** Of a pass that adds nothing up. */
const NO_SUM: PassResult = { failed: 0, a: 0, b: 0 };

/** A machine that software runs on. */
interface SoftwareWorld {
  /** Name of the work. */
  readonly work: string;
  readonly about: string;
  readonly architecture: Architecture;
  readonly preset: string;
  readonly kind: SoftwareDescription["kind"];
}

export const SOFTWARE_WORLDS: readonly SoftwareWorld[] = [
  {
    work: "software-smmuv3",
    about: "SMMUv3: a kernel's maps, DMAs and unmaps",
    architecture: SMMUV3,
    preset: "neoverse",
    kind: "kernel",
  },
  { work: "software-vtd", about: "VT-d: the same", architecture: VTD, preset: "sapphire-rapids", kind: "kernel" },
  { work: "software-amdvi", about: "AMD-Vi: the same", architecture: AMDVI, preset: "full", kind: "kernel" },
  {
    work: "software-vm",
    about: "SMMUv3: the same in a virtual machine",
    architecture: SMMUV3,
    preset: "neoverse",
    kind: "virtual machine",
  },
];

/** A session of `actions` actions: opening it, and steps in it. */
export function softwareWorkloads(world: SoftwareWorld, actions: number): Workload[] {
  const { work } = world;
  const session = openWorld(world);
  const log = Array.from({ length: actions }, (_, i) => actionAt(i, world.kind));
  const next = xorshift32(actions);
  const named = (order: Workload["order"], operations: number, pass: () => PassResult): Workload => {
    return { work, pages: PAGES, order, operations, figures: { actions }, pass };
  };
  const append = named("sequential", actions, () => {
    const done = session.applyAll(log);
    const digest = done.ok ? done.value.digest : "";
    return {
      failed: done.ok ? 0 : actions,
      a: Number.parseInt(digest.slice(0, 8), 16),
      b: Number.parseInt(digest.slice(8), 16),
    };
  });
  const seek = named("random", SEEKS, () => {
    let failed = 0;
    for (let i = 0; i < SEEKS; i++) if (!session.seek(next() % (actions + 1)).ok) failed++;
    return { ...NO_SUM, failed };
  });
  return [{ ...append, once: true }, seek];
}

function actionAt(i: number, kind: SoftwareDescription["kind"]): Action {
  const [round, step] = [Math.floor(i / ROUND), i % ROUND];
  if (step === ROUND - 1) return { do: "guest faults" };
  const iova = BigInt(IOVA + PAGE * ((4 * round + (step >> 2)) % PAGES));
  const range = { device: kind === "kernel" ? SID : VIRTUAL_SID, pasid: null, iova, bytes: PAGE };
  if (step % 4 === 0) return { do: "guest map", ...range, write: true };
  if (step % 4 === 2) return { do: "guest unmap", ...range };
  return { do: "dma", sid: SID, ssid: null, iova, write: true, privileged: false, instruction: false, length: 4 };
}

function openWorld({ architecture, preset, kind }: SoftwareWorld): Session {
  const bdf = "0000:00:05.0";
  const machine: MachineDescription = {
    arch: architecture.arch,
    preset,
    registers: {},
    memory: { outside: "abort", zero: [], segments: [] },
    devices: [{ bdf, sid: SID, label: "nic" }],
    software: {
      kind,
      guestBytes: 0x100_0000,
      assigned: kind === "kernel" ? [] : [{ bdf, virtualId: VIRTUAL_SID }],
      lazy: false,
      mistakes: [],
    },
  };
  const document = { title: "", about: "", machine, actions: [], recorded: { accesses: [], events: [] } };
  const opened = Session.open(document, architecture, Software);
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
}
