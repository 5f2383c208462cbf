import { describe, expect, it } from "vitest";
import type { SoftwareDescription } from "../protocol/software.ts";
import { hostSummary } from "./host_summary.ts";

const SOFTWARE: SoftwareDescription = {
  kind: "virtual machine",
  guestBytes: 0x40_0000,
  assigned: [],
  lazy: false,
  mistakes: [],
};

describe("What is said of a host", () => {
  it("is its era, and nothing more of a kernel as it is", () => {
    expect(hostSummary(SOFTWARE)).toEqual({ era: "Linux 7.2", patches: [] });
    expect(hostSummary({ ...SOFTWARE, era: "Linux 5.15", vmid: "SMMU driver", sharedStage2: false })).toEqual({
      era: "Linux 5.15",
      patches: [],
    });
  });

  it("names what was posted and not merged", () => {
    const { patches } = hostSummary({ ...SOFTWARE, vmid: "KVM, pinned", partids: [3], sharedStage2: true });
    expect(patches).toEqual(["VMIDs of KVM", "PARTIDs for guests", "a shared stage 2"]);
  });

  it("is nothing where there is none", () => {
    expect(hostSummary(undefined)).toEqual({});
    expect(hostSummary({ ...SOFTWARE, kind: "kernel" })).toEqual({});
  });
});
