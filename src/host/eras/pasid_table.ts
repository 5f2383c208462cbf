/**
 * SMMUv3 nesting over VFIO, v16: a container takes the address of the guest's table of context descriptors, and
 * invalidations of a kind that is the same for every IOMMU. "vfio: VFIO_IOMMU_SET_PASID_TABLE", "VFIO_IOMMU_CACHE_INVALIDATE"
 * (VFIO part, v13, as carried along with v16), "iommu/smmuv3: Implement attach/detach_pasid_table".
 *
 * The physical stream table entry is the driver's: it is given one of a guest's that says the same.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { fieldValue } from "../../base/layout.ts";
import type { AnyDomain, DriverData, DriverViommu, HostDevice, NestedDomain, ViommuCore } from "../drivers/driver.ts";
import { type Made, made, type Returned, type Status } from "../errno.ts";
import { HwptDataType, InvalidateDataType, ViommuType } from "../iommufd/ioctls.ts";
import type { Process } from "../process.ts";
import { FaultRegion } from "../vfio/fault_region.ts";
import {
  CACHE_INVALIDATE,
  FAULT_REASONS,
  FAULT_UNRECOVERABLE,
  FaultFlag,
  FaultPermission,
  PASID_TABLE_CONFIG,
  PASID_TABLE_SMMUV3,
  PasidTableConfig,
  SET_PASID_TABLE,
  SetTableFlag,
} from "../vfio/ioctls_before_iommufd.ts";
import type { ContainerNesting, NestedContainer, NestedPart, NestingRules } from "../vfio/nesting.ts";
import { invalidationCommands } from "./smmu_invalidation.ts";
import { readCacheInvalidation, readData, VERSION_1 } from "./uapi_data.ts";

/** Tables are aligned to one context, and addresses have 52 bits. */
const ALIGNMENT = CD.bits / 8;
const ADDRESS_BITS = 52;
/** Bytes of PASID_TABLE_CONFIG before the part of a vendor. */
const CONFIG_LEAST = 24;
const COMMAND_BYTES = 16;
/** The guest's half of an STE. */
const STE_BYTES = 16;
const CONFIG_STAGE_1 = 5;
const FULL_ATS = 1;
/** What the driver sets for every table: write-back, inner shareable. */
const WALKS = { S1CIR: 1, S1COR: 1, S1CSH: 3 };

export const PASID_TABLE_NESTING: NestingRules = {
  manyGroups: true,
  hardwareMsi: false,
  fallsBack: false,
  make: (container) => made(new PasidTableNesting(container)),
};

class PasidTableNesting implements ContainerNesting {
  readonly calls: ContainerNesting["calls"];
  readonly caps = [];
  readonly #container: NestedContainer;
  readonly #regions = new Map<HostDevice, FaultRegion>();
  /** The driver's half; null where the IOMMU is none that takes a PASID table. */
  readonly #half: DriverViommu | null;
  #nested: { readonly domain: NestedDomain; readonly about: string } | null = null;
  #translates = false;

  constructor(container: NestedContainer) {
    this.#container = container;
    this.#half = makeHalf(container, this.#core());
    this.calls = new Map([
      [SET_PASID_TABLE.request, (process, argument) => this.#setTable(process, argument) ?? 0],
      [CACHE_INVALIDATE.request, (process, argument) => this.#invalidate(process, argument)],
    ]);
  }

  get installed(): AnyDomain {
    return this.#nested?.domain ?? this.#container.domain;
  }

  faults(device: HostDevice): FaultRegion {
    const region = this.#regions.get(device) ?? new FaultRegion();
    this.#regions.set(device, region);
    return region;
  }

  leave(device: HostDevice): void {
    this.#regions.delete(device);
  }

  parts(): readonly NestedPart[] {
    return this.#nested === null ? [] : [{ type: "PASID_TABLE", about: this.#nested.about }];
  }

  release(): void {
    this.#nested?.domain.release();
    this.#half?.release();
  }

  /** A device's own StreamID stands for it: nobody says by which id the guest knows it. */
  #core(): ViommuCore {
    return {
      virtualId: (device) => (this.#container.devices().includes(device) ? BigInt(device.sid) : null),
      device: (id) => this.#container.devices().find(({ sid }) => BigInt(sid) === id) ?? null,
      report: (_type, data) => {
        const words = new Uint32Array(data.slice().buffer);
        const device = this.#container.devices().find(({ sid }) => sid === words[1]);
        if (device !== undefined) this.faults(device).push(faultOf(words));
        return null;
      },
      exposePages: () => 0n,
    };
  }

  #setTable(process: Process, argument: bigint): Status {
    const header = readData(process, argument, SET_PASID_TABLE, SET_PASID_TABLE.size);
    if (typeof header === "string") return header;
    const set = (header.flags & SetTableFlag.SET) !== 0;
    const unset = (header.flags & SetTableFlag.UNSET) !== 0;
    if (set === unset) return "EINVAL";
    if (set) return this.#attach(process, argument + BigInt(SET_PASID_TABLE.size));
    this.#translates = false;
    return this.#install(null, "");
  }

  #attach(process: Process, at: bigint): Status {
    const v = readData(process, at, PASID_TABLE_CONFIG, CONFIG_LEAST);
    if (typeof v === "string") return v;
    if (v.version !== VERSION_1 || v.padding !== 0) return "EINVAL";
    if (v.config < PasidTableConfig.TRANSLATE || v.config > PasidTableConfig.ABORT) return "EINVAL";
    if (v.format !== PASID_TABLE_SMMUV3 || v.argsz < PASID_TABLE_CONFIG.size) return "EINVAL";
    if (this.#half === null) return "ENODEV";
    if (v.smmuv3_version !== VERSION_1) return "EINVAL";
    if (v.config === PasidTableConfig.TRANSLATE) return this.#translate(v.base_ptr, v.pasid_bits);
    this.#translates = false;
    if (v.config === PasidTableConfig.BYPASS) return this.#install(null, "");
    return this.#install(this.#half.allocNested?.(0, entryData({ V: 1 })) ?? null, "every request is refused");
  }

  /** A table in place of another is not taken, nor one of several contexts. */
  #translate(base: bigint, pasidBits: number): Status {
    if (this.#translates || pasidBits !== 0) return "EINVAL";
    const ats = this.#container.devices().some((d) => d.ats) ? { EATS: FULL_ATS } : {};
    const at = Number(BigInt.asUintN(ADDRESS_BITS, base));
    const S1ContextPtr = at - (at % ALIGNMENT);
    const entry = entryData({ V: 1, Config: CONFIG_STAGE_1, S1ContextPtr, ...WALKS, ...ats });
    const made = this.#half?.allocNested?.(0, entry) ?? null;
    const status = this.#install(made, `context at IPA 0x${S1ContextPtr.toString(16)}`);
    this.#translates = status === null;
    return status;
  }

  /** Give every device a nested domain, or the container's own for null. */
  #install(nested: Made<NestedDomain> | null, about: string): Status {
    if (nested !== null && !nested.ok) return nested.errno;
    const domain = nested?.value ?? this.#container.domain;
    for (const device of this.#container.devices()) {
      const status = device.driver.attach({ device, pasid: null, domain, faults: null });
      if (status !== null) return status;
    }
    this.#nested?.domain.release();
    this.#nested = nested === null ? null : { domain: nested.value, about };
    return null;
  }

  /** Every device of the container has the same done for it, up to the first refusal. */
  #invalidate(process: Process, argument: bigint): Returned {
    const header = readData(process, argument, CACHE_INVALIDATE, CACHE_INVALIDATE.size);
    if (typeof header === "string") return header;
    if (header.flags !== 0) return "EINVAL";
    for (const _device of this.#container.devices()) {
      const status = this.#invalidateOnce(process, argument + BigInt(CACHE_INVALIDATE.size));
      if (status !== null) return status;
    }
    return 0;
  }

  #invalidateOnce(process: Process, at: bigint): Status {
    const v = readCacheInvalidation(process, at);
    if (typeof v === "string") return v;
    if (this.#half?.invalidate === undefined) return "ENODEV";
    const commands = invalidationCommands(v, this.#container.domain.pageSizes);
    if (!commands.ok) return commands.errno;
    return this.#half.invalidate({
      type: InvalidateDataType.ARM_SMMUV3,
      entryLength: COMMAND_BYTES,
      count: commands.value.length,
      read: (i) => new Uint8Array(commands.value[i]!.slice().buffer),
    }).status;
  }
}

function makeHalf({ domain, devices }: NestedContainer, core: ViommuCore): DriverViommu | null {
  const [device] = devices();
  const viommu = device?.driver.viommu;
  if (device === undefined || viommu === undefined || !viommu.offers(device, ViommuType.ARM_SMMUV3)) return null;
  const half = viommu.make(core, ViommuType.ARM_SMMUV3, domain, null);
  return half.ok ? half.value : null;
}

/** A guest's STE with these fields, as a driver takes it. */
function entryData(fields: FieldNumbers): DriverData {
  const bytes = new Uint8Array(encodeFields(STE, fields).buffer, 0, STE_BYTES).slice();
  return { type: HwptDataType.ARM_SMMUV3, length: STE_BYTES, read: () => bytes, write: () => false };
}

/** What is left of an event: the reason, the PASID, the direction and two addresses. The StreamID is lost, as is the CLASS. */
function faultOf(words: Uint32Array): Parameters<FaultRegion["push"]>[0] {
  const event = eventByNumber(Number(fieldValue(RESERVED_EVENT, "EventNumber", words)));
  const value = (name: string): bigint | null => fieldValue(event?.layout ?? RESERVED_EVENT, name, words);
  const on = (name: string, flag: number): number => (value(name) === 1n ? flag : 0);
  const there = (name: string, flag: number): number => (value(name) === null ? 0 : flag);
  const direction = value("RnW") === 0n ? FaultPermission.WRITE : on("RnW", FaultPermission.READ);
  const withPasid = value("SSV") === 1n;
  return {
    type: FAULT_UNRECOVERABLE,
    reason: FAULT_REASONS[event?.name ?? ""] ?? 0,
    flags: on("SSV", FaultFlag.PASID) | there("InputAddr", FaultFlag.ADDR) | there("FetchAddr", FaultFlag.FETCH_ADDR),
    pasid: withPasid ? Number(value("SubstreamID")) : 0,
    perm: direction | on("InD", FaultPermission.EXECUTE) | on("PnU", FaultPermission.PRIVILEGED),
    addr: value("InputAddr") ?? 0n,
    fetch_addr: value("FetchAddr") ?? 0n,
  };
}
