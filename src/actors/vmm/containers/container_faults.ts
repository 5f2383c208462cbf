/**
 * Faults of a device out of its region, made into events of the guest's SMMU again. As QEMU's integration of SMMUv3 nesting
 * over VFIO did ("hw/arm/smmuv3: Implement fault injection"); IHI 0070 §7.3.
 */
import { EVENTS, type EventDefinition } from "../../../arch/smmuv3/events.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import {
  DEVICE_GET_REGION_INFO,
  FAULT_REASONS,
  FAULT_REGION_INDEX,
  FaultFlag,
  FaultPermission,
  IOMMU_FAULT,
  REGION_DMA_FAULT,
} from "../../../host/vfio/ioctls_before_iommufd.ts";
import type { SystemCalls } from "../user_space.ts";
import type { ContainerDevice, ContainerVm } from "./container_vm.ts";

/** CLASS of an event: the input address. The region does not say; everything else would have another reason. */
const CLASS_INPUT = 2;
const EVENT_OF: ReadonlyMap<number, EventDefinition> = new Map(
  EVENTS.flatMap((event) => (event.name in FAULT_REASONS ? [[FAULT_REASONS[event.name]!, event] as const] : [])),
);

type Fault = ReturnType<typeof IOMMU_FAULT.decode>;

export class ContainerFaults {
  readonly #system: SystemCalls;
  readonly #device: ContainerDevice;
  /** Where the region begins in the device's file. */
  readonly #at: bigint;

  private constructor(system: SystemCalls, device: ContainerDevice, at: bigint) {
    this.#system = system;
    this.#device = device;
    this.#at = at;
  }

  /** The region of a device; null on a kernel that has none. */
  static of({ caller }: ContainerVm, device: ContainerDevice): ContainerFaults | null {
    const called = caller.call(device.fd, DEVICE_GET_REGION_INFO, { index: FAULT_REGION_INDEX }, "argsz");
    return called.ok ? new ContainerFaults(caller.system, device, called.out.offset) : null;
  }

  /** Faults since the last look, as events with the guest's own StreamID. */
  take(): Uint32Array[] {
    const header = this.#system.read(this.#device.fd, REGION_DMA_FAULT.size, this.#at);
    if (typeof header === "string") return [];
    const { head, tail, nb_entries, entry_size, offset } = REGION_DMA_FAULT.decode(header);
    const events: Uint32Array[] = [];
    for (let i = tail; i !== head && i < nb_entries; i = (i + 1) % nb_entries) {
      const bytes = this.#system.read(this.#device.fd, entry_size, this.#at + BigInt(offset + entry_size * i));
      if (typeof bytes !== "string") events.push(...eventOf(IOMMU_FAULT.decode(bytes), this.#device.virtualId));
    }
    if (head !== tail) this.#system.write(this.#device.fd, new Uint8Array(new Uint32Array([head]).buffer), this.#at);
    return events;
  }
}

/** A fault as an event; none for a reason that no event has. */
function eventOf(fault: Fault, StreamID: number): Uint32Array[] {
  const event = EVENT_OF.get(fault.reason);
  if (event === undefined) return [];
  const given = (bits: number, flag: number): number => ((bits & flag) === 0 ? 0 : 1);
  const fields: FieldNumbers = {
    EventNumber: event.number,
    StreamID,
    SSV: given(fault.flags, FaultFlag.PASID),
    SubstreamID: fault.pasid,
    RnW: given(fault.perm, FaultPermission.READ),
    InD: given(fault.perm, FaultPermission.EXECUTE),
    PnU: given(fault.perm, FaultPermission.PRIVILEGED),
    CLASS: CLASS_INPUT,
    InputAddr: Number(fault.addr),
    FetchAddr: Number(fault.fetch_addr),
  };
  const there = Object.entries(fields).filter(([name]) => name in event.layout.f);
  return [encodeFields(event.layout, Object.fromEntries(there))];
}
