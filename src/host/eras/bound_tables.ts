/**
 * Virtual SVA over VFIO, v7 and v8: a container takes a first stage for each PASID that its process owns, and
 * invalidations. "vfio/type1: Support binding guest page tables to PASID", "Allow invalidating first-level/stage IOMMU
 * cache", "Report iommu nesting info to userspace"; what the VT-d driver made of it, drivers/iommu/intel/svm.c
 * (intel_svm_bind_gpasid) and iommu.c (intel_iommu_sva_invalidate) of Linux 5.10.
 */
import { ECAP } from "../../arch/vtd/capability_registers.ts";
import type { DriverData, EntryArray, HostDevice, NestedDomain } from "../drivers/driver.ts";
import { HWPT_VTD_S1, HWPT_VTD_S1_INVALIDATE } from "../drivers/vtd/vtd_domains.ts";
import { type Made, made, type Returned, refused, type Status } from "../errno.ts";
import { HwInfoType, HwptDataType, HwptFlag, InvalidateDataType } from "../iommufd/ioctls.ts";
import type { Process } from "../process.ts";
import type { InfoCap } from "../vfio/info_caps.ts";
import {
  BIND_FORMAT_VTD,
  BIND_GPASID_VALID,
  BindVtdFlag,
  CacheType,
  GPASID_BIND_DATA,
  Granularity,
  InvalidateFlag,
  NESTING_INFO,
  NESTING_OP_MASK,
  NESTING_OP_V7,
  NESTING_OP_V8,
  NestingOp,
  PASID_REQUEST,
  PasidRequestFlag,
} from "../vfio/ioctls_before_iommufd.ts";
import type { ContainerNesting, NestedContainer, NestedPart, NestingRules } from "../vfio/nesting.ts";
import { PASID_END } from "./pasid_pool.ts";
import { type CacheInvalidateInfo, readCacheInvalidation, readData, VERSION_1 } from "./uapi_data.ts";

/** What differs between the versions. */
interface Version {
  /** Request of VFIO_IOMMU_NESTING_OP. */
  readonly op: number;
  /** PASIDs come from a call of the container; else from /dev/ioasid. */
  readonly pasidRequest: boolean;
  /** Id of the capability with the nesting information. */
  readonly capability: number;
  readonly features: number;
  /** An IOMMU without a format of first stages is refused when the type is set, not when a call is made. */
  readonly needsFormat: boolean;
}

/** Bits of `features`; v7 has that of PASIDs for the whole system before them. */
const Feature = { SYSWIDE_PASID_V7: 1, BIND_V7: 2, CACHE_V7: 4, BIND_V8: 1, CACHE_V8: 2 } as const;

const V7: Version = {
  op: NESTING_OP_V7.request,
  pasidRequest: true,
  capability: 3,
  features: Feature.SYSWIDE_PASID_V7 | Feature.BIND_V7 | Feature.CACHE_V7,
  needsFormat: false,
};
const V8: Version = {
  op: NESTING_OP_V8.request,
  pasidRequest: false,
  capability: 4,
  features: Feature.BIND_V8 | Feature.CACHE_V8,
  needsFormat: true,
};

const rulesOf = (version: Version): NestingRules => ({
  manyGroups: false,
  hardwareMsi: true,
  fallsBack: false,
  make: (container) => makeNesting(container, version),
});
export const BOUND_TABLES_V7 = rulesOf(V7);
export const BOUND_TABLES_V8 = rulesOf(V8);

/** PASIDs that a process may own in v7: a parameter of the module. */
const QUOTA = 1000;
/** Bytes of GPASID_BIND_DATA before the part of a vendor. */
const BIND_LEAST = 56;
const ADDRESS_WIDTHS = [48, 57];
/** Second stages of the driver have four levels. */
const GUEST_ADDRESS_BITS = 48;
const PAGE_LG2 = 12n;
const EVERYTHING = 0xffff_ffff_ffff_ffffn;
/** Flags of a bind and of iommu_hwpt_vtd_s1 that say the same. */
const FLAGS: readonly (readonly [bigint, bigint])[] = [
  [BindVtdFlag.SRE, 1n],
  [BindVtdFlag.EAFE, 2n],
  [BindVtdFlag.WPE, 4n],
];
const MEMORY_TYPES = BindVtdFlag.PCD | BindVtdFlag.PWT | BindVtdFlag.EMTE | BindVtdFlag.CD;

type BindData = ReturnType<typeof GPASID_BIND_DATA.decode>;

/** A first stage that is bound to a PASID of a device. */
interface Bound {
  readonly device: HostDevice;
  readonly pasid: number;
  readonly root: bigint;
  readonly domain: NestedDomain;
}

function makeNesting(container: NestedContainer, version: Version): Made<ContainerNesting> {
  const info = nestingInfo(container, version);
  if (info === null && version.needsFormat) return refused("ENOENT");
  return made(new BoundTables(container, version, info));
}

/** What the IOMMU offers; null for one whose driver says nothing: only VT-d's did. */
function nestingInfo({ devices }: NestedContainer, { features }: Version): Uint8Array | null {
  const info = devices()[0]?.driver.info(HwInfoType.DEFAULT) ?? null;
  if (info === null || info.type !== HwInfoType.INTEL_VTD) return null;
  const [, cap_reg, ecap_reg] = new BigUint64Array(info.bytes.slice().buffer);
  const words = new Uint32Array(new BigUint64Array([ecap_reg!]).buffer);
  const pasid_bits = ECAP.f.PASID.get(words, 0) === 1 ? ECAP.f.PSS.get(words, 0) + 1 : 0;
  // CHOICE(vsva-masks): the series masked the registers; sources differ on by what, and here they are whole.
  return NESTING_INFO.encode({
    argsz: NESTING_INFO.size,
    format: BIND_FORMAT_VTD,
    features,
    addr_width: GUEST_ADDRESS_BITS,
    pasid_bits,
    cap_reg: cap_reg!,
    ecap_reg: ecap_reg!,
  });
}

class BoundTables implements ContainerNesting {
  readonly calls: ContainerNesting["calls"];
  readonly caps: readonly InfoCap[];
  readonly #container: NestedContainer;
  #bound: Bound[] = [];
  readonly #offered: boolean;
  readonly #unsubscribe: () => void;

  constructor(container: NestedContainer, version: Version, info: Uint8Array | null) {
    this.#container = container;
    this.#offered = info !== null;
    this.caps = info === null ? [] : [{ id: version.capability, body: info }];
    const calls: [number, (process: Process, argument: bigint) => Returned][] = [
      [version.op, (process, argument) => this.#op(process, argument) ?? 0],
    ];
    if (version.pasidRequest)
      calls.push([PASID_REQUEST.request, (process, argument) => this.#pasids(process, argument)]);
    this.calls = new Map(calls);
    // A PASID that goes takes what is bound to it along.
    this.#unsubscribe = container.kernel.pasids.onFree((_owner, pasid) => this.#unbind(pasid));
  }

  /** Requests without a PASID meet stage 2. */
  get installed(): NestedContainer["domain"] {
    return this.#container.domain;
  }

  leave(device: HostDevice): void {
    for (const { pasid } of this.#bound.filter((b) => b.device === device)) this.#unbind(pasid);
  }

  parts(): readonly NestedPart[] {
    return this.#bound.map(({ pasid, root }) => ({
      type: "BOUND_TABLE",
      about: `PASID ${pasid}: first stage at IPA 0x${root.toString(16)}`,
    }));
  }

  release(): void {
    for (const { pasid } of this.#bound) this.#unbind(pasid);
    this.#unsubscribe();
  }

  #op(process: Process, argument: bigint): Status {
    const header = readData(process, argument, NESTING_OP_V8, NESTING_OP_V8.size);
    if (typeof header === "string") return header;
    if ((header.flags & ~NESTING_OP_MASK) !== 0) return "EINVAL";
    const at = argument + BigInt(NESTING_OP_V8.size);
    if (header.flags > NestingOp.CACHE_INVLD) return "EINVAL";
    if (!this.#offered) return "EOPNOTSUPP";
    if (header.flags === NestingOp.BIND_PGTBL) return this.#bindAll(process, at);
    // What becomes of the rest is not told: both always succeed.
    if (header.flags === NestingOp.UNBIND_PGTBL) this.#unbindData(process, at);
    else this.#invalidateAll(process, at);
    return null;
  }

  /** Allocate and free PASIDs, v7. */
  #pasids(process: Process, argument: bigint): Returned {
    const v = readData(process, argument, PASID_REQUEST, PASID_REQUEST.size);
    if (typeof v === "string") return v;
    const { pasids } = this.#container.kernel;
    if (!this.#offered) return "EOPNOTSUPP";
    if (v.min > v.max) return "EINVAL";
    if (v.flags === PasidRequestFlag.ALLOC) return pasids.allocate(process, v.min, v.max, QUOTA);
    if (v.flags !== PasidRequestFlag.FREE) return "EINVAL";
    for (const pasid of pasids.of(process)) if (pasid >= v.min && pasid <= v.max) pasids.free(process, pasid);
    return 0;
  }

  #bindAll(process: Process, at: bigint): Status {
    for (const device of this.#container.devices()) {
      const v = readBind(process, at);
      const status = typeof v === "string" ? v : this.#bind(process, device, v);
      if (status === null) continue;
      this.#unbindData(process, at);
      return status;
    }
    return null;
  }

  #bind(process: Process, device: HostDevice, v: BindData): Status {
    if (v.hpasid === 0n || v.hpasid >= BigInt(PASID_END)) return "EINVAL";
    const pasid = Number(v.hpasid);
    // CHOICE(vsva-errno): a PASID that nobody has, and one of another process, as ioasid_find of Linux 5.10 told them apart.
    const owner = this.#container.kernel.pasids.ownerOf(pasid);
    if (owner !== process) return owner === null ? "ENOENT" : "EACCES";
    if (this.#bound.some((b) => b.device === device && b.pasid === pasid)) return "EBUSY";
    if (pasid >= 2 ** device.maxPasidLog2 || (v.vtd_flags & MEMORY_TYPES) !== 0n) return "EINVAL";
    if (!ADDRESS_WIDTHS.includes(v.addr_width)) return "EINVAL";
    const nested = device.driver.allocNested?.(device, this.#container.domain, HwptFlag.PASID, stageData(v));
    if (nested === undefined) return "ENODEV";
    if (!nested.ok) return nested.errno;
    const status = device.driver.attach({ device, pasid, domain: nested.value, faults: null });
    if (status === null) this.#bound.push({ device, pasid, root: v.gpgd, domain: nested.value });
    else nested.value.release();
    return status;
  }

  #unbindData(process: Process, at: bigint): void {
    const v = readBind(process, at);
    if (typeof v === "string" || v.hpasid >= BigInt(PASID_END)) return;
    const pasid = Number(v.hpasid);
    if (this.#container.kernel.pasids.ownerOf(pasid) === process) this.#unbind(pasid);
  }

  #unbind(pasid: number): void {
    const gone = this.#bound.filter((b) => b.pasid === pasid);
    this.#bound = this.#bound.filter((b) => b.pasid !== pasid);
    for (const { device, domain } of gone) {
      device.driver.block(device, pasid);
      domain.release();
    }
  }

  #invalidateAll(process: Process, at: bigint): void {
    const v = readCacheInvalidation(process, at);
    if (typeof v === "string" || (v.cache & CacheType.IOTLB) === 0) return;
    // Nothing is offered for a whole domain, and nothing without a PASID.
    if (v.granularity === Granularity.DOMAIN || (v.flags & InvalidateFlag.PASID) === 0) return;
    if (this.#container.kernel.pasids.ownerOf(Number(BigInt.asUintN(32, v.pasid))) !== process) return;
    for (const { pasid, domain } of this.#bound) {
      if (BigInt(pasid) === v.pasid) domain.invalidate?.(entriesOf(v));
    }
  }
}

/** What a bind says, as far as it is looked at before a driver sees it. */
function readBind(process: Process, at: bigint): BindData | "EFAULT" | "EINVAL" {
  const v = readData(process, at, GPASID_BIND_DATA, BIND_LEAST);
  if (typeof v === "string") return v === "EFAULT" ? v : "EINVAL";
  const known = v.version === VERSION_1 && v.format === BIND_FORMAT_VTD && v.padding === 0n;
  return known && (v.flags & ~BIND_GPASID_VALID) === 0n ? v : "EINVAL";
}

/** A first stage as the driver takes it. */
function stageData({ gpgd, addr_width, vtd_flags }: BindData): DriverData {
  const flags = FLAGS.reduce((all, [theirs, ours]) => all | ((vtd_flags & theirs) === 0n ? 0n : ours), 0n);
  const bytes = HWPT_VTD_S1.encode({ flags, pgtbl_addr: gpgd, addr_width });
  return { type: HwptDataType.VTD_S1, length: bytes.length, read: () => bytes, write: () => false };
}

/** Pages of an invalidation as one entry of the driver's. */
function entriesOf(v: CacheInvalidateInfo): EntryArray {
  const pages = BigInt.asUintN(64, v.granule_size * v.nb_granules) >> PAGE_LG2;
  const range = { addr: v.addr, npages: pages, flags: (v.flags & InvalidateFlag.LEAF) === 0 ? 0 : 1 };
  const all = { addr: 0n, npages: EVERYTHING };
  const bytes = HWPT_VTD_S1_INVALIDATE.encode(v.granularity === Granularity.ADDR ? range : all);
  return { type: InvalidateDataType.VTD_S1, entryLength: bytes.length, count: 1, read: () => bytes };
}
