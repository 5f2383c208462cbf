/**
 * Host, VMM and guest of a session. They act on the machine only while an action is done for the first time; what they
 * write is kept, so that going through time again needs the machine alone.
 */
import { type CostSum, costOf, defaultCostModel } from "../../actors/cost.ts";
import type { DeviceMemory } from "../../actors/guest/device_memory.ts";
import type { GuestKernel } from "../../actors/guest/guest_kernel.ts";
import { Journal } from "../../actors/journal.ts";
import type { Refused } from "../../actors/vmm/user_space.ts";
import type { ActionResult } from "../../protocol/engine.ts";
import type { HardwareAction, MachineDescription } from "../../protocol/machine.ts";
import type { GuestAction, Hazard, KernelObjectRow } from "../../protocol/software.ts";
import type { Actors, Performed } from "../actors.ts";
import type { DescriptionFault } from "../description.ts";
import { isVmmAction } from "../guest_actions.ts";
import type { Machine } from "../machine.ts";
import { PLACES } from "../software_memory.ts";
import { bootBareKernel } from "./bare_kernel.ts";
import { EffectRecorder, type Effects } from "./effects.ts";
import { HostSystem } from "./host_system.ts";
import { InterruptController } from "./interrupt_controller.ts";
import { softwareFault } from "./software_fault.ts";
import { StateHistory } from "./state_history.ts";
import { VirtualMachine } from "./virtual_machine.ts";
import { VmmActions } from "./vmm_actions.ts";
import { whyRefused } from "./why_refused.ts";

/** Where the guest finds its memory. */
const GUEST_GPA = 0x4000_0000;
const PAGE = 4096;

/** What stands around the guest's kernel. */
interface Surroundings {
  /** The machine did something: whoever is interrupted acts. */
  serve(action: HardwareAction, result: ActionResult): void;
  /** The guest did something, at which the IOMMU may have interrupted. */
  serveGuest(): void;
  objects(): readonly KernelObjectRow[];
  /** Of a virtual machine. */
  readonly vmm: VmmActions | null;
  /** What the host refused the VMM, newest last; the oldest may fall out. */
  readonly refused: readonly Refused[];
}

/** A kernel on hardware has nobody around it. */
const NOBODY: Surroundings = { serve: () => {}, serveGuest: () => {}, objects: () => [], vmm: null, refused: [] };

export class Software implements Actors {
  readonly prices = defaultCostModel();
  readonly #recorder: EffectRecorder;
  readonly #kernel: GuestKernel;
  readonly #around: Surroundings;
  readonly #journal: Journal;
  readonly #history = new StateHistory();
  /** The newest refusal that the history has. */
  #lastRefused: Refused | undefined;

  private constructor(recorder: EffectRecorder, kernel: GuestKernel, around: Surroundings, journal: Journal) {
    this.#recorder = recorder;
    this.#kernel = kernel;
    this.#around = around;
    this.#journal = journal;
    this.#noteState(0);
  }

  /** What is wrong with a description's software, or null. */
  static fault(description: MachineDescription): DescriptionFault | null {
    return softwareFault(description);
  }

  /** Boot the software of a description on a machine as it was reset. @returns why not, as a sentence */
  static boot(machine: Machine, description: MachineDescription): Software | string {
    const { software } = description;
    if (software === undefined) return "The machine has no software.";
    const journal = new Journal(software.journal);
    const recorder = new EffectRecorder(machine);
    if (software.kind === "kernel") {
      const kernel = bootBareKernel(machine, recorder, description, software, journal);
      return typeof kernel === "string" ? kernel : new Software(recorder, kernel, NOBODY, journal);
    }
    const host = HostSystem.boot(machine, recorder, description.devices, PLACES.host, journal, {
      amdNesting: software.amdNesting ?? "as shipped",
      incoherentRootComplex: description.options?.incoherentRootComplex === true,
      era: software.era ?? "Linux 7.2",
      mediated: software.assigned.flatMap(({ bdf, mdev }) => (mdev === undefined ? [] : [{ name: mdev, parent: bdf }])),
      vmid: software.vmid ?? "SMMU driver",
      partids: software.partids ?? [],
      sharedStage2: software.sharedStage2 ?? false,
    });
    if (host === null) return "The host's driver does not come up.";
    const vm = VirtualMachine.start(
      machine,
      host,
      {
        ram: { gpa: GUEST_GPA, bytes: software.guestBytes, pa: PLACES.guest },
        vmm: PLACES.vmm.at,
        mode: software.mode ?? "nested, trapped",
        ...(software.door === undefined ? {} : { door: software.door }),
        devices: software.assigned,
        mistakes: new Set(software.mistakes),
        lazy: software.lazy,
        partids: software.partids?.length ?? 0,
      },
      journal,
    );
    if (!(vm instanceof VirtualMachine)) return "refused" in vm ? vm.refused : whyRefused(description.arch, vm);
    const interrupts = new InterruptController(host.kernel);
    const vmm = new VmmActions(vm.iommu, host.kernel, journal);
    /** Somebody holds the host's driver: it reads none of its queues. */
    let held = false;
    const around: Surroundings = {
      serve: (action, result) => {
        interrupts.observe(action, result);
        const forHost = action.do === "consumer" && machine.consumer(action.queue) === null;
        if (forHost && action.what !== "step") held = action.what === "hold";
        if (forHost && action.what === "step") host.lookAtQueues();
        else if (!held) host.serveInterrupts();
        vmm.serve();
      },
      serveGuest: () => {
        if (!held && host.serveInterrupts()) vmm.serve();
      },
      objects: () => host.objects(),
      vmm,
      refused: vm.iommu.refused,
    };
    return new Software(recorder, vm.kernel, around, journal);
  }

  /** Have the guest do something, as action number `index`. */
  perform(action: GuestAction, index: number): Performed {
    let answer = { done: false, about: "" };
    const effects = this.#acting(index, () => {
      answer = this.#guest(action);
      this.#around.serveGuest();
    });
    return { ...answer, effects };
  }

  /** The machine did something as action number `index`: whoever is interrupted acts. */
  react(index: number, action: HardwareAction, result: ActionResult): Effects {
    return this.#acting(index, () => this.#around.serve(action, result));
  }

  objects(step: number): readonly KernelObjectRow[] {
    return this.#history.objectsAt(step);
  }

  guestLog(step: number): readonly string[] {
    return this.#history.guestLog.upTo(step);
  }

  refused(step: number): readonly string[] {
    return this.#history.refused.upTo(step);
  }

  get hazards(): readonly Hazard[] {
    return this.#kernel.order.hazards;
  }

  journal(step: number, from: number, count: number): ReturnType<Actors["journal"]> {
    return this.#journal.slice(step, from, count);
  }

  cost(step: number): CostSum {
    return costOf(this.#journal.countsBefore(step), this.prices);
  }

  #acting(index: number, act: () => void): Effects {
    this.#journal.begin(index);
    const deeds = this.#journal.count;
    const effects = this.#recorder.record(act);
    if (this.#journal.count !== deeds) this.#noteState(index + 1);
    return effects;
  }

  /** Note how everything stands after `step` actions: nothing changes without a deed in the journal. */
  #noteState(step: number): void {
    this.#noteRefused(step);
    this.#history.noteObjects(step, this.#around.objects());
  }

  #noteRefused(step: number): void {
    const { refused } = this.#around;
    const newest = refused.at(-1);
    if (newest === this.#lastRefused) return;
    const known = this.#lastRefused === undefined ? 0 : refused.lastIndexOf(this.#lastRefused) + 1;
    this.#lastRefused = newest;
    const fresh = refused.slice(known);
    this.#history.refused.add(step, () => fresh.map((call) => `${call.step} answered ${call.errno}.`));
  }

  #guest(action: GuestAction): { done: boolean; about: string } {
    const kernel = this.#kernel;
    if (action.do === "guest faults") {
      const { logged, answered } = kernel.takeFaults();
      for (const { lines } of logged) this.#history.guestLog.add(this.#journal.action + 1, lines);
      const faults = `${logged.length} ${logged.length === 1 ? "fault" : "faults"} logged`;
      const { groups, granted } = answered;
      return {
        done: true,
        about: groups === 0 ? faults : `${faults}, ${granted} of ${groups} waiting accesses served`,
      };
    }
    if (isVmmAction(action)) return this.#around.vmm?.perform(action) ?? { done: false, about: "There is no VMM." };
    if (action.do === "guest switch") {
      const refused = kernel.driver.switchTo(action.to);
      return { done: refused === null, about: refused?.refused ?? `the IOMMU is to ${action.to}` };
    }
    if (action.do === "guest detach") {
      kernel.detach(action.device, action.pasid);
      return { done: true, about: "detached" };
    }
    if (action.do === "guest bind") {
      const { device, pasid, iova, bytes, write } = action;
      const refused = kernel.bind(device, pasid, Number(iova), bytes, write);
      return { done: refused === null, about: refused?.refused ?? "bound: pages come when the device faults on them" };
    }
    if (action.do === "guest partition") {
      const { device, pasid, partid, pmg } = action;
      const refused = kernel.partition(device, pasid, { partid, pmg });
      return { done: refused === null, about: refused?.refused ?? `labelled with PARTID ${partid} and PMG ${pmg}` };
    }
    const memory = kernel.deviceMemory(action.device, action.pasid);
    if ("refused" in memory) return { done: false, about: memory.refused };
    if (action.do === "guest flush") {
      memory.mappings.flush();
      return { done: true, about: "flushed" };
    }
    if (action.do === "guest map at") {
      const rights = { read: true, write: true, execute: false, user: true };
      const why = memory.mappings.map(Number(action.iova), Number(action.to), action.bytes, rights);
      return { done: why === null, about: why === null ? "mapped" : `The range is ${why}.` };
    }
    const name = `${action.do === "guest map" ? "map" : "unmap"} 0x${action.iova.toString(16)}`;
    return this.#journal.during("guest", "intent", name, () => mapOrUnmap(action, memory));
  }
}

/** Map a buffer of the guest's, or unmap what lies in a range. */
function mapOrUnmap(
  action: Extract<GuestAction, { readonly do: "guest map" | "guest unmap" }>,
  memory: DeviceMemory,
): { done: boolean; about: string } {
  const iova = Number(action.iova);
  if (action.do === "guest unmap") {
    const bytes = memory.unmap(iova, action.bytes);
    return { done: true, about: `${bytes / PAGE} ${bytes === PAGE ? "page" : "pages"} unmapped` };
  }
  const mapped = memory.map(iova, action.bytes, action.write);
  return "at" in mapped
    ? { done: true, about: `IPA 0x${mapped.at.toString(16)}` }
    : { done: false, about: mapped.refused };
}
