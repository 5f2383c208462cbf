/** The same scenario in each era of the host's kernel: what is said of the designs, and what the runs came to. */
import { HARDWARE_QUEUES, SMMU_NESTING, VTD_PASIDS } from "../../host/eras/differences.ts";
import type { EraRun, EraTable } from "../../protocol/eras.ts";
import type { Action, Arch, MachineDescription, SessionDocument } from "../../protocol/machine.ts";
import type { Era, VmMode } from "../../protocol/software.ts";
import { Session } from "../session.ts";
import { loadArchitecture } from "../units.ts";
import { Software } from "./software.ts";

const NIC = { bdf: "0000:00:05.0", sid: 0x28, virtualId: 0x10 };
const PAGE = 4096;
const PAGES = 16;
const IOVA = 0x10_0000;
const GUEST_BYTES = 0x100_0000;
/** Entries of the journal that are read at a time. */
const SLICE = 4096;

/** What is done: 16 pages mapped, used, one fault, unmapped one by one, used again. */
function story(pasid: number | null): Action[] {
  const whose = { device: NIC.virtualId, pasid };
  const access = { sid: NIC.sid, ssid: pasid, write: true, privileged: false, instruction: false, length: 4 };
  const dma = (iova: number): Action => ({ do: "dma", ...access, iova: BigInt(iova) });
  const pages = Array.from({ length: PAGES }, (_, i) => BigInt(IOVA + i * PAGE));
  return [
    { do: "guest map", ...whose, iova: BigInt(IOVA), bytes: PAGES * PAGE, write: true },
    dma(IOVA),
    dma(2 * IOVA),
    { do: "guest faults" },
    ...pages.map((iova): Action => ({ do: "guest unmap", ...whose, iova, bytes: PAGE })),
    dma(IOVA),
  ];
}

const SCENARIO = `A guest maps ${PAGES} pages, its device writes to one and strays once, the guest reads its faults and unmaps page by page; the device tries again.`;

interface TableOf {
  readonly title: string;
  readonly scenario: string;
  readonly arch: Arch;
  readonly preset: string;
  readonly mode: VmMode;
  readonly pasid: number | null;
  /** By era, in the order in which they are shown. */
  readonly said: Readonly<Partial<Record<Era, EraTable["columns"][number]["said"]>>>;
  readonly lessons: Readonly<Partial<Record<Era, string>>>;
}

const TABLES: readonly TableOf[] = [
  {
    title: "Nesting on SMMUv3",
    scenario: SCENARIO,
    arch: "smmuv3",
    preset: "neoverse",
    mode: "nested, trapped",
    pasid: null,
    said: SMMU_NESTING,
    lessons: {
      "Linux 7.2": "nested-dma",
      "SMMUv3 nesting over VFIO v16": "smmuv3-vfio-v16",
      "Linux 5.15": "type1-nesting-then",
    },
  },
  {
    title: "Shared virtual addressing on VT-d",
    scenario: `${SCENARIO} All of it with PASID 5.`,
    arch: "vtd",
    preset: "sapphire-rapids",
    mode: "nested, trapped",
    pasid: 5,
    said: VTD_PASIDS,
    lessons: { "Linux 7.2": "vsva-iommufd", "vSVA over VFIO v8": "vsva-vfio-v8", "vSVA over VFIO v7": "vsva-vfio-v8" },
  },
  {
    title: "Queues of hardware for a guest",
    scenario: SCENARIO,
    arch: "smmuv3",
    preset: "grace",
    mode: "nested, direct",
    pasid: null,
    said: HARDWARE_QUEUES,
    lessons: { "Linux 7.2": "vcmdq-merged", "vCMDQ as posted": "vcmdq-posted" },
  },
];

export const eraTables = (): Promise<EraTable[]> => Promise.all(TABLES.map(tableOf));

async function tableOf(table: TableOf): Promise<EraTable> {
  const { title, scenario, said, lessons } = table;
  const eras = Object.keys(said) as Era[];
  const columns = eras.map(async (era) => {
    return { era, said: said[era]!, lesson: lessons[era]!, run: await runIn(era, table) };
  });
  return { title, scenario, columns: await Promise.all(columns) };
}

async function runIn(era: Era, { arch, preset, mode, pasid }: TableOf): Promise<EraRun> {
  const machine: MachineDescription = {
    arch,
    preset,
    registers: {},
    memory: { outside: "abort", zero: [], segments: [] },
    devices: [{ sid: NIC.sid, bdf: NIC.bdf, label: "" }],
    software: {
      kind: "virtual machine",
      era,
      mode,
      guestBytes: GUEST_BYTES,
      assigned: [{ bdf: NIC.bdf, virtualId: NIC.virtualId }],
      lazy: false,
      mistakes: [],
    },
  };
  const document: SessionDocument = {
    title: "",
    about: "",
    machine,
    actions: story(pasid),
    recorded: { accesses: [], events: [] },
  };
  const opened = Session.open(document, await loadArchitecture(arch), Software);
  if (!opened.ok) throw new Error(`${era}: ${opened.error.detail}`);
  return countsOf(opened.value);
}

function countsOf(session: Session): EraRun {
  const calls = journalOf(session).filter(({ deed }) => deed === "ioctl");
  const results = session.log(0, session.summary().actionCount).rows.map(({ result }) => result?.type);
  const after = session.software()!;
  session.seek(0);
  const before = session.software()!;
  const spent = (deed: string): number => after.counts[deed]! - before.counts[deed]!;
  return {
    setup: before.counts.ioctl!,
    ioctls: spent("ioctl"),
    exits: spent("trapped read") + spent("trapped write"),
    commands: spent("command"),
    ns: after.ns - before.ns,
    calls: tally(calls.filter(({ action }) => action >= 0).map(({ about }) => about)),
    objects: tally(after.objects.map(({ type }) => type)),
    transfers: results.filter((type) => type === "went" || type === "refused"),
    refused: [...new Set(after.refused)],
  };
}

function journalOf(session: Session) {
  const { total } = session.journal(0, 0);
  const slices = Array.from({ length: Math.ceil(total / SLICE) }, (_, i) => session.journal(i * SLICE, SLICE).entries);
  return slices.flat();
}

/** Each name with how often it stands there, most first. */
function tally(names: readonly string[]): { name: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
}
