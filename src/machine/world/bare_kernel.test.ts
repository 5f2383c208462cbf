import { describe, expect, it } from "vitest";
import type { Action, Arch, SessionDocument } from "../../protocol/machine.ts";
import { Session } from "../session.ts";
import { loadArchitecture } from "../units.ts";
import { Software } from "./software.ts";

const PAGE = 4096;
const SID = 0x28;

const document = (arch: Arch, preset: string, actions: readonly Action[]): SessionDocument => ({
  title: "A kernel",
  about: "",
  machine: {
    arch,
    preset,
    registers: {},
    memory: { outside: "abort", zero: [], segments: [] },
    devices: [{ bdf: "0000:00:05.0", sid: SID, label: "nic" }],
    software: { kind: "kernel", guestBytes: 0x100_0000, assigned: [], lazy: false, mistakes: [] },
  },
  actions,
  recorded: { accesses: [], events: [] },
});

const range = (iova: number) => ({ device: SID, pasid: null, iova: BigInt(iova), bytes: PAGE });
const dma = (iova: number): Action => ({
  do: "dma",
  sid: SID,
  ssid: null,
  iova: BigInt(iova),
  write: true,
  privileged: false,
  instruction: false,
  length: 4,
});

const STORY: readonly Action[] = [
  { do: "guest map", ...range(0x10_0000), write: true },
  dma(0x10_0000),
  dma(0x20_0000),
  { do: "guest faults" },
  { do: "guest unmap", ...range(0x10_0000) },
  dma(0x10_0000),
  { do: "guest detach", device: SID, pasid: null },
  dma(0x10_0000),
  { do: "guest map", ...range(0x10_0000), write: true },
  dma(0x10_0000),
];

describe.each([
  ["smmuv3", "neoverse", "F_TRANSLATION"],
  ["vtd", "skylake-sp", "fault reason 0x05"],
  ["vtd", "sapphire-rapids", "fault reason 0x71"],
  ["amdvi", "minimal", "IO_PAGE_FAULT"],
  ["amdvi", "full", "IO_PAGE_FAULT"],
] as const)("A kernel on hardware, %s %s", (arch, preset, fault) => {
  it("plays one story on every architecture", async () => {
    const architecture = await loadArchitecture(arch);
    const opened = Session.open(document(arch, preset, STORY), architecture!, (m, d) => Software.boot(m, d));
    if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
    const session = opened.value;
    expect(session.log(0, 100).rows.map((row) => row.result?.type)).toEqual([
      "software",
      "went",
      "refused",
      "software",
      "software",
      "refused",
      "software",
      "refused",
      "software",
      "went",
    ]);
    expect(session.software()?.guestLog.filter((line) => line.includes(fault))).toHaveLength(1);
    const { digest } = session.summary();
    session.seek(0);
    session.seek(STORY.length);
    expect(session.summary().digest).toBe(digest);
  });
});
