/**
 * Domains of the SMMUv3 driver: stage 1 and stage 2 tables of the kernel's, and nested ones of a guest's.
 * Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c and arm-smmu-v3-iommufd.c.
 */
import { STAGE_1_FIELDS, STE, SteConfig } from "../../../arch/smmuv3/ste.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import { type CommandWords, command } from "../../../kernel/smmuv3/command_queue.ts";
import { rangeInvalidation } from "../../../kernel/smmuv3/range_invalidation.ts";
import { vmsav8Entries } from "../../../pagetable/entries/vmsav8.ts";
import { entrySizeLg2 } from "../../../pagetable/format.ts";
import type { GranuleLg2 } from "../../../pagetable/formats/vmsav8.ts";
import type { Status } from "../../errno.ts";
import type { LeasedVmid } from "../../kvm/kvm.ts";
import type { DirtyTracking, HostDevice, IommuDriver, NestedDomain } from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import type { PartitionMap } from "./partition_map.ts";
import type { SmmuDriver } from "./smmu_driver.ts";
import type { VSmmu } from "./vsmmu.ts";

/** Stage of a domain's tables, and what they are made of. */
abstract class SmmuTables extends TableDomain {
  /** Of the SMMU that it was made for. */
  readonly driver: SmmuDriver;
  readonly granuleLg2: GranuleLg2;
  readonly kindOfTables: TableKind;
  abstract readonly stage: 1 | 2;
  // HTTU is what dirty tracking would need, and the driver offers none without it.
  readonly dirty?: DirtyTracking;

  constructor(driver: SmmuDriver, memory: OwnMemory, kind: TableKind, root: number) {
    super(memory, kind, root);
    this.driver = driver;
    this.kindOfTables = kind;
    this.granuleLg2 = kind.maker.fmt.granuleLg2 as GranuleLg2;
  }

  enforceCoherency(): boolean {
    // Nothing in the tables: a promise that holds for devices whose root complex keeps it.
    return this.driver.config.coherentRootComplex;
  }
}

/** Stage 1 of the kernel's: reached through a context descriptor. */
export class Stage1Domain extends SmmuTables {
  readonly stage = 1;
  readonly asid: number;

  constructor(driver: SmmuDriver, memory: OwnMemory, kind: TableKind, root: number, asid: number) {
    super(driver, memory, kind, root);
    this.asid = asid;
  }

  protected invalidate(iova: bigint, length: bigint): void {
    const { driver, granuleLg2, asid: ASID } = this;
    const [at, bytes] = [Number(iova), Number(length)];
    const target = { name: "CMD_TLBI_NH_VA", operands: { ASID }, granuleLg2 } as const;
    driver.run(rangeInvalidation(target, at, bytes, driver.ranges) ?? [command("CMD_TLBI_NH_ASID", { ASID })]);
    driver.dropFromDevices(this, at, bytes);
  }

  override release(): void {
    this.driver.run([command("CMD_TLBI_NH_ASID", { ASID: this.asid })]);
    this.driver.asids.release(this.asid);
    super.release();
  }
}

/** An SMMU that walks a stage 2. */
interface Walker {
  readonly smmu: SmmuDriver;
  readonly vmid: LeasedVmid;
}

/** What a stage 2 has besides its tables. */
interface Stage2Parts {
  /** That it was made for. */
  readonly device: HostDevice;
  readonly vmid: LeasedVmid;
  readonly nestParent: boolean;
  /** Its leaves force write-back, which takes S2FWB. */
  readonly forced: boolean;
  readonly partitions: PartitionMap | null;
}

/** Stage 2: reached through the stream table entry. A nesting parent has nested domains above it. */
export class Stage2Domain extends SmmuTables {
  readonly stage = 2;
  readonly nestParent: boolean;
  readonly forced: boolean;
  /** PARTIDs of a guest; null where it has none. */
  readonly partitions: PartitionMap | null;
  readonly #device: HostDevice;
  /** SMMUs that walk it: each tags what it caches with a VMID of its own. */
  readonly #walkers = new Map<IommuDriver, Walker>();

  constructor(
    driver: SmmuDriver,
    memory: OwnMemory,
    kind: TableKind,
    root: number,
    { device, vmid, nestParent, forced, partitions }: Stage2Parts,
  ) {
    super(driver, memory, kind, root);
    this.#device = device;
    this.#walkers.set(driver, { smmu: driver, vmid });
    this.nestParent = nestParent;
    this.forced = forced;
    this.partitions = partitions;
  }

  /** The VMID of its translations in an SMMU; 0, which none has, where that does not walk it. */
  vmidAt(driver: IommuDriver): number {
    return this.#walkers.get(driver)?.vmid.vmid ?? 0;
  }

  /**
   * Another SMMU walks the same tables from now on. CHOICE(shared-vmid): it has one VMID there as long as the tables are;
   * the posted series gives each vIOMMU and each plain attachment one.
   */
  share(smmu: SmmuDriver): Status {
    const vmid = smmu.leaseVmid(this.#device);
    if (vmid === null) return "ENOSPC";
    this.#walkers.set(smmu, { smmu, vmid });
    return null;
  }

  protected invalidate(iova: bigint, length: bigint): void {
    const [at, bytes] = [Number(iova), Number(length)];
    for (const { smmu, vmid } of this.#walkers.values()) {
      smmu.run(this.#invalidations({ VMID: vmid.vmid }, at, bytes, smmu.ranges));
      smmu.dropFromDevices(this, at, bytes);
    }
  }

  override release(): void {
    const { partitions } = this;
    for (const { smmu, vmid } of this.#walkers.values()) {
      const operands = { VMID: vmid.vmid };
      const map = partitions === null ? [] : [command("CMD_CFGI_VMS_PIDM", operands)];
      smmu.run([...map, command("CMD_TLBI_S12_VMALL", operands)]);
      vmid.end();
    }
    partitions?.release();
    super.release();
  }

  /** Commands that drop a range from the caches of one SMMU. */
  #invalidations(operands: FieldNumbers, at: number, bytes: number, ranges: boolean): CommandWords[] {
    const target = { name: "CMD_TLBI_S2_IPA", operands, granuleLg2: this.granuleLg2 } as const;
    const commands = rangeInvalidation(target, at, bytes, ranges);
    // Combined translations of a guest hold what stage 2 said.
    const combined = this.nestParent ? [command("CMD_TLBI_NH_ALL", operands)] : [];
    return [...(commands ?? [command("CMD_TLBI_S12_VMALL", operands)]), ...combined];
  }
}

/** A guest's stage 1 over a stage 2 of the kernel's, as the guest's stream table entry describes it. */
export class NestedSmmuDomain implements NestedDomain {
  readonly kind = "nested";
  readonly driver: SmmuDriver;
  readonly vsmmu: VSmmu;
  /** `translate` needs a vDEVICE, the others do not. */
  readonly config: "abort" | "bypass" | "translate";
  /** What the guest set, by field. */
  readonly guest: FieldNumbers;
  /** The guest wants ATS. */
  readonly ats: boolean;

  constructor(driver: SmmuDriver, vsmmu: VSmmu, words: Uint32Array) {
    this.driver = driver;
    this.vsmmu = vsmmu;
    const config = STE.f.V.get(words, 0) === 0 ? ABORT : STE.f.Config.get(words, 0);
    this.config = config === STAGE_1 ? "translate" : config === BYPASS ? "bypass" : "abort";
    this.guest = Object.fromEntries(STAGE_1_FIELDS.map((name) => [name, guestField(words, name)]));
    this.ats = this.config === "translate" && STE.f.EATS.get(words, 0) === 1;
  }

  release(): void {}
}

const { ABORT, BYPASS, STAGE_1 } = SteConfig;
const FULL_ATS = 1;

function guestField(words: Uint32Array, name: (typeof STAGE_1_FIELDS)[number]): number {
  if (name !== "S1ContextPtr") return STE.f[name].get(words, 0);
  return STE.f.S1ContextPtr.address(words, 0);
}

/** Whether the kernel takes a guest's entry: only fields that are the guest's, with values that it may choose. */
export function guestEntryIsLegal(words: Uint32Array): boolean {
  if (STE.f.V.get(words, 0) === 0) return true;
  const rest = words.slice(0, 4);
  for (const name of [...STAGE_1_FIELDS, "V", "Config", "EATS"] as const) {
    const f = STE.f[name];
    f.set(rest, 0, 0, 0);
  }
  const config = STE.f.Config.get(words, 0);
  const known = config === ABORT || config === BYPASS || config === STAGE_1;
  return known && STE.f.EATS.get(words, 0) <= FULL_ATS && rest.every((word) => word === 0);
}

/**
 * Geometry of stage 1 and stage 2 tables with a granule, for addresses of some bits to others of some bits.
 * @param forced stage 2 is walked with S2FWB
 */
export function tableKind(
  stage: 1 | 2,
  granuleLg2: GranuleLg2,
  bits: number,
  outputBits: number,
  forced = false,
): TableKind {
  const maker = vmsav8Entries(stage, granuleLg2, false, forced);
  const strideLg2 = maker.fmt.strideLg2;
  let level = Math.ceil((bits - granuleLg2) / strideLg2) - 1;
  // Stage 2 joins up to 16 tables into one at the top instead of having a level more (DDI 0487 §D8.2).
  if (stage === 2 && level > 0 && bits - entrySizeLg2(maker.fmt, level) <= 4) level--;
  const aperture = { start: 0n, last: (1n << BigInt(bits)) - 1n };
  return { maker, shape: { level, inputBits: bits }, aperture, outputBits };
}
