/** What somebody who looks on can have the VMM of a virtual machine do: log written pages, make calls, be busy. */

import type { Journal } from "../../actors/journal.ts";
import { InterruptRoutes } from "../../actors/vmm/interrupt_routes.ts";
import { makeCall } from "../../actors/vmm/single_calls.ts";
import type { VirtualIommu } from "../../actors/vmm/virtual_iommu.ts";
import type { HostKernel } from "../../host/kernel.ts";
import type { DirtyLogStep, VmmAction } from "../../protocol/software.ts";

const PAGE = 4096;
const NO_IOMMUFD = "This VMM has no iommufd.";
const NO_DEVICE = "This VMM has no file of the device.";
/** Most ranges of written pages that an answer names. */
const MOST_RANGES = 8;

interface Answer {
  readonly done: boolean;
  readonly about: string;
}

export class VmmActions {
  readonly #iommu: VirtualIommu;
  readonly #host: HostKernel;
  readonly #journal: Journal;
  readonly #routes: InterruptRoutes | null;
  /** The VMM is busy: it reads none of its files. */
  #held = false;

  /** @param host the kernel that the VMM runs on */
  constructor(iommu: VirtualIommu, host: HostKernel, journal: Journal) {
    this.#iommu = iommu;
    this.#host = host;
    this.#journal = journal;
    const vm = iommu.objects ?? iommu.containers;
    this.#routes = vm === undefined ? null : new InterruptRoutes(vm.caller, journal);
  }

  /** The VMM's files have something to read. */
  serve(): void {
    if (this.#held) return;
    this.#iommu.serve();
    this.#routes?.serve();
  }

  perform(action: VmmAction): Answer {
    switch (action.do) {
      case "dirty log":
        return this.#dirtyLog(action.what);
      case "vmm":
        this.#held = action.what === "hold";
        this.serve();
        return { done: true, about: this.#held ? "the VMM is busy" : "the VMM has read its files" };
      case "vmm msi":
        return this.#route(action.device);
      case "vmids begin anew":
        return this.#beginVmidsAnew();
      case "vmm call": {
        const { objects } = this.#iommu;
        return objects === null ? { done: false, about: NO_IOMMUFD } : makeCall(objects, action);
      }
    }
  }

  #beginVmidsAnew(): Answer {
    const { kvm } = this.#host.config;
    if (kvm === undefined) return { done: false, about: "No IOMMU of this host uses VMIDs of KVM." };
    const vmid = this.#journal.during("host", "intent", "KVM: VMIDs begin anew", () => kvm.beginAnew());
    return { done: true, about: `the virtual machine runs with VMID ${vmid}` };
  }

  #route(id: number): Answer {
    const device = (this.#iommu.objects ?? this.#iommu.containers)?.device(id);
    if (device === undefined || this.#routes === null) return { done: false, about: NO_DEVICE };
    const errno = this.#routes.enable(device);
    if (errno !== null) return { done: true, about: `VFIO_DEVICE_SET_IRQS answered ${errno}` };
    const physical = this.#host.devices.find(({ name }) => name === (device.mdev ?? device.bdf));
    const message = physical === undefined ? null : this.#host.messageOf(physical);
    if (message === null) return { done: false, about: "The kernel has no message for the device." };
    const { address, data } = message;
    return { done: true, about: `the device is to write 0x${data.toString(16)} to 0x${address.toString(16)}` };
  }

  #dirtyLog(what: DirtyLogStep): Answer {
    const { objects } = this.#iommu;
    if (objects === null) return { done: false, about: NO_IOMMUFD };
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
