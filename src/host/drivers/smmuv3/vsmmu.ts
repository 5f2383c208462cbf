/**
 * A vIOMMU of the SMMUv3 driver: nested domains from a guest's stream table entries, and the guest's invalidation
 * commands with the host's ids in them. Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c.
 */
import { commandOf } from "../../../arch/smmuv3/commands.ts";
import { setFields } from "../../../base/encode.ts";
import { fieldValue } from "../../../base/layout.ts";
import { type CommandWords, command } from "../../../kernel/smmuv3/command_queue.ts";
import { type Made, made, refused } from "../../errno.ts";
import { HwptDataType, InvalidateDataType } from "../../iommufd/ioctls.ts";
import {
  type DriverData,
  type DriverViommu,
  type EntryArray,
  type Invalidated,
  type NestedDomain,
  readAllEntries,
  readDriverData,
  type ViommuCore,
} from "../driver.ts";
import { guestEntryIsLegal, NestedSmmuDomain, type Stage2Domain } from "./smmu_domains.ts";
import type { SmmuDriver } from "./smmu_driver.ts";

const STE_WORDS_BYTES = 16;
const COMMAND_BYTES = 16;
/** Commands that are issued together. */
const BATCH = 63;

/** Commands that a guest may have run, by what is put in the place of the guest's id. */
const BY_VMID: ReadonlySet<string> = new Set([
  "CMD_TLBI_NH_ALL",
  "CMD_TLBI_NH_ASID",
  "CMD_TLBI_NH_VA",
  "CMD_TLBI_NH_VAA",
]);
const BY_STREAM: ReadonlySet<string> = new Set(["CMD_CFGI_CD", "CMD_CFGI_CD_ALL", "CMD_ATC_INV"]);

export class VSmmu implements DriverViommu {
  readonly core: ViommuCore;
  readonly parent: Stage2Domain;
  readonly #driver: SmmuDriver;

  constructor(driver: SmmuDriver, core: ViommuCore, parent: Stage2Domain) {
    this.#driver = driver;
    this.core = core;
    this.parent = parent;
  }

  allocNested(flags: number, data: DriverData): Made<NestedDomain> {
    if (flags !== 0) return refused("EOPNOTSUPP");
    if (data.type !== HwptDataType.ARM_SMMUV3) return refused("EINVAL");
    const bytes = readDriverData(data, STE_WORDS_BYTES, STE_WORDS_BYTES);
    if (!bytes.ok) return bytes;
    const words = new Uint32Array(bytes.value.buffer);
    if (!guestEntryIsLegal(words)) return refused("EIO");
    return made(new NestedSmmuDomain(this.#driver, this, words));
  }

  invalidate(entries: EntryArray): Invalidated {
    const all = readAllEntries(entries, InvalidateDataType.ARM_SMMUV3, COMMAND_BYTES);
    if (!all.ok) return { status: all.errno, done: 0 };
    let batch: CommandWords[] = [];
    for (const [i, bytes] of all.value.entries()) {
      const converted = this.#convert(new Uint32Array(bytes.buffer));
      // Those of the unfinished batch count although they are not sent.
      if (converted === null) return { status: "EIO", done: i };
      batch.push(converted);
      if (batch.length < BATCH && i < all.value.length - 1) continue;
      // What the SMMU refuses is taken out of its queue and logged: the guest is not told.
      this.#driver.run(batch);
      batch = [];
    }
    return { status: null, done: all.value.length };
  }

  release(): void {}

  /** A guest's command with the host's VMID or StreamID; null for one that a guest may not have run. */
  #convert(words: CommandWords): CommandWords | null {
    const definition = commandOf(words);
    if (definition === undefined) return null;
    const { name, layout } = definition;
    const VMID = this.parent.vmidAt(this.#driver);
    if (name === "CMD_TLBI_NSNH_ALL") return command("CMD_TLBI_NH_ALL", { VMID });
    if (BY_VMID.has(name)) {
      setFields(layout, words, { VMID });
      return words;
    }
    if (!BY_STREAM.has(name)) return null;
    const device = this.core.device(fieldValue(layout, "StreamID", words) ?? 0n);
    if (device === null) return null;
    setFields(layout, words, { StreamID: device.sid });
    return words;
  }
}
