import { describe, expect, it } from "vitest";
import type { Action } from "../../protocol/machine.ts";
import { kernelOn, NIC } from "../../scenario/library/machines.ts";
import { documentOn, openSession } from "../testing/open_session.ts";

const PAGE = 4096;

const range = (iova: number) => ({ device: NIC.sid, pasid: null, iova: BigInt(iova), bytes: PAGE });
const dma = (iova: number): Action => ({
  do: "dma",
  sid: NIC.sid,
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
  { do: "guest detach", device: NIC.sid, pasid: null },
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
    const session = await openSession(documentOn(kernelOn(arch, preset), STORY));
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
