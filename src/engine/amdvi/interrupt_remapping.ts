/**
 * Interrupt remapping: what becomes of a device's write into the interrupt address range. 48882 revision 3.10, §2.2.5,
 * §2.2.2.1 (bits [191:128] of a device table entry).
 *
 * UNMODELLED: interrupts for a guest's virtual APIC (IRTE.GuestMode) are recognised, but neither posted nor logged.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import {
  EVENT_WORDS,
  EventCode,
  HardwareErrorType,
  ILLEGAL_DEV_TABLE_ENTRY,
  InvalidAccess,
} from "../../arch/amdvi/events.ts";
import { IRTE, IRTE_128, IRTE_GUEST } from "../../arch/amdvi/irte.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { End } from "../common/request.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { DeviceTable } from "./device_table.ts";
import { encodeEvent } from "./event_record.ts";
import type { ProgrammingInterface } from "./programming_interface.ts";
import { Translation } from "./translation.ts";

/** What became of an interrupt. */
export const Delivery = {
  /** It goes on as the device sent it. */
  Unmapped: 0,
  /** It goes on as its entry says. */
  Remapped: 1,
  /** It was aborted; an event may say why. */
  Blocked: 2,
  /** It is for a guest's virtual APIC, which is not modelled. */
  Guest: 3,
  /** It depends on memory that the session does not hold. */
  Unknown: 4,
} as const;
export type Delivery = (typeof Delivery)[keyof typeof Delivery];

/** An interrupt message, and what became of it. The object is reused. */
export class InterruptMessage {
  deviceId = 0;
  addressHi = 0;
  addressLo = 0;
  data = 0;
  // The answer.
  delivery: Delivery = Delivery.Unmapped;
  /** Meaningful where it is remapped. */
  vector = 0;
  /** APIC id, 32 bits. */
  destination = 0;
  logical = false;
  /** 0 fixed, 1 arbitrated. */
  type = 0;
  /** Index of the entry in the device's table, -1 where none was looked up. */
  index = -1;
}

/** Entries of interrupt tables that are kept. */
export interface InterruptCache {
  /** @returns false where the entry is not cached */
  recall(deviceId: number, index: number, into: Uint32Array): boolean;
  keep(deviceId: number, index: number, words: Uint32Array): void;
}

/** Delivery modes of a message's data, bits [10:8]. */
const ARBITRATED = 1;
const NMI = 4;
const INIT = 5;
const EXT_INT = 7;
/** Values of DTE.IntCtl. */
const ABORT = 0;
const REMAP = 2;
/** log2 of the entries of the longest table. */
const LONGEST = 11;
/** The record is about an interrupt: I, bit 51 of every record that has it. */
const I_BIT = 1 << 19;

const f = DTE.f;

export class InterruptRemapper {
  readonly #memory: PhysicalMemory;
  readonly #devices: DeviceTable;
  readonly #io: ProgrammingInterface;
  readonly #cache: InterruptCache | null;
  readonly #dte = new Uint32Array(DTE.bits / 32);
  readonly #irte = new Uint32Array(IRTE_128.bits / 32);
  readonly #t = new Translation();
  readonly #record = new Uint32Array(EVENT_WORDS);

  constructor(
    memory: PhysicalMemory,
    devices: DeviceTable,
    io: ProgrammingInterface,
    cache: InterruptCache | null = null,
  ) {
    this.#memory = memory;
    this.#devices = devices;
    this.#io = io;
    this.#cache = cache;
  }

  /** Decide about the message that `m` describes; the answer is in `m`, events are logged. */
  remap(m: InterruptMessage): void {
    m.delivery = Delivery.Unmapped;
    m.index = -1;
    if (this.#io.registers.get("CONTROL", "IommuEn") === 0) return;
    const t = this.#begin(m);
    const dte = this.#dte;
    if (!this.#devices.fetch(t, null, dte)) {
      this.#end(m);
      return;
    }
    t.domainId = f.DomainID.get(dte, 0);
    if (f.IV.get(dte, 0) === 0) return;
    if (!this.#illegal(m) && this.#isRemapped(m)) this.#lookUp(m);
  }

  /** The interrupt half of the entry is not legal: §2.5.2. */
  #illegal(m: InterruptMessage): boolean {
    const dte = this.#dte;
    const reserved = f._181_180.get(dte, 0) !== 0;
    const bad = f.IntTabLen.get(dte, 0) > LONGEST || f.IntCtl.get(dte, 0) > REMAP;
    if (!reserved && !bad) return false;
    this.#t.rz = reserved;
    this.#fail(m, EventCode.ILLEGAL_DEV_TABLE_ENTRY);
    return true;
  }

  /**
   * What the entry says of this kind of interrupt; fixed and arbitrated ones may be remapped.
   * @returns false when the message is decided
   */
  #isRemapped(m: InterruptMessage): boolean {
    const dte = this.#dte;
    // CHOICE(wide-index): where a device has 2048 interrupts, bits [10:8] belong to the index and say no kind.
    const wide = this.#io.registers.get("CONTROL", "NumIntRemapMode") !== 0;
    const kind = wide ? 0 : (m.data >>> 8) & 7;
    if (kind > ARBITRATED) {
      const pass =
        (kind === NMI && f.NMIPass.get(dte, 0) === 1) ||
        (kind === INIT && f.InitPass.get(dte, 0) === 1) ||
        (kind === EXT_INT && f.EIntPass.get(dte, 0) === 1);
      if (!pass) this.#refuse(m);
      return false;
    }
    const control = f.IntCtl.get(dte, 0);
    if (control === ABORT) this.#refuse(m);
    if (control !== REMAP) return false;
    m.delivery = Delivery.Remapped;
    return true;
  }

  /** Find the entry that the low bits of the data name, and do as it says. */
  #lookUp(m: InterruptMessage): void {
    const dte = this.#dte;
    const quiet = f.IG.get(dte, 0) === 1;
    const index = m.data & ((1 << LONGEST) - 1);
    m.index = index;
    if (index >= 1 << f.IntTabLen.get(dte, 0)) {
      this.#pageFault(m, { present: false, reserved: false, quiet });
      return;
    }
    const wide = this.#io.registers.get("CONTROL", "GAEn") === 1;
    if (!this.#fetch(m, index, wide ? IRTE_128.bits / 8 : IRTE.bits / 8)) return;
    const irte = this.#irte;
    const silent = quiet || IRTE.f.SupIOPF.get(irte, 0) === 1;
    if (IRTE.f.RemapEn.get(irte, 0) === 0) {
      this.#pageFault(m, { present: false, reserved: false, quiet: silent });
      return;
    }
    if (IRTE.f.GuestMode.get(irte, 0) === 1 && wide && this.#guestMode) {
      m.delivery = Delivery.Guest;
      m.vector = IRTE_GUEST.f.Vector.get(irte, 0);
      return;
    }
    this.#deliver(m, wide, IRTE.f.SupIOPF.get(irte, 0) === 1);
  }

  get #guestMode(): boolean {
    return this.#io.registers.get("CONTROL", "GAMEn") !== 0;
  }

  #deliver(m: InterruptMessage, wide: boolean, quiet: boolean): void {
    const irte = this.#irte;
    const reserved =
      IRTE.f.GuestMode.get(irte, 0) === 1 ||
      (wide ? IRTE_128.f._119_72.get(irte, 0) | IRTE_128.f._119_72.getHi(irte, 0) : IRTE.f._31_24.get(irte, 0)) !== 0;
    const type = IRTE.f.IntType.get(irte, 0);
    if (reserved || type > ARBITRATED) {
      this.#pageFault(m, { present: true, reserved, quiet });
      return;
    }
    m.type = type;
    m.logical = IRTE.f.DM.get(irte, 0) === 1;
    if (!wide) {
      m.vector = IRTE.f.Vector.get(irte, 0);
      m.destination = IRTE.f.Destination.get(irte, 0);
      return;
    }
    m.vector = IRTE_128.f.Vector.get(irte, 0);
    const low = IRTE_128.f.Destination_23_0.get(irte, 0);
    const extended = this.#io.registers.get("CONTROL", "XTEn") === 1;
    m.destination = extended ? ((IRTE_128.f.Destination_31_24.get(irte, 0) << 24) | low) >>> 0 : low & 0xff;
  }

  /** Read an entry of 4 or 16 bytes. @returns false when the message is decided */
  #fetch(m: InterruptMessage, index: number, bytes: number): boolean {
    const irte = this.#irte;
    const caching = this.#cache !== null && this.#io.registers.get("CONTROL", "IRTCacheDis") === 0;
    if (caching && this.#cache!.recall(m.deviceId, index, irte)) return true;
    const root = f.InterruptTableRootPtr;
    const [hi, lo] = [root.addressHi(this.#dte, 0), root.addressLo(this.#dte, 0)];
    const at = lo + index * bytes;
    const atHi = (hi + (at > 0xffffffff ? 1 : 0)) | 0;
    const status = this.#read(atHi, at | 0, bytes);
    if (status === MemoryStatus.Ok) {
      if (caching) this.#cache!.keep(m.deviceId, index, irte);
      return true;
    }
    if (status === MemoryStatus.Unknown) {
      m.delivery = Delivery.Unknown;
      return false;
    }
    const t = this.#t;
    t.type = HardwareErrorType.MasterAbort;
    t.addressHi = atHi;
    t.addressLo = at | 0;
    this.#fail(m, EventCode.PAGE_TAB_HARDWARE_ERROR);
    return false;
  }

  #read(hi: number, lo: number, bytes: number): MemoryStatus {
    const memory = this.#memory;
    const irte = this.#irte.fill(0);
    for (let word = 0; 4 * word < bytes; word += 2) {
      const status = memory.read64(hi, lo + 4 * word);
      if (status !== MemoryStatus.Ok) return status;
      const upper = bytes === 4 && (lo & 4) !== 0;
      irte[word] = upper ? memory.hi : memory.lo;
      if (bytes > 4) irte[word + 1] = memory.hi;
    }
    return MemoryStatus.Ok;
  }

  #pageFault(
    m: InterruptMessage,
    { present, reserved, quiet }: { readonly present: boolean; readonly reserved: boolean; readonly quiet: boolean },
  ): void {
    this.#t.pr = present;
    this.#t.rz = reserved;
    this.#fail(m, EventCode.IO_PAGE_FAULT, !quiet);
  }

  /** The device may not send such an interrupt: §2.5.9. */
  #refuse(m: InterruptMessage): void {
    this.#t.type = InvalidAccess.InterruptRange;
    this.#fail(m, EventCode.INVALID_DEVICE_REQUEST);
  }

  #begin(m: InterruptMessage): Translation {
    const t = this.#t;
    t.deviceId = m.deviceId;
    t.hasPasid = false;
    t.iovaHi = m.addressHi;
    t.iovaLo = m.addressLo;
    t.write = true;
    t.begin();
    return t;
  }

  #fail(m: InterruptMessage, event: EventCode, logged = true): void {
    this.#t.fault(event, R.NONE);
    this.#t.record = logged;
    this.#end(m);
  }

  /** The message is aborted, as the translation object says. */
  #end(m: InterruptMessage): void {
    const t = this.#t;
    m.delivery = t.end === End.Unknown ? Delivery.Unknown : Delivery.Blocked;
    if (t.end !== End.Fault || !t.record) return;
    const record = this.#record;
    encodeEvent(t, record, 0);
    if (ILLEGAL_DEV_TABLE_ENTRY.code <= t.event && t.event <= EventCode.PAGE_TAB_HARDWARE_ERROR) record[1]! |= I_BIT;
    this.#io.event(record);
  }
}
