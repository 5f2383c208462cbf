/**
 * Carries out commands, whoever wrote them. 48882 revision 3.10, §2.4.
 */
import {
  COMMANDS,
  COMPLETE_PPR_REQUEST,
  COMPLETION_WAIT,
  INVALIDATE_IOMMU_PAGES,
  INVALIDATE_IOTLB_PAGES,
  Opcode,
  PREFETCH_IOMMU_PAGES,
  RESET_VMMIO,
} from "../../../arch/amdvi/commands.ts";
import { highHalf } from "../../../base/address.ts";
import type { PrgResponse, ResponseCode } from "../../device/ats_port.ts";
import { type FeatureWords, featureOf } from "../register_table.ts";
import type { DeviceMessages } from "./device_messages.ts";
import { type CacheMaintenance, type CommandOrigin, NOBODY, type Prefetch } from "./origin.ts";

/** What became of a command. */
export const CommandStatus = {
  Done: 0,
  /** A reserved bit is set, or the opcode is none that this IOMMU, or this writer, has. */
  Illegal: 1,
  /** It waits for a device that does not answer, or for memory that the session does not hold. */
  Waiting: 2,
  /** A device did not answer in time. The command is over. */
  TimedOut: 3,
} as const;
export type CommandStatus = (typeof CommandStatus)[keyof typeof CommandStatus];

/** What resets a guest's registers; absent where there are no virtualized IOMMUs. */
export interface GuestReset {
  resetGuest(guestId: number, all: boolean, commands: boolean): void;
}

/** What commands reach besides their origin. */
export interface CommandTargets {
  readonly caches: CacheMaintenance;
  readonly prefetch: Prefetch;
  readonly devices: DeviceMessages;
  readonly guests: GuestReset;
}

/** Features that opcodes need, beyond those that every IOMMU has. */
const OPCODE_NEEDS: Readonly<Record<number, string>> = {
  [Opcode.INVALIDATE_IOTLB_PAGES]: "CAP.IotlbSup",
  [Opcode.PREFETCH_IOMMU_PAGES]: "PreFSup",
  [Opcode.COMPLETE_PPR_REQUEST]: "PPRSup",
  [Opcode.INVALIDATE_IOMMU_ALL]: "IASup",
  [Opcode.INSERT_GUEST_EVENT]: "vIommuSup",
  [Opcode.RESET_VMMIO]: "vIommuSup",
};

/** Fields that are reserved without a feature. */
const FIELD_NEEDS: Readonly<Record<string, string>> = { GN: "GTSup", Type: "InvIotlbTypeSup" };

const WORDS = 4;
const DIRECTORIES = 2;
/** Pages that one prefetch fetches at most. */
const MOST_AHEAD = 16;
const WAIT = COMPLETION_WAIT.f;
const PAGES = INVALIDATE_IOMMU_PAGES.f;
const IOTLB = INVALIDATE_IOTLB_PAGES.f;
const AHEAD = PREFETCH_IOMMU_PAGES.f;
const PPR = COMPLETE_PPR_REQUEST.f;
const RESET = RESET_VMMIO.f;

export class CommandExecutor {
  readonly #targets: CommandTargets;
  /** Bits that must be 0, four words for each opcode. */
  readonly #reserved = new Int32Array(16 * WORDS);
  /** Opcodes that exist, bit n for opcode n. */
  #opcodes = 0;

  constructor(features: FeatureWords, targets: CommandTargets) {
    this.#targets = targets;
    for (const { opcode, layout } of COMMANDS) {
      const need = OPCODE_NEEDS[opcode];
      if (need !== undefined && featureOf(features, need) === 0) continue;
      const masks = new Uint32Array(WORDS);
      for (const { name, form, lo, hi } of layout.fields) {
        const needs = FIELD_NEEDS[name];
        if (form !== "reserved" && (needs === undefined || featureOf(features, needs) !== 0)) continue;
        for (let bit = lo; bit <= hi; bit++) masks[bit >>> 5]! |= 1 << (bit & 31);
      }
      this.#reserved.set(masks, opcode * WORDS);
      this.#opcodes |= 1 << opcode;
    }
  }

  /** Carry out one command of {@link WORDS} signed words. */
  execute(command: Int32Array, origin: CommandOrigin): CommandStatus {
    const opcode = command[1]! >>> 28;
    const rules = this.#reserved;
    const at = opcode * WORDS;
    const set =
      (command[0]! & rules[at]!) |
      (command[1]! & rules[at + 1]!) |
      (command[2]! & rules[at + 2]!) |
      (command[3]! & rules[at + 3]!);
    if (set !== 0 || (((origin.permitted & this.#opcodes) >>> opcode) & 1) === 0) return CommandStatus.Illegal;
    switch (opcode) {
      case Opcode.COMPLETION_WAIT:
        return this.#wait(command, origin);
      case Opcode.INVALIDATE_IOMMU_PAGES:
        return this.#pages(command, origin);
      case Opcode.INVALIDATE_IOTLB_PAGES:
        return this.#iotlb(command, origin);
      case Opcode.COMPLETE_PPR_REQUEST:
        return this.#respond(command, origin);
      case Opcode.PREFETCH_IOMMU_PAGES:
        return this.#prefetch(command, origin);
      case Opcode.INVALIDATE_IOMMU_ALL:
        origin.forgetAll(this.#targets.caches);
        return CommandStatus.Done;
      case Opcode.RESET_VMMIO:
        this.#targets.guests.resetGuest(
          command[0]! & 0xffff,
          RESET.All.get(command, 0) === 1,
          RESET.vCmd.get(command, 0) === 1,
        );
        return CommandStatus.Done;
      case Opcode.INSERT_GUEST_EVENT:
        // UNMODELLED: where the event that it inserts comes from is in no public text; nothing is inserted.
        return CommandStatus.Done;
      default:
        return this.#device(opcode, command[0]! & 0xffff, origin);
    }
  }

  /** Devices that do not answer are waited for; then the store, then the interrupt. */
  #wait(command: Int32Array, origin: CommandOrigin): CommandStatus {
    if (this.#targets.devices.waiting) return CommandStatus.Waiting;
    if (WAIT.S.get(command, 0) === 1) {
      origin.store(
        WAIT.StoreAddress.addressHi(command, 0),
        WAIT.StoreAddress.addressLo(command, 0),
        command[3]!,
        command[2]!,
      );
    }
    if (WAIT.I.get(command, 0) === 1) origin.completed();
    return CommandStatus.Done;
  }

  /** INVALIDATE_DEVTAB_ENTRY and INVALIDATE_INTERRUPT_TABLE. */
  #device(opcode: number, deviceId: number, origin: CommandOrigin): CommandStatus {
    const device = origin.device(deviceId);
    if (device < 0) return unreachable(device);
    if (opcode === Opcode.INVALIDATE_DEVTAB_ENTRY) this.#targets.caches.deviceTableEntry(device);
    else this.#targets.caches.interruptTable(device);
    return CommandStatus.Done;
  }

  #pages(command: Int32Array, origin: CommandOrigin): CommandStatus {
    const domain = origin.domain(PAGES.DomainID.get(command, 0));
    if (domain < 0) return unreachable(domain);
    const pasid = PAGES.GN.get(command, 0) === 1 ? PAGES.PASID.get(command, 0) : -1;
    const sizeLg2 = rangeLg2(command);
    this.#targets.caches.pages(
      domain,
      pasid,
      command[3]!,
      command[2]! & ~0xfff,
      sizeLg2,
      (command[2]! & DIRECTORIES) !== 0,
    );
    return CommandStatus.Done;
  }

  #iotlb(command: Int32Array, origin: CommandOrigin): CommandStatus {
    const device = origin.device(command[0]! & 0xffff);
    if (device < 0) return unreachable(device);
    const ssv = IOTLB.GN.get(command, 0) === 1;
    const ssid =
      (IOTLB.PASID_19_16.get(command, 0) << 16) |
      (IOTLB.PASID_15_8.get(command, 0) << 8) |
      IOTLB.PASID_7_0.get(command, 0);
    const sizeLg2 = rangeLg2(command);
    const answered = this.#targets.devices.invalidate({
      sid: device,
      ssv,
      ssid: ssv ? ssid : 0,
      global: false,
      hi: (command[3]! & maskHi(sizeLg2)) >>> 0,
      lo: (command[2]! & ~0xfff & maskLo(sizeLg2)) >>> 0,
      sizeLg2,
    });
    return answered ? CommandStatus.Done : CommandStatus.TimedOut;
  }

  #respond(command: Int32Array, origin: CommandOrigin): CommandStatus {
    const device = origin.device(command[0]! & 0xffff);
    if (device < 0) return unreachable(device);
    const response: PrgResponse = {
      sid: device,
      ssid: PPR.GN.get(command, 0) === 1 ? PPR.PASID.get(command, 0) : null,
      prgIndex: PPR.PRGIndex.get(command, 0),
      code: PPR.ResponseCode.get(command, 0) as ResponseCode,
    };
    this.#targets.devices.respond(response);
    return CommandStatus.Done;
  }

  /**
   * CHOICE(prefetch): pages of 4 KiB, or of the size that S says, are fetched, as many as PFCount asks for but at most
   * {@link MOST_AHEAD}.
   */
  #prefetch(command: Int32Array, origin: CommandOrigin): CommandStatus {
    const device = origin.device(command[0]! & 0xffff);
    if (device < 0) return unreachable(device);
    const pasid = AHEAD.GN.get(command, 0) === 1 ? AHEAD.PASID.get(command, 0) : -1;
    const sizeLg2 = rangeLg2(command);
    const step = sizeLg2 > 40 ? 0 : 2 ** sizeLg2;
    let lo = (command[2]! & ~0xfff & maskLo(sizeLg2)) >>> 0;
    let hi = (command[3]! & maskHi(sizeLg2)) >>> 0;
    for (let n = Math.min(Math.max(AHEAD.PFCount.get(command, 0), 1), MOST_AHEAD); n > 0; n--) {
      this.#targets.prefetch.page(device, pasid, hi | 0, lo | 0, AHEAD.Inval.get(command, 0) === 1);
      if (step === 0) break;
      const next = lo + step;
      lo = next >>> 0;
      hi = (hi + highHalf(next)) >>> 0;
    }
    return CommandStatus.Done;
  }
}

/** An id of the writer's that leads nowhere: nothing is cached of it; one that is not known has to be waited for. */
const unreachable = (id: number): CommandStatus => (id === NOBODY ? CommandStatus.Done : CommandStatus.Waiting);

/**
 * log2 of the bytes that Address and S of a command name (§2.4.3): without S one page of 4 KiB, with S twice as much for
 * each bit from bit 12 on that is set below the lowest clear one.
 */
function rangeLg2(command: Int32Array): number {
  if ((command[2]! & 1) === 0) return 12;
  const lo = ~(command[2]! | 0xfff);
  if (lo !== 0) return 32 - Math.clz32(lo & -lo);
  const hi = ~command[3]!;
  return hi === 0 ? 64 : 64 - Math.clz32(hi & -hi);
}

const maskHi = (sizeLg2: number): number => (sizeLg2 >= 64 ? 0 : sizeLg2 > 32 ? -1 << (sizeLg2 - 32) : -1);
const maskLo = (sizeLg2: number): number => (sizeLg2 >= 32 ? 0 : -1 << sizeLg2);
