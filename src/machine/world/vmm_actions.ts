/** What somebody who looks on can have the VMM of a virtual machine do: log written pages, make calls, be busy. */
import { makeCall } from "../../actors/vmm/single_calls.ts";
import type { VirtualIommu } from "../../actors/vmm/virtual_iommu.ts";
import type { DirtyLogStep, VmmAction } from "../../protocol/software.ts";

const PAGE = 4096;
/** Most ranges of written pages that an answer names. */
const MOST_RANGES = 8;

interface Answer {
  readonly done: boolean;
  readonly about: string;
}

export class VmmActions {
  readonly #iommu: VirtualIommu;
  /** The VMM is busy: it reads none of its files. */
  #held = false;

  constructor(iommu: VirtualIommu) {
    this.#iommu = iommu;
  }

  /** The VMM's files have something to read. */
  serve(): void {
    if (!this.#held) this.#iommu.serve();
  }

  perform(action: VmmAction): Answer {
    switch (action.do) {
      case "dirty log":
        return this.#dirtyLog(action.what);
      case "vmm":
        this.#held = action.what === "hold";
        this.serve();
        return { done: true, about: this.#held ? "the VMM is busy" : "the VMM has read its files" };
      case "vmm call": {
        const { objects } = this.#iommu;
        return objects === null ? { done: false, about: "This VMM has no iommufd." } : makeCall(objects, action);
      }
    }
  }

  #dirtyLog(what: DirtyLogStep): Answer {
    const { objects } = this.#iommu;
    if (objects === null) return { done: false, about: "This VMM has no iommufd." };
    const { dirty } = objects;
    if (what === "read") return { done: true, about: `written: ${rangesText(dirty.take())}` };
    const done = dirty.switch(what === "start");
    return { done, about: done ? `the log is ${what === "start" ? "on" : "off"}` : "the host's kernel refuses" };
  }
}

/** Pages as ranges of IPAs, the first few. @param pages ascending */
function rangesText(pages: readonly number[]): string {
  const ranges: [from: number, to: number][] = [];
  for (const page of pages) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === page) last[1] = page + PAGE;
    else ranges.push([page, page + PAGE]);
  }
  if (ranges.length === 0) return "nothing";
  const shown = ranges
    .slice(0, MOST_RANGES)
    .map(([from, to]) => `IPA 0x${from.toString(16)} to 0x${(to - 1).toString(16)}`);
  const more = ranges.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
