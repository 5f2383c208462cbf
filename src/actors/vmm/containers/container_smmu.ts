/**
 * Behind a virtual SMMUv3 on a kernel with SMMUv3 nesting over VFIO, v16: the address of each guest context is handed to
 * the device's container, each invalidation is a call of its own, faults come out of a region of the device. The VMM is as
 * QEMU's "vSMMUv3/pSMMUv3 2 stage VFIO integration" was.
 *
 * The kernel says nothing of its SMMU, so that the guest is offered what the VMM takes for granted: range invalidation,
 * which the kernel asks for, and no substreams, which it refuses.
 */
import { commandOf } from "../../../arch/smmuv3/commands.ts";
import { STE, SteConfig } from "../../../arch/smmuv3/ste.ts";
import { fieldValue } from "../../../base/layout.ts";
import {
  CACHE_INVALIDATE,
  CACHE_INVALIDATE_INFO,
  CacheType,
  Granularity,
  InvalidateFlag,
  PASID_TABLE_CONFIG,
  PASID_TABLE_SMMUV3,
  PasidTableConfig,
  SET_PASID_TABLE,
  SetTableFlag,
} from "../../../host/vfio/ioctls_before_iommufd.ts";
import { virtualIdentity } from "../virtual_identity.ts";
import type { MakeVirtualIommu } from "../virtual_iommu.ts";
import { type SmmuBackend, VirtualSmmu } from "../virtual_smmu.ts";
import { ContainerFaults } from "./container_faults.ts";
import { type ContainerDevice, ContainerVm } from "./container_vm.ts";

const VERSION = 1;
/** What the guest is offered besides what every virtual SMMU has. */
const OFFERED = {
  IDR0: { S1P: 1, TTF: 2, COHACC: 1, ASID16: 1, ST_LEVEL: 1, STALL_MODEL: 1, TTENDIAN: 2 },
  IDR3: { RIL: 1 },
  IDR5: { OAS: 5, GRAN4K: 1 },
};
/** log2 of the bytes of a granule, by TG; a command without a range has TG 0, and pages of 4 KiB here. */
const GRANULES_LG2 = [12n, 12n, 14n, 16n];

/** The value of a command's field. */
type Operand = (field: string) => bigint;
type Invalidation = Partial<Parameters<typeof CACHE_INVALIDATE.whole.encode>[0]>;

class ContainerSmmu implements SmmuBackend {
  readonly #vm: ContainerVm;
  /** Configuration of each device's table, as it was last taken. */
  readonly #configs = new Map<number, number>();
  /** The STE that each device's table was last taken from. */
  readonly #tables = new Map<number, Uint32Array>();

  constructor(vm: ContainerVm) {
    this.#vm = vm;
  }

  install(sid: number, ste: Uint32Array | null): void {
    const { f } = STE;
    const config = ste !== null && f.V.get(ste, 0) === 1 ? f.Config.get(ste, 0) : SteConfig.ABORT;
    if (config === SteConfig.STAGE_1) this.#translate(sid, ste!);
    else this.#set(sid, config === SteConfig.BYPASS ? PasidTableConfig.BYPASS : PasidTableConfig.ABORT);
  }

  disabled(sid: number, pass: boolean): void {
    this.#set(sid, pass ? PasidTableConfig.BYPASS : PasidTableConfig.ABORT);
  }

  /** There is no call that takes commands as they are, and none that takes several. */
  invalidate(commands: readonly Uint32Array[]): void {
    for (const words of commands) {
      const { name, layout } = commandOf(words)!;
      const operand: Operand = (field) => fieldValue(layout, field, words) ?? 0n;
      if (name === "CMD_CFGI_CD" || name === "CMD_CFGI_CD_ALL") this.#contextChanged(Number(operand("StreamID")));
      const values = invalidationOf(name, operand);
      if (values !== null) for (const device of this.#vm.devices) this.#invalidate(device, values);
    }
  }

  #translate(sid: number, ste: Uint32Array): void {
    // A table is not taken in place of another.
    if (this.#configs.get(sid) === PasidTableConfig.TRANSLATE) this.#unset(sid);
    const { f } = STE;
    this.#set(sid, PasidTableConfig.TRANSLATE, {
      base_ptr: BigInt(f.S1ContextPtr.address(ste, 0)),
      pasid_bits: f.S1CDMax.get(ste, 0),
      s1fmt: f.S1Fmt.get(ste, 0),
      s1dss: f.S1DSS.get(ste, 0),
    });
    this.#tables.set(sid, ste);
  }

  /** CHOICE(vfio-nesting-cd): v16 has no call for a context that changed; the table is taken away and set again. */
  #contextChanged(sid: number): void {
    const ste = this.#tables.get(sid);
    if (this.#configs.get(sid) === PasidTableConfig.TRANSLATE && ste !== undefined) this.#translate(sid, ste);
  }

  #set(sid: number, config: number, table: Partial<Parameters<typeof SET_PASID_TABLE.whole.encode>[0]> = {}): void {
    const common = { argsz: PASID_TABLE_CONFIG.size, version: VERSION, format: PASID_TABLE_SMMUV3, config };
    const { container } = this.#vm.device(sid)!;
    const values = { call_flags: SetTableFlag.SET, ...common, smmuv3_version: VERSION, ...table };
    const taken = this.#vm.call(container, SET_PASID_TABLE.whole, values, "call_argsz") !== null;
    if (taken) this.#configs.set(sid, config);
  }

  #unset(sid: number): void {
    const { container } = this.#vm.device(sid)!;
    this.#vm.call(container, SET_PASID_TABLE, { flags: SetTableFlag.UNSET }, "argsz");
    this.#configs.delete(sid);
  }

  #invalidate({ container }: ContainerDevice, values: Invalidation): void {
    const common = { argsz: CACHE_INVALIDATE_INFO.size, version: VERSION, cache: CacheType.IOTLB };
    this.#vm.call(container, CACHE_INVALIDATE.whole, { ...common, ...values }, "call_argsz");
  }
}

/** A guest's command in the words of every IOMMU; null for one that has none there. */
function invalidationOf(name: string, operand: Operand): Invalidation | null {
  switch (name) {
    case "CMD_TLBI_NH_ALL":
    case "CMD_TLBI_NSNH_ALL":
      return { granularity: Granularity.DOMAIN };
    case "CMD_TLBI_NH_ASID":
      return { granularity: Granularity.PASID, ...ofAsid(operand) };
    case "CMD_TLBI_NH_VAA":
      return range(operand, { flags: 0 });
    case "CMD_TLBI_NH_VA":
      return range(operand, ofAsid(operand));
    default:
      // UNMODELLED: device TLBs: v16 refuses their invalidation, and its driver did it by itself.
      return null;
  }
}

const ofAsid = (operand: Operand) => ({ flags: InvalidateFlag.ARCHID, archid: Number(operand("ASID")) });

function range(operand: Operand, whose: { readonly flags: number; readonly archid?: number }): Invalidation {
  const tg = Number(operand("TG"));
  const leaf = operand("Leaf") === 1n ? InvalidateFlag.LEAF : 0;
  return {
    granularity: Granularity.ADDR,
    ...whose,
    flags: whose.flags | leaf,
    addr: operand("Address"),
    granule_size: 1n << GRANULES_LG2[tg]!,
    nb_granules: tg === 0 ? 1n : (operand("NUM") + 1n) << operand("SCALE"),
  };
}

/** The guest owns its contexts; its commands go through the VMM, one call each. */
export const makeContainerSmmu: MakeVirtualIommu = ({ caller, slots, devices, memory, journal }) => {
  const vm = ContainerVm.make(caller, slots, devices, journal);
  if (!(vm instanceof ContainerVm)) return vm;
  const sids = devices.map((d) => d.virtualId);
  const smmu = new VirtualSmmu(virtualIdentity(null, OFFERED), sids, memory, new ContainerSmmu(vm), journal);
  const regions = vm.devices.flatMap((device) => ContainerFaults.of(vm, device) ?? []);
  const serve = (): number => {
    const events = regions.flatMap((region) => region.take());
    return events.filter((event) => smmu.event(event)).length;
  };
  return { registers: smmu.pages, serve, objects: null, containers: vm, refused: vm.refused };
};
