/**
 * Behind a virtual VT-d unit on a kernel with virtual SVA over VFIO: each first stage of a PASID is bound to the device's
 * container, once a PASID of the whole system is the VMM's. As QEMU's "intel_iommu: expose Shared Virtual Addressing to
 * VMs" was.
 *
 * CHOICE(vsva-pasids): guests were to ask for PASIDs by the virtual command register, and to get the system's. This guest
 * chooses, and the VMM asks the kernel for just that one: where it is taken the bind is refused.
 *
 * Requests without a PASID have no first stage on such a kernel: they reach all of guest memory as it is.
 */
import { CAP, ECAP } from "../../../arch/vtd/capability_registers.ts";
import {
  BIND_FORMAT_VTD,
  BindVtdFlag,
  CACHE_INVALIDATE_INFO,
  CacheType,
  GPASID_BIND_DATA,
  Granularity,
  InvalidateFlag,
  IOASID_REQUEST_ALLOC,
  IOASID_REQUEST_FREE,
  NESTING_INFO,
  NESTING_OP_V7,
  NESTING_OP_V8,
  NestingOp,
  PASID_REQUEST,
  PasidRequestFlag,
} from "../../../host/vfio/ioctls_before_iommufd.ts";
import { type Binding, type FirstStage, GuestVtdTables, PASIDS_LG2 } from "../guest_vtd_tables.ts";
import type { Caller } from "../user_space.ts";
import type { MakeVirtualIommu } from "../virtual_iommu.ts";
import { type GuestRoot, VirtualVtd, type VtdBackend, type VtdScope } from "../virtual_vtd.ts";
import { type ContainerDevice, ContainerVm } from "./container_vm.ts";

const VERSION = 1;
const SCALABLE = 1;
const PAGE = 0x1000n;

/** How PASIDs are had, and the number of VFIO_IOMMU_NESTING_OP. */
interface Version {
  readonly op: typeof NESTING_OP_V8;
  /** Id of the capability with the nesting information. */
  readonly capability: number;
  /** Open whatever hands out PASIDs. @returns a descriptor, -1 for that of the device's container; an errno's name */
  open(caller: Caller): number | string;
  allocate(vm: ContainerVm, fd: number, pasid: number): boolean;
  free(vm: ContainerVm, fd: number, pasid: number): void;
}

const V8: Version = {
  op: NESTING_OP_V8,
  capability: 4,
  open: ({ system }) => system.open("/dev/ioasid"),
  allocate: (vm, fd, pasid) => vm.call(fd, IOASID_REQUEST_ALLOC, { min: pasid, max: pasid }, "argsz") === pasid,
  free: (vm, fd, pasid) => {
    const { name, request } = IOASID_REQUEST_FREE;
    vm.caller.plain(fd, name, request, vm.caller.data(IOASID_REQUEST_FREE.encode({ pasid })));
  },
};
const V7: Version = {
  op: NESTING_OP_V7,
  capability: 3,
  open: () => -1,
  allocate: (vm, fd, pasid) => {
    const values = { flags: PasidRequestFlag.ALLOC, min: pasid, max: pasid };
    return vm.call(fd, PASID_REQUEST, values, "argsz") === pasid;
  },
  free: (vm, fd, pasid) => {
    vm.call(fd, PASID_REQUEST, { flags: PasidRequestFlag.FREE, min: pasid, max: pasid }, "argsz");
  },
};

class ContainerVtd implements VtdBackend {
  readonly #vm: ContainerVm;
  readonly #tables: GuestVtdTables;
  readonly #version: Version;
  readonly #pasids: number;
  /** First stages that are bound, by device and PASID. */
  readonly #bound = new Map<
    string,
    { readonly device: ContainerDevice; readonly pasid: number; readonly stage: FirstStage }
  >();

  /** @param pasids descriptor of what hands out PASIDs, -1 for the device's container */
  constructor(vm: ContainerVm, tables: GuestVtdTables, version: Version, pasids: number) {
    this.#vm = vm;
    this.#tables = tables;
    this.#version = version;
    this.#pasids = pasids;
  }

  resync(root: GuestRoot | null): void {
    for (const device of this.#vm.devices) {
      const tables = root === null || root.mode !== SCALABLE ? [] : this.#tables.bindings(root.at, device.virtualId);
      for (let pasid = 0; pasid < 2 ** PASIDS_LG2; pasid++) this.#change(device, pasid, tables[pasid] ?? "block");
    }
  }

  invalidate({ did, pasid, pages, secondStage }: VtdScope): void {
    for (const { device, pasid: own, stage } of this.#bound.values()) {
      if ((did !== null && stage.did !== did) || (pasid !== null && own !== pasid)) continue;
      const whole = pages === null || secondStage;
      const leaf = !whole && pages.leavesOnly ? InvalidateFlag.LEAF : 0;
      const { op } = this.#version;
      this.#vm.call(
        device.container,
        op.invalidate,
        {
          call_flags: NestingOp.CACHE_INVLD,
          argsz: CACHE_INVALIDATE_INFO.size,
          version: VERSION,
          cache: CacheType.IOTLB,
          granularity: whole ? Granularity.PASID : Granularity.ADDR,
          flags: InvalidateFlag.PASID | leaf,
          pasid: BigInt(own),
          ...(whole ? {} : { addr: pages.at, granule_size: PAGE, nb_granules: pages.count }),
        },
        "call_argsz",
      );
    }
  }

  #change(device: ContainerDevice, pasid: number, binding: Binding): void {
    const key = `${device.virtualId} ${pasid}`;
    const old = this.#bound.get(key)?.stage;
    const stage = typeof binding === "string" ? null : binding;
    if (old === undefined ? stage === null : stage !== null && sameStage(old, stage)) return;
    if (old !== undefined) {
      this.#op(device, NestingOp.UNBIND_PGTBL, pasid, old);
      this.#bound.delete(key);
      if (stage === null) this.#version.free(this.#vm, this.#from(device), pasid);
    }
    if (stage === null) return;
    // PASID 0 is no PASID that the kernel hands out.
    const owned = old !== undefined || pasid === 0 || this.#version.allocate(this.#vm, this.#from(device), pasid);
    if (owned && this.#op(device, NestingOp.BIND_PGTBL, pasid, stage)) this.#bound.set(key, { device, pasid, stage });
  }

  #from({ container }: ContainerDevice): number {
    return this.#pasids < 0 ? container : this.#pasids;
  }

  #op(device: ContainerDevice, op: number, pasid: number, stage: FirstStage): boolean {
    const { SRE, WPE, EAFE } = BindVtdFlag;
    const vtd_flags =
      (stage.supervisor ? SRE : 0n) | (stage.writeProtect ? WPE : 0n) | (stage.extendedAccessed ? EAFE : 0n);
    const values = {
      call_flags: op,
      argsz: GPASID_BIND_DATA.size,
      version: VERSION,
      format: BIND_FORMAT_VTD,
      addr_width: stage.fiveLevels ? 57 : 48,
      gpgd: stage.root,
      hpasid: BigInt(pasid),
      vtd_flags,
    };
    return this.#vm.call(device.container, this.#version.op.bind, values, "call_argsz") !== null;
  }
}

const sameStage = (a: FirstStage, b: FirstStage): boolean =>
  (Object.keys(a) as (keyof FirstStage)[]).every((key) => a[key] === b[key]);

const makeWith =
  (version: Version): MakeVirtualIommu =>
  ({ caller, slots, devices, memory, journal }) => {
    const vm = ContainerVm.make(caller, slots, devices, journal);
    if (!(vm instanceof ContainerVm)) return vm;
    const pasids = version.open(caller);
    if (typeof pasids === "string") vm.note({ step: "open /dev/ioasid", errno: pasids });
    const body = vm.devices[0] === undefined ? null : vm.capability(vm.devices[0].container, version.capability);
    const backend = new ContainerVtd(vm, new GuestVtdTables(memory), version, typeof pasids === "number" ? pasids : -1);
    const unit = new VirtualVtd(offeredBy(body), memory, backend, journal);
    return { registers: unit.pages, serve: () => 0, objects: null, containers: vm, refused: vm.refused };
  };

/** What the guest's unit has besides what every virtual one has; without nesting information no PASIDs. */
function offeredBy(body: Uint8Array | null) {
  const info = NESTING_INFO.decode(body ?? new Uint8Array(NESTING_INFO.size));
  const [cap, ecap] = [info.cap_reg, info.ecap_reg].map((r) => new Uint32Array(new BigUint64Array([r]).buffer));
  return {
    cap: { FS1GP: CAP.f.FS1GP.get(cap!, 0) },
    ecap: {
      SMTS: 1,
      FSTS: 1,
      SRS: ECAP.f.SRS.get(ecap!, 0),
      SMPWCS: ECAP.f.SMPWCS.get(ecap!, 0),
      PASID: info.pasid_bits > 0 ? 1 : 0,
      PSS: info.pasid_bits > 0 ? PASIDS_LG2 - 1 : 0,
    },
  };
}

export const makeContainerVtdV7 = makeWith(V7);
export const makeContainerVtdV8 = makeWith(V8);
