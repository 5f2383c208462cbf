/**
 * What is attached to devices behind an AMD IOMMU: as device table entries, and as what has to be invalidated where. Linux
 * 7.2, drivers/iommu/amd/iommu.c (set_dte_entry, __domain_flush_pages) and nested.c.
 *
 * Guest tables are reached through a GCR3 table that is the device's own, and so is the domain id that tags what is cached
 * of them.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { encodeFields, type FieldNumbers, setFields } from "../../../base/encode.ts";
import type { AlignedRange } from "../../../kernel/address_range.ts";
import type { Command } from "../../../kernel/amdvi/command_buffer.ts";
import { BLOCKED } from "../../../kernel/amdvi/device_table.ts";
import { Gcr3Table } from "../../../kernel/amdvi/gcr3_table.ts";
import { dropDevice, dropFromDevice, dropPages, dropPasidPages } from "../../../kernel/amdvi/invalidations.ts";
import type { AmdIommu } from "../../../kernel/amdvi/iommu.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Errno, Status } from "../../errno.ts";
import type { Attachment, HostDevice } from "../driver.ts";
import { AmdNested, type AmdPaging } from "./amd_domains.ts";
import type { AmdDriver } from "./amd_driver.ts";

/** HAD: accessed and dirty bits. */
const TRACK_DIRTY = 3;
/** With GIoV requests without a PASID go through the tables of PASID 0. */
const RID_PASID = 0;

/** A device's way to guest tables. */
interface OwnTables {
  readonly gcr3: Gcr3Table;
  readonly domainId: number;
}

interface Installed {
  readonly device: HostDevice;
  readonly domain: AmdPaging | AmdNested;
  /** Of guest tables of the kernel's. */
  readonly own: OwnTables | null;
  /** Takes page requests; null for nobody. */
  readonly faults: Attachment["faults"];
}

export class Attachments {
  readonly #driver: AmdDriver;
  readonly #iommu: AmdIommu;
  readonly #memory: OwnMemory;
  readonly #whose: (device: HostDevice) => readonly FieldNumbers[];
  /** Host tables that DeviceIDs of no device lead to. */
  readonly #led = new Map<number, AmdPaging>();
  #installed: readonly Installed[] = [];

  /** @param whose fields of a device's entry besides those of translation */
  constructor(
    driver: AmdDriver,
    iommu: AmdIommu,
    memory: OwnMemory,
    whose: (device: HostDevice) => readonly FieldNumbers[],
  ) {
    this.#driver = driver;
    this.#iommu = iommu;
    this.#memory = memory;
    this.#whose = whose;
  }

  /** Put a domain in place of what is there. */
  install({ device, faults }: Omit<Attachment, "domain">, domain: AmdPaging | AmdNested): Status {
    const own = this.#ownTables(domain);
    if (typeof own === "string") return own;
    const old = this.#find(device);
    const now = { device, domain, own, faults };
    this.#installed = [...this.#without(device), now];
    tablesOf(domain).walkers.add(this.#driver);
    this.#write(device, entryOf(now));
    this.#leave(old);
    return null;
  }

  /** Refuse the requests of a device. */
  remove(device: HostDevice): void {
    const old = this.#find(device);
    this.#installed = this.#without(device);
    this.#write(device, encodeFields(DTE, BLOCKED));
    this.#leave(old);
  }

  /** Who takes the page requests of a device, where its PASIDs are a guest's; null for nobody. */
  takerOf(sid: number): Attachment["faults"] {
    const installed = this.#installed.find(({ device }) => device.sid === sid);
    return installed?.domain instanceof AmdNested ? installed.faults : null;
  }

  /** Fields that are not of translation have changed: the device's entry says so. */
  renew(device: HostDevice): void {
    const installed = this.#find(device);
    this.#write(device, installed === undefined ? encodeFields(DTE, BLOCKED) : entryOf(installed));
  }

  /** Have the entry of what is no device of the host's lead to host tables; null for nowhere. */
  lead(deviceId: number, domain: AmdPaging | null): void {
    const old = this.#led.get(deviceId);
    if (domain === null) this.#led.delete(deviceId);
    else this.#led.set(deviceId, domain);
    domain?.walkers.add(this.#driver);
    this.#iommu.devices.write(deviceId, domain === null ? BLOCKED : hostEntry(domain));
    const left = old === undefined || old === domain ? [] : [dropPages(old.domainId, null)];
    this.#iommu.run(dropDevice(deviceId), ...left);
    if (old !== undefined) this.#forgetUnused(old);
  }

  /** What a domain is like has changed: entries of it and of what nests on it say so. */
  rewrite(changed: AmdPaging): void {
    for (const [deviceId, domain] of this.#led) if (domain === changed) this.lead(deviceId, domain);
    for (const installed of this.#installed) {
      if (installed.domain === changed || nestsOn(installed, changed))
        this.#write(installed.device, entryOf(installed));
    }
  }

  /** What drops a range of a domain wherever it is used, and everything of what nests on it, whose addresses are others. */
  dropping(changed: AmdPaging, range: AlignedRange): Command[] {
    const nested = this.#installed.filter((installed) => nestsOn(installed, changed));
    const used = this.#installed.filter(({ domain }) => domain === changed);
    const led = [...this.#led.values()].includes(changed);
    return [
      ...(changed.format === "host" && (led || used.length > 0) ? [dropPages(changed.domainId, range)] : []),
      ...used.flatMap(({ own }) => (own === null ? [] : [dropPasidPages(own.domainId, RID_PASID, range)])),
      ...nested.map(({ domain }) => dropPages(domain.domainId, range)),
      ...used.flatMap(({ device }) => ofDevice(device, range)),
      ...nested.flatMap(({ device }) => ofDevice(device, null)),
    ];
  }

  #find(device: HostDevice): Installed | undefined {
    return this.#installed.find((i) => i.device === device);
  }

  #without(device: HostDevice): Installed[] {
    return this.#installed.filter((i) => i.device !== device);
  }

  /** A device's way to a domain of guest tables; null for any other domain. */
  #ownTables(domain: AmdPaging | AmdNested): OwnTables | null | Errno {
    if (domain instanceof AmdNested || domain.format === "host") return null;
    const { domainIds } = this.#driver;
    const domainId = domainIds.take();
    if (domainId === null) return "ENOSPC";
    const gcr3 = Gcr3Table.make(this.#memory);
    if (gcr3 === null) {
      domainIds.release(domainId);
      return "ENOMEM";
    }
    gcr3.set(RID_PASID, domain.tables.root);
    return { gcr3, domainId };
  }

  /** Nothing leads to what was installed any more, and nothing is cached of it. */
  #leave(old: Installed | undefined): void {
    if (old === undefined) return;
    this.#forgetUnused(tablesOf(old.domain));
    old.own?.gcr3.release();
    if (old.own !== null) this.#driver.domainIds.release(old.own.domainId);
  }

  /** No entry leads to tables of the kernel's any more: their changes are of no concern here. */
  #forgetUnused(tables: AmdPaging): void {
    const used = this.#installed.some(({ domain }) => tablesOf(domain) === tables);
    if (!used && ![...this.#led.values()].includes(tables)) tables.walkers.delete(this.#driver);
  }

  /**
   * Write a device's entry, and drop what is cached of the device and of the domain that it leaves.
   * CHOICE(amd-leave-nested): Linux 7.2 has nothing dropped of a nested domain that a device leaves, nor when its id is
   * freed for others; here it is done as with other domains.
   */
  #write(device: HostDevice, entry: Uint32Array): void {
    const { devices } = this.#iommu;
    const before = DTE.f.DomainID.get(devices.read(device.sid), 0);
    for (const fields of this.#whose(device)) setFields(DTE, entry, fields);
    devices.writeWords(device.sid, entry);
    this.#iommu.run(dropDevice(device.sid), dropPages(before, null), ...ofDevice(device, null));
  }
}

/** Tables of the kernel's that a domain is, or nests on. */
const tablesOf = (domain: AmdPaging | AmdNested): AmdPaging => (domain instanceof AmdNested ? domain.parent : domain);

const nestsOn = ({ domain }: Installed, parent: AmdPaging): boolean =>
  domain instanceof AmdNested && domain.parent === parent;

/** What drops a range of a device's own translations, whatever PASID they are of. @param range null for everything */
const ofDevice = ({ sid, ats }: HostDevice, range: AlignedRange | null): Command[] =>
  ats ? [dropFromDevice(sid, null, range)] : [];

/** Fields of an entry that translates by host tables. */
const hostEntry = (domain: AmdPaging): FieldNumbers => ({
  V: 1,
  TV: 1,
  IR: 1,
  IW: 1,
  Mode: domain.tables.level + 1,
  HostPageTableRootPtr: domain.tables.root,
  DomainID: domain.domainId,
});

/** Words of an entry, as far as it is of translation. */
function entryOf({ device, domain, own }: Installed): Uint32Array {
  if (domain instanceof AmdNested && !domain.valid) return encodeFields(DTE, BLOCKED);
  const words = own === null ? translatedByHost(domain) : translatedByGuest(own, device);
  DTE.f.I.set(words, 0, device.ats ? 1 : 0);
  return words;
}

/** Of a domain that is, or nests on, host tables. */
function translatedByHost(domain: AmdPaging | AmdNested): Uint32Array {
  const nested = domain instanceof AmdNested;
  const parent = tablesOf(domain);
  const words = encodeFields(DTE, hostEntry(parent));
  DTE.f.HAD.set(words, 0, parent.tracking ? TRACK_DIRTY : 0);
  if (!nested) return words;
  domain.takeOver(words);
  setFields(DTE, words, { GV: 1, DomainID: domain.domainId });
  return words;
}

function translatedByGuest({ gcr3, domainId }: OwnTables, { pri }: HostDevice): Uint32Array {
  const fields = { V: 1, TV: 1, IR: 1, IW: 1, GV: 1, GIoV: 1, DomainID: domainId, PPR: pri ? 1 : 0 };
  const words = encodeFields(DTE, fields);
  setFields(DTE, words, gcr3.root);
  return words;
}
