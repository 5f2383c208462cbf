/**
 * The virtualized IOMMUs of all guests: their registers by offset, and which events and page requests are theirs. 48882
 * revision 3.10, chapter 5.
 *
 * CHOICE(guest-events): a fault in a guest's own tables (IO_PAGE_FAULT with GN 1), a page request that its device may
 * not make and every page request of its devices are the guest's; all else is the host's.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import {
  EVENT_WORDS,
  EventCode,
  GUEST_EVENT_FAULT,
  HardwareErrorType,
  IO_PAGE_FAULT,
  VIOMMU_HARDWARE_ERROR,
} from "../../../arch/amdvi/events.ts";
import { VF_BASE, VF_CONTROL_BASE } from "../../../arch/amdvi/registers.ts";
import { VF_BYTES, VF_CONTROL_BYTES } from "../../../arch/amdvi/viommu.ts";
import type { Digest } from "../../../base/digest.ts";
import type { RegisterFile } from "../../common/register_file.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import type { CommandExecutor, GuestReset } from "../commands/executor.ts";
import type { LogStatus } from "../record_log.ts";
import { Translation } from "../translation.ts";
import type { Translator } from "../translator.ts";
import { type GuestImage, GuestIommu, type GuestSurroundings } from "./guest_iommu.ts";
import { TranslatedMemory } from "./translated_memory.ts";

/** UNMODELLED: guests from this GuestID on; their registers read as zero and ignore writes. */
const MODELLED_GUESTS = 256;

/** A saved state, besides memory. */
export type GuestsImage = readonly (readonly [guestId: number, image: GuestImage])[];

/** Where the host's own events go. */
export type HostEvents = (record: Uint32Array) => void;

export class GuestIommus implements GuestReset {
  /** The value that {@link read} read. */
  hi = 0;
  lo = 0;
  readonly #guests = new Map<number, GuestIommu>();
  readonly #limits = new Map<number, { limit: number }>();
  /** What a guest looks like that nothing was written to. */
  readonly #untouched: GuestIommu;
  readonly #host: RegisterFile;
  readonly #translator: Translator;
  readonly #around: GuestSurroundings;
  readonly #t = new Translation();
  readonly #dte = new Uint32Array(DTE.bits / 32);
  readonly #record = new Uint32Array(EVENT_WORDS);

  constructor(
    host: RegisterFile,
    memory: PhysicalMemory,
    translator: Translator,
    executor: CommandExecutor,
    events: HostEvents,
  ) {
    this.#host = host;
    this.#translator = translator;
    this.#around = {
      memory,
      translator,
      executor,
      host,
      private: new TranslatedMemory(memory, translator, () => host.words[host.at("PCI_RID")]! & 0xffff),
      failed: (guestId, hi, lo) => events(this.#hardwareError(guestId, hi, lo)),
      most: (guestId) => this.#limits.get(guestId)?.limit ?? Infinity,
      lost: (guestId) => events(this.#guestFault(guestId)),
    };
    this.#untouched = new GuestIommu(0, this.#around);
  }

  /** Whether an offset is among the registers of guests. */
  static has(offset: number): boolean {
    return offset >= VF_BASE;
  }

  /** Read 4 or 8 bytes into {@link hi} and {@link lo}. */
  read(offset: number, bytes: number): void {
    const { guestId, control, at } = place(offset);
    const guest = this.#guests.get(guestId) ?? this.#untouched;
    const file = control ? guest.control : guest.registers;
    file.read(at, bytes);
    this.hi = file.hi;
    this.lo = file.lo;
  }

  write(offset: number, bytes: number, hi: number, lo: number): void {
    const { guestId, control, at } = place(offset);
    const guest = this.guest(guestId);
    if (guest !== null) (control ? guest.control : guest.registers).write(at, bytes, hi, lo);
  }

  /** The vIOMMU of a guest; null where the model has none. */
  guest(guestId: number): GuestIommu | null {
    if (guestId >= MODELLED_GUESTS) return null;
    let guest = this.#guests.get(guestId);
    if (guest === undefined) {
      guest = new GuestIommu(guestId, this.#around);
      this.#guests.set(guestId, guest);
    }
    return guest;
  }

  /** Guests whose registers were written, or that were to log something, by rising GuestID. */
  all(): GuestIommu[] {
    return [...this.#guests.values()].sort((a, b) => a.guestId - b.guestId);
  }

  /** Most commands that one run of a guest's buffer carries out; 0 holds it. Null where the model has no such guest. */
  limitOf(guestId: number): { limit: number } | null {
    if (guestId >= MODELLED_GUESTS) return null;
    const known = this.#limits.get(guestId) ?? { limit: Infinity };
    this.#limits.set(guestId, known);
    return known;
  }

  /** Have a guest's buffer carry out what waits in it. */
  run(guestId: number): void {
    this.#guests.get(guestId)?.run();
  }

  /** The host's CONTROL was written. */
  update(): void {
    for (const guest of this.all()) guest.update();
  }

  resetGuest(guestId: number, all: boolean, commands: boolean): void {
    this.guest(guestId)?.reset(all, commands);
  }

  /** Give an event to the guest whose it is. @returns false where it is the host's */
  takeEvent(record: ArrayLike<number>, from: number): boolean {
    const words = Uint32Array.from({ length: EVENT_WORDS }, (_, i) => record[from + i]!);
    const code = IO_PAGE_FAULT.layout.f.EventCode.get(words, 0);
    const own = code === EventCode.IO_PAGE_FAULT && IO_PAGE_FAULT.layout.f.GN.get(words, 0) === 1;
    if (!own && code !== EventCode.INVALID_PPR_REQUEST) return false;
    const guest = this.#ownerOf(words);
    if (guest === null) return false;
    guest.log(guest.eventLog, words);
    return true;
  }

  /** Give a page request to the guest whose it is. @returns what became of it, null where it is the host's */
  takePage(record: ArrayLike<number>): LogStatus | null {
    const words = Uint32Array.from({ length: EVENT_WORDS }, (_, i) => record[i]!);
    const guest = this.#ownerOf(words);
    return guest === null ? null : guest.log(guest.pprLog, words);
  }

  snapshot(): GuestsImage {
    return this.all().map((guest) => [guest.guestId, guest.snapshot()]);
  }

  restore(image: GuestsImage): void {
    this.#guests.clear();
    for (const [guestId, saved] of image) this.guest(guestId)?.restore(saved);
  }

  digest(into: Digest): void {
    for (const guest of this.all()) {
      into.word(guest.guestId);
      guest.digest(into);
    }
  }

  /**
   * The guest that a record's device belongs to, by its device table entry; the record's DeviceID becomes the guest's.
   */
  #ownerOf(words: Uint32Array): GuestIommu | null {
    if (this.#host.get("CONTROL", "vIommuEn") === 0) return null;
    const t = this.#t;
    t.deviceId = words[0]! & 0xffff;
    t.begin();
    const dte = this.#dte;
    if (!this.#translator.devices.fetch(t, null, dte) || DTE.f.vImuEn.get(dte, 0) === 0) return null;
    words[0] = ((words[0]! & ~0xffff) | DTE.f.GDeviceID.get(dte, 0)) >>> 0;
    return this.guest(DTE.f.GuestID.get(dte, 0));
  }

  #hardwareError(guestId: number, hi: number, lo: number): Uint32Array {
    const record = this.#record.fill(0);
    const f = VIOMMU_HARDWARE_ERROR.layout.f;
    f.GuestID.set(record, 0, guestId);
    f.vPTR.set(record, 0, 1);
    f.Type.set(record, 0, HardwareErrorType.MasterAbort);
    f.EventCode.set(record, 0, EventCode.VIOMMU_HARDWARE_ERROR);
    record[2] = lo;
    record[3] = hi;
    return record;
  }

  #guestFault(guestId: number): Uint32Array {
    const record = this.#record.fill(0);
    const f = GUEST_EVENT_FAULT.layout.f;
    f.vEVENT.set(record, 0, 1);
    f.GuestID.set(record, 0, guestId);
    f.EventCode.set(record, 0, EventCode.GUEST_EVENT_FAULT);
    return record;
  }
}

/** Where a register offset leads: `at` is an offset in the guest's register file, -1 for none. */
function place(offset: number): { readonly guestId: number; readonly control: boolean; readonly at: number } {
  const control = offset >= VF_CONTROL_BASE;
  const bytes = control ? VF_CONTROL_BYTES : VF_BYTES;
  const within = offset - (control ? VF_CONTROL_BASE : VF_BASE);
  const at = within % bytes;
  return { guestId: Math.floor(within / bytes), control, at: control ? at : GuestIommu.vfOffset(at) };
}
