/**
 * The host's driver of the Tegra241 CMDQV: it gives a guest a virtual interface with queues that the hardware reads by
 * itself. Linux 7.2, drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c.
 */
import { CMDQV_PAGE, CMDQV_STRIDE, cmdqvRegisterByName } from "../../../arch/smmuv3/cmdqv.ts";
import type { Notes } from "../../../kernel/notes.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { KernelRegisters } from "../../../kernel/registers.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwQueueType, VeventqType } from "../../iommufd/ioctls.ts";
import { struct, u8, u32, u64 } from "../../uapi_struct.ts";
import {
  type DriverData,
  type DriverViommu,
  type EntryArray,
  type HardwareQueues,
  type HostDevice,
  type Invalidated,
  type NestedDomain,
  type QueueRequest,
  readDriverData,
  type ViommuCore,
} from "../driver.ts";

const UAPI = "include/uapi/linux/iommufd.h";
const HW_INFO = struct("iommu_hw_info_tegra241_cmdqv", UAPI, [
  u32("flags", "zero"),
  u8("version", "version of the extension"),
  u8("log2vcmdqs", "log2 of the queues of an interface"),
  u8("log2vsids", "log2 of the StreamIDs that an interface replaces"),
  u8("__reserved", "zero"),
]);
const VIOMMU_DATA = struct("iommu_viommu_tegra241_cmdqv", UAPI, [
  u64("out_vintf_mmap_offset", "offset of the interface's first page in the iommufd file"),
  u64("out_vintf_mmap_length", "its bytes"),
]);

/** Interface 0 is the host's own. */
const FIRST_GUEST_INTERFACE = 1;
/** StreamIDs of a guest that the match registers hold. */
const MOST_VIRTUAL_ID = 0xfffffn;
const COMMAND_BYTES_LG2 = 4;
const LEAST_QUEUE = 32n;
const QUEUE_ADDRESS_END = 1n << 48n;
const ERROR_WORDS = 4;

/** Where the extension is. */
export interface CmdqvPlace {
  readonly pages: RegisterPages;
  /** Physical address of the first page. */
  readonly base: bigint;
}

/** What a virtual interface leaves to the SMMUv3 driver: nested domains and invalidation by calls. */
type StageOneOf = Required<Pick<DriverViommu, "allocNested" | "invalidate" | "release">>;

export class CmdqvDriver {
  readonly registers: KernelRegisters;
  readonly base: bigint;
  /** IDR1.CMDQS of the SMMU: log2 of the entries of the largest queue. */
  readonly largestLg2: number;
  readonly #interfaces = new Map<number, VirtualInterface>();

  constructor({ pages, base }: CmdqvPlace, notes: Notes, largestLg2: number) {
    this.registers = new KernelRegisters(pages, notes, cmdqvRegisterByName);
    this.base = base;
    this.largestLg2 = largestLg2;
    this.registers.writeFields("CMDQV_CONFIG", { CMDQV_EN: 1 });
    this.registers.writeFields("VINTF0_CONFIG", { ENABLE: 1, HYP_OWN: 1 });
  }

  /** log2 of a number of the extension. */
  parameter(name: "CMDQV_NUM_CMDQ_LOG2" | "CMDQV_NUM_VI_LOG2" | "CMDQV_NUM_SID_PER_VI_LOG2" | "CMDQV_VER"): number {
    return this.registers.field("CMDQV_PARAM", name);
  }

  get queuesPerInterfaceLg2(): number {
    return this.parameter("CMDQV_NUM_CMDQ_LOG2") - this.parameter("CMDQV_NUM_VI_LOG2");
  }

  info(): { readonly type: number; readonly bytes: Uint8Array } {
    const values = {
      version: this.parameter("CMDQV_VER"),
      log2vcmdqs: this.queuesPerInterfaceLg2,
      log2vsids: this.parameter("CMDQV_NUM_SID_PER_VI_LOG2"),
    };
    return { type: HwInfoType.TEGRA241_CMDQV, bytes: HW_INFO.encode(values) };
  }

  /** Give a vIOMMU an interface, whose commands get its VMID. */
  make(core: ViommuCore, vmid: number, stageOne: StageOneOf, data: DriverData | null): Made<DriverViommu> {
    if (data === null) return refused("EINVAL");
    const bytes = readDriverData(data, VIOMMU_DATA.size, VIOMMU_DATA.size);
    if (!bytes.ok) return bytes;
    const end = 2 ** this.parameter("CMDQV_NUM_VI_LOG2");
    let index = FIRST_GUEST_INTERFACE;
    while (this.#interfaces.has(index)) index++;
    if (index >= end) return refused("ENOSPC");
    const pa = this.base + BigInt(CMDQV_PAGE.VINTF_0 + index * CMDQV_STRIDE.VINTF_PAGES);
    const length = BigInt(CMDQV_STRIDE.PAGE);
    const out = { out_vintf_mmap_offset: core.exposePages(pa, length), out_vintf_mmap_length: length };
    if (!data.write(VIOMMU_DATA.encode(out))) return refused("EFAULT");
    this.registers.writeFields(`VINTF${index}_CONFIG`, { VMID: vmid });
    this.registers.writeFields(`VINTF${index}_CONFIG`, { VMID: vmid, ENABLE: 1 });
    if (this.registers.field(`VINTF${index}_STATUS`, "ENABLE_OK") !== 1) return refused("ETIMEDOUT");
    const owned = new VirtualInterface(this, core, index, stageOne);
    this.#interfaces.set(index, owned);
    return made(owned);
  }

  /** An interface is given back. */
  forget(index: number): void {
    this.registers.writeFields(`VINTF${index}_CONFIG`, {});
    this.#interfaces.delete(index);
  }

  /** Tell guests of errors in their queues, as the interrupt of the extension asks for. */
  interrupt(): void {
    const [low, high] = [0, 1].map((n) => Number(this.registers.read(`CMDQV_VI_ERR_MAP_${n}`)));
    for (const [index, owned] of this.#interfaces) {
      const map = index < 32 ? low! : high!;
      if (((map >>> (index & 31)) & 1) === 1) owned.reportErrors();
    }
  }
}

/** A virtual interface of a guest: its queues and the StreamIDs that are replaced in its commands. */
class VirtualInterface implements DriverViommu, HardwareQueues {
  readonly queues: HardwareQueues = this;
  readonly allocNested: (flags: number, data: DriverData) => Made<NestedDomain>;
  readonly invalidate: (entries: EntryArray) => Invalidated;
  readonly #driver: CmdqvDriver;
  readonly #core: ViommuCore;
  readonly #index: number;
  readonly #stageOne: StageOneOf;
  /** Devices by match register. */
  readonly #matches = new Map<number, HostDevice>();
  readonly #open = new Set<number>();

  constructor(driver: CmdqvDriver, core: ViommuCore, index: number, stageOne: StageOneOf) {
    this.#driver = driver;
    this.#core = core;
    this.#index = index;
    this.#stageOne = stageOne;
    this.allocNested = (flags, data) => stageOne.allocNested(flags, data);
    this.invalidate = (entries) => stageOne.invalidate(entries);
  }

  addDevice(device: HostDevice, virtualId: bigint): Status {
    if (virtualId > MOST_VIRTUAL_ID) return "EINVAL";
    let slot = 0;
    while (this.#matches.has(slot)) slot++;
    if (slot >= 2 ** this.#driver.parameter("CMDQV_NUM_SID_PER_VI_LOG2")) return "ENOSPC";
    this.#matches.set(slot, device);
    this.#write(`SID_REPLACE_${slot}`, { PHYS_SID: device.sid });
    this.#write(`SID_MATCH_${slot}`, { ENABLE: 1, VIRT_SID: Number(virtualId) });
    return null;
  }

  removeDevice(device: HostDevice): void {
    for (const [slot, held] of this.#matches) {
      if (held !== device) continue;
      this.#write(`SID_MATCH_${slot}`, {});
      this.#write(`SID_REPLACE_${slot}`, {});
      this.#matches.delete(slot);
    }
  }

  offers(type: number): boolean {
    return type === HwQueueType.TEGRA241_CMDQV;
  }

  open({ index, pa, length }: QueueRequest): Status {
    if (index >= 2 ** this.#driver.queuesPerInterfaceLg2) return "EINVAL";
    if (this.#open.has(index)) return "EEXIST";
    if (index > 0 && !this.#open.has(index - 1)) return "EIO";
    const largest = 1n << BigInt(this.#driver.largestLg2 + COMMAND_BYTES_LG2);
    if ((length & (length - 1n)) !== 0n || length < LEAST_QUEUE || length > largest) return "EINVAL";
    if (pa % length !== 0n || pa + length > QUEUE_ADDRESS_END) return "EINVAL";
    this.#open.add(index);
    const { registers } = this.#driver;
    const map = { ALLOC: 1, LVCMDQ: index, VIRT_INTF_INDX: this.#index };
    registers.writeFields(`CMDQV_CMDQ_ALLOC_MAP_${this.#physical(index)}`, map);
    const log2 = length.toString(2).length - 1 - COMMAND_BYTES_LG2;
    registers.writeFields(`${this.#queue(index)}_BASE`, { ADDR: Number(pa), LOG2SIZE: log2 });
    return null;
  }

  close({ index }: Pick<QueueRequest, "index">): void {
    const { registers } = this.#driver;
    registers.writeFields(`${this.#queue(index)}_CONFIG`, {});
    registers.write(`${this.#queue(index)}_PROD_INDX`, 0n);
    registers.write(`${this.#queue(index)}_CONS_INDX`, 0n);
    registers.write(`${this.#queue(index)}_BASE`, 0n);
    registers.writeFields(`CMDQV_CMDQ_ALLOC_MAP_${this.#physical(index)}`, {});
    this.#open.delete(index);
  }

  release(): void {
    for (const index of [...this.#open].reverse()) this.close({ index });
    for (const device of this.#matches.values()) this.removeDevice(device);
    this.#driver.forget(this.#index);
    this.#stageOne.release();
  }

  /** Report a map of the queues with errors. */
  reportErrors(): void {
    const words = Array.from({ length: ERROR_WORDS }, (_, i) =>
      Number(this.#driver.registers.read(`VINTF${this.#index}_LVCMDQ_ERR_MAP_${i}`)),
    );
    this.#core.report(VeventqType.TEGRA241_CMDQV, new Uint8Array(new Uint32Array(words).buffer));
  }

  /** Number of a queue among all of the extension. */
  #physical(index: number): number {
    return this.#index * 2 ** this.#driver.queuesPerInterfaceLg2 + index;
  }

  #queue(index: number): string {
    return `VCMDQ${this.#physical(index)}`;
  }

  #write(name: string, fields: Readonly<Record<string, number>>): void {
    this.#driver.registers.writeFields(`VINTF${this.#index}_${name}`, fields);
  }
}
