/**
 * What is attached to devices and their PASIDs behind a VT-d unit: as entries in memory, and as what has to be invalidated
 * where. Linux 7.2, drivers/iommu/intel/pasid.c, nested.c and cache.c.
 */
import { Pgtt } from "../../../arch/vtd/pasid_entries.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import type { AlignedRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Descriptor } from "../../../kernel/vtd/invalidation_queue.ts";
import { RID_PASID } from "../../../kernel/vtd/invalidations.ts";
import { RequesterEntries } from "../../../kernel/vtd/requester_entries.ts";
import type { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import type { Status } from "../../errno.ts";
import type { Attachment, HostDevice } from "../driver.ts";
import { VtdNested, VtdPaging } from "./vtd_domains.ts";
import type { VtdDriver } from "./vtd_driver.ts";
import { addressWidthCode } from "./vtd_tables.ts";

export type VtdDomain = VtdPaging | VtdNested;

/** Flags of a guest's first stage (iommu_hwpt_vtd_s1). */
export const NestedFlag = { SRE: 1n, EAFE: 2n, WPE: 4n } as const;

interface Installed {
  readonly device: HostDevice;
  readonly pasid: number;
  readonly domain: VtdDomain;
  /** Takes page requests; null for nobody. */
  readonly faults: Attachment["faults"];
}

export class Attachments {
  readonly #driver: VtdDriver;
  readonly #unit: RemappingUnit;
  readonly #entries: RequesterEntries;
  #installed: readonly Installed[] = [];
  /** Requesters with a cache of their own. */
  readonly #withDeviceTlb = new Set<number>();

  constructor(driver: VtdDriver, unit: RemappingUnit, memory: OwnMemory) {
    this.#driver = driver;
    this.#unit = unit;
    this.#entries = new RequesterEntries(
      unit,
      memory,
      (sid) => this.#withDeviceTlb.has(sid),
      (_what, descriptors) => void unit.run(...descriptors),
    );
  }

  /** A device was found: its requests are refused, by its own entry where it has one. @returns false without memory */
  add(device: HostDevice): boolean {
    if (device.ats) this.#withDeviceTlb.add(device.sid);
    if (!this.#unit.tables.scalable) return true;
    const pasids = device.maxPasidLog2 > 0 ? { PASIDE: 1 } : {};
    return this.#entries.prepare(device.sid, {
      ...(device.ats ? { DTE: 1 } : {}),
      ...(device.pri ? { PRE: 1 } : {}),
      ...pasids,
    });
  }

  /** Put a domain in place of what is there. @param pasid null for the device itself */
  install({ device, pasid, faults }: Omit<Attachment, "domain">, domain: VtdDomain): Status {
    const key = pasid ?? RID_PASID;
    if (!domain.ids.join(this.#driver)) return "ENOSPC";
    if (!this.#write(device, key, domain)) {
      domain.ids.leave(this.#driver);
      return "ENOMEM";
    }
    const old = this.#find(device, key);
    this.#installed = [...this.#without(device, key), { device, pasid: key, domain, faults }];
    old?.domain.ids.leave(this.#driver);
    return null;
  }

  /** Refuse the requests of a device or a PASID. */
  remove(device: HostDevice, pasid: number | null): void {
    const key = pasid ?? RID_PASID;
    const old = this.#find(device, key);
    this.#installed = this.#without(device, key);
    this.#entries.clear(device.sid, key);
    old?.domain.ids.leave(this.#driver);
  }

  /** What a domain is like has changed: the entries of it and of what nests on it say so. */
  rewrite(changed: VtdPaging): void {
    for (const { device, pasid, domain } of this.#installed) {
      if (domain === changed || (domain instanceof VtdNested && domain.parent === changed))
        this.#write(device, pasid, domain);
    }
  }

  /** Who takes the faults of a requester and PASID, null for the device itself; null for nobody. */
  takerOf(sid: number, pasid: number | null): Attachment["faults"] {
    const key = pasid ?? RID_PASID;
    return this.#installed.find((i) => i.device.sid === sid && i.pasid === key)?.faults ?? null;
  }

  /** What drops a range of a domain wherever it is used. @param range null for everything */
  dropping(changed: VtdDomain, range: AlignedRange | null, leavesOnly: boolean): Descriptor[] {
    const { drop } = this.#unit;
    const second = changed instanceof VtdPaging && changed.stage === 2;
    const used = this.#installed.filter(({ domain }) => domain === changed);
    const did = changed.ids.at(this.#driver);
    return [
      ...(second && used.length > 0 ? drop.secondStage(did, range, leavesOnly) : []),
      ...used.flatMap(({ device, pasid }) => [
        ...(second ? [] : drop.firstStage(did, pasid, range, leavesOnly)),
        ...this.#ofDevice(device, pasid, range),
      ]),
      ...(second ? this.#droppingAbove(changed) : []),
    ];
  }

  /** What guests cache of their first stage holds what the second one said. */
  #droppingAbove(parent: VtdPaging): Descriptor[] {
    const { drop } = this.#unit;
    return this.#installed.flatMap(({ device, pasid, domain }) => {
      if (!(domain instanceof VtdNested) || domain.parent !== parent) return [];
      const did = domain.ids.at(this.#driver);
      return [...drop.firstStage(did, pasid, null, false), ...drop.domain(did), ...this.#ofDevice(device, pasid, null)];
    });
  }

  #ofDevice({ sid, ats }: HostDevice, pasid: number, range: AlignedRange | null): Descriptor[] {
    return ats ? [this.#unit.drop.device(sid, pasid, range)] : [];
  }

  #find(device: HostDevice, pasid: number): Installed | undefined {
    return this.#installed.find((i) => i.device === device && i.pasid === pasid);
  }

  #without(device: HostDevice, pasid: number): Installed[] {
    return this.#installed.filter((i) => i.device !== device || i.pasid !== pasid);
  }

  #write(device: HostDevice, pasid: number, domain: VtdDomain): boolean {
    if (this.#unit.tables.scalable)
      return this.add(device) && this.#entries.setPasid(device.sid, pasid, this.#pasidFields(domain));
    const { tables, kindOfTables, ids } = domain as VtdPaging;
    return this.#entries.setContext(device.sid, {
      TT: device.ats ? 1 : 0,
      SSPTPTR: tables.root,
      AW: addressWidthCode(kindOfTables.shape.inputBits),
      DID: ids.at(this.#driver),
    });
  }

  #pasidFields(domain: VtdDomain): FieldNumbers & { readonly DID: number; readonly PGTT: number } {
    const common = {
      DID: domain.ids.at(this.#driver),
      ...(this.#unit.has("ECAP", "SMPWCS") === 1 ? { PWSNP: 1 } : {}),
    };
    if (domain instanceof VtdNested)
      return { ...secondStageFields(domain.parent), ...common, PGTT: Pgtt.Nested, ...firstStageFields(domain) };
    if (domain.stage === 2) return { ...secondStageFields(domain), ...common, PGTT: Pgtt.Second };
    return { ...common, ...snooping(domain), PGTT: Pgtt.First, FSPTPTR: domain.tables.root };
  }
}

const snooping = ({ snoops }: VtdPaging): FieldNumbers => (snoops ? { PGSNP: 1 } : {});

const secondStageFields = (domain: VtdPaging): FieldNumbers => ({
  SSPTPTR: domain.tables.root,
  AW: addressWidthCode(domain.kindOfTables.shape.inputBits),
  ...(domain.tracking ? { SSADE: 1 } : {}),
  ...snooping(domain),
});

/** A guest's first stage, by what it said of it. */
function firstStageFields({ config }: VtdNested): FieldNumbers {
  const has = (flag: bigint): boolean => (config.flags & flag) !== 0n;
  return {
    FSPTPTR: Number(config.pgtbl_addr & ~0xfffn),
    FSPM: config.addr_width === 57 ? 1 : 0,
    ...(has(NestedFlag.SRE) ? { SRE: 1 } : {}),
    // Only together with requests of supervisors.
    ...(has(NestedFlag.SRE) && has(NestedFlag.WPE) ? { WPE: 1 } : {}),
    ...(has(NestedFlag.EAFE) ? { EAFE: 1 } : {}),
  };
}
