/**
 * Behind a virtual SMMUv3 without nesting: the VMM follows the guest's tables, which it write-protects, so that a mapping
 * that the guest tells nobody of is there, too. The guest's stage 1 and the VMM's slots become one stage of hardware.
 *
 * Substreams are not offered, and faults of devices do not reach the guest: they are of the host's tables.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { commandOf } from "../../arch/smmuv3/commands.ts";
import { STE, SteConfig } from "../../arch/smmuv3/ste.ts";
import { fieldValue, type Layout } from "../../base/layout.ts";
import { HwInfoType } from "../../host/iommufd/ioctls.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { guestStage1 } from "./guest_stage1.ts";
import { operandsOf, readWords } from "./guest_words.ts";
import type { GuestTables } from "./shadow_tables.ts";
import { ShadowedDevices } from "./shadowed_devices.ts";
import { HW_INFO_BYTES, virtualIdentity } from "./virtual_identity.ts";
import { type MakeVirtualIommu, untold } from "./virtual_iommu.ts";
import { type SmmuBackend, VirtualSmmu } from "./virtual_smmu.ts";
import { VmObjects } from "./vm_objects.ts";
import { WatchedMemory } from "./watched_memory.ts";

/** What the VMM does not follow is not offered. */
const LESS = { IDR0: { BTM: 0, ATS: 0 }, IDR1: { SSIDSIZE: 0 }, IDR5: { GRAN16K: 0, GRAN64K: 0 } };

const BY_ADDRESS: ReadonlySet<string> = new Set(["CMD_TLBI_NH_VA", "CMD_TLBI_NH_VAA"]);
const GRANULE = 4096;

/** What a command by address is about: a page, or a range of (NUM + 1) * 2^SCALE of them where TG says so (§4.4.1.1). */
function rangeOf(layout: Layout, words: Uint32Array): { readonly va: number; readonly bytes: number } {
  const operand = operandsOf(layout, words);
  const pages = operand("TG") === 0 ? 1 : (operand("NUM") + 1) * 2 ** operand("SCALE");
  return { va: Number(fieldValue(layout, "Address", words)), bytes: pages * GRANULE };
}

class EmulatedSmmu implements SmmuBackend {
  readonly #memory: KernelMemory;
  readonly #devices: ShadowedDevices;
  /** Where the context descriptor of each followed stream is. */
  readonly #contexts = new Map<number, number>();

  constructor(memory: KernelMemory, devices: ShadowedDevices) {
    this.#memory = memory;
    this.#devices = devices;
  }

  install(sid: number, ste: Uint32Array | null): void {
    const { f } = STE;
    const config = ste !== null && f.V.get(ste, 0) === 1 ? f.Config.get(ste, 0) : SteConfig.ABORT;
    if (config !== SteConfig.STAGE_1) {
      this.disabled(sid, config === SteConfig.BYPASS);
      return;
    }
    this.#contexts.set(sid, f.S1ContextPtr.address(ste!, 0));
    this.#devices.follow(sid, this.#stage1(sid));
  }

  disabled(sid: number, pass: boolean): void {
    this.#contexts.delete(sid);
    if (pass) this.#devices.pass(sid);
    else this.#devices.block(sid);
  }

  /** What devices themselves wrote to tables is seen now at the latest. */
  invalidate(commands: readonly Uint32Array[]): void {
    for (const words of commands) {
      const { name, layout } = commandOf(words)!;
      if (name === "CMD_CFGI_CD" || name === "CMD_CFGI_CD_ALL") {
        const sid = operandsOf(layout, words)("StreamID");
        this.#devices.of(sid)?.follow(this.#stage1(sid));
      } else if (BY_ADDRESS.has(name)) {
        const { va, bytes } = rangeOf(layout, words);
        for (const tables of this.#devices.tables()) tables.refresh(va, bytes);
      } else for (const tables of this.#devices.tables()) tables.refresh();
    }
  }

  #stage1(sid: number): GuestTables | null {
    const context = this.#contexts.get(sid);
    return context === undefined ? null : guestStage1(readWords(this.#memory, context, CD.bits / 32));
  }
}

/** The VMM follows the guest's tables; hardware translates in one stage: `emulated`. */
export const makeEmulatedSmmu: MakeVirtualIommu = ({ caller, slots, devices, memory, journal }) => {
  const vm = VmObjects.make(caller, slots, devices, 0);
  if (!(vm instanceof VmObjects)) return vm;
  const watched = new WatchedMemory(memory, journal, (at) => {
    for (const tables of shadowed.tables()) tables.written(at);
  });
  const shadowed = new ShadowedDevices(vm, slots, memory, watched);
  const backend = new EmulatedSmmu(memory, shadowed);
  const identity = virtualIdentity(vm.hardwareInfo(HwInfoType.ARM_SMMUV3, HW_INFO_BYTES), LESS);
  const sids = devices.map((d) => d.virtualId);
  const smmu = new VirtualSmmu(identity, sids, memory, backend, journal);
  return untold(vm, smmu.pages, watched);
};
