/**
 * The common nested walk, fast: guest and host pages of 4 KiB, no level skipped, every entry as it should be.
 *
 * It decides nothing but success. Whatever is out of the ordinary — a large page, a fault, a bit to be set, memory it
 * does not know — sends the translation to the walker, so that faults are made in one place; a property test holds the
 * two equal. Sections as in `guest.ts` and `host.ts`.
 *
 * A walk is one pass over typed arrays without a call that could not be inlined. Where it meets a pointer that nobody
 * followed before, it stops, the pointer is resolved, and the walk starts over.
 */
import {
  V1_ACCESSED,
  V1_DIRTY,
  V1_FORCE_COHERENT,
  V1_NEXT_LEVEL,
  V1_READ,
  V1_WRITE,
} from "../../pagetable/formats/amdv1.ts";
import { X86Denied } from "../../pagetable/formats/x86_64.ts";
import { Want } from "../common/request.ts";
import { type PhysicalMemory, TARGET_FRAME_BITS } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import type { DeviceConfig } from "./device_config.ts";
import { Update } from "./entry_update.ts";
import { guestPermissions } from "./guest.ts";
import type { Translation } from "./translation.ts";

/** Bits of a guest entry: present, and a large page above level 0. */
const P = 1;
const PS = 1 << 7;
const DENY_LO = X86Denied.Write | X86Denied.User;
/** Bits of the high half of a host entry that all levels need: an address of more than 48 bits is out of the ordinary. */
const HOST_RIGHTS = V1_READ | V1_WRITE;
const HOST_HI = HOST_RIGHTS | 0xf0000;
/** NextLevel and PR of a host entry. */
const HOST_LO = 0xe01;
/** Bits [51:32] of an address, in the high half of an entry. */
const OA_HI = 0xfffff;
/** The highest level of host tables that is walked here: mode 4. */
const MOST_HOST_LEVEL = 3;
const ALL = Want.Read | Want.Write | Want.Execute;

/** What an attempt came to; a negative number other than REFUSED is ~slot of a pointer to resolve first. */
const DONE = 0;
const REFUSED = -1;

/** Whether a configuration qualifies; decided once for a requester. */
export const qualifies = (config: DeviceConfig): boolean =>
  config.usesGuest && config.hostOn && config.grants === ALL && config.host.level <= MOST_HOST_LEVEL;

/** What a target is marked with: the level of the host table entry it was found in, and that its Accessed bit is set. */
const MARK_LEVEL = 3;
const MARK_ACCESSED = 4;
const FRAME = (1 << TARGET_FRAME_BITS) - 1;

/**
 * The slot (8-byte word number in the arena) of the host page entry of a guest physical address; no entry is looked at:
 * a target with the right mark is one of an entry that was.
 * @param table slot of the root table, which has `level` levels of tables below it
 * @param mark MARK_LEVEL, and MARK_ACCESSED where that bit is managed
 * @returns ~slot of an entry that has no such target
 */
function pageSlot(
  level: number,
  mark: number,
  targets: Int32Array,
  table: number,
  gpaHi: number,
  gpaLo: number,
): number {
  const accessed = mark & MARK_ACCESSED;
  if (level > 2) {
    const slot = table | ((gpaHi >>> 7) & 511);
    const target = targets[slot]!;
    if (((target >>> TARGET_FRAME_BITS) & mark) !== (3 | accessed)) return ~slot;
    table = (target & FRAME) << 9;
  }
  if (level > 1) {
    const slot = table | (((gpaLo >>> 30) | (gpaHi << 2)) & 511);
    const target = targets[slot]!;
    if (((target >>> TARGET_FRAME_BITS) & mark) !== (2 | accessed)) return ~slot;
    table = (target & FRAME) << 9;
  }
  if (level > 0) {
    const slot = table | ((gpaLo >>> 21) & 511);
    const target = targets[slot]!;
    if (((target >>> TARGET_FRAME_BITS) & mark) !== (1 | accessed)) return ~slot;
    table = (target & FRAME) << 9;
  }
  return table | ((gpaLo >>> 12) & 511);
}

export class FastWalk {
  readonly #memory: PhysicalMemory;
  readonly #caps: Capabilities;

  constructor(memory: PhysicalMemory, caps: Capabilities) {
    this.#memory = memory;
    this.#caps = caps;
  }

  /**
   * Translate through guest and host tables, for a configuration that {@link qualifies}.
   * @returns false when the walker has to: nothing is decided then
   */
  translate(t: Translation, config: DeviceConfig): boolean {
    for (;;) {
      const slot = ~this.#attempt(t, config);
      if (slot === ~DONE) return true;
      if (slot === ~REFUSED || !this.#resolve(slot)) return false;
    }
  }

  /** Follow the host entry in a slot. @returns false where that cannot be, or was done already */
  #resolve(slot: number): boolean {
    const memory = this.#memory;
    const lo = memory.words[2 * slot]!;
    const next = (lo >>> V1_NEXT_LEVEL.shift) & V1_NEXT_LEVEL.mask;
    if ((lo & P) === 0 || next > MARK_LEVEL || (memory.words[2 * slot + 1]! & HOST_HI) !== HOST_RIGHTS) return false;
    const before = memory.targets[slot];
    return (
      memory.target(slot, next | ((lo & V1_ACCESSED) !== 0 ? MARK_ACCESSED : 0)) !== 0 &&
      memory.targets[slot] !== before
    );
  }

  #attempt(t: Translation, config: DeviceConfig): number {
    const memory = this.#memory;
    const { host, guest } = config;
    const vaHi = t.iovaHi;
    const vaLo = t.iovaLo;
    const sign = vaHi >> (config.guestLevels === 4 ? 15 : 24);
    if (sign !== 0 && sign !== -1) return REFUSED;
    const frame = memory.wholeFrame(host.rootHi, host.rootLo);
    if (frame === 0) return REFUSED;
    const root = frame << 9;
    const { words, targets } = memory;
    const hostLevel = host.level;
    const overHi = host.overHi;
    const overLo = host.overLo;
    const hostNeed = P | ((config.hostUpdates & Update.Accessed) !== 0 ? V1_ACCESSED : 0);
    const mark = MARK_LEVEL | ((config.hostUpdates & Update.Accessed) !== 0 ? MARK_ACCESSED : 0);
    const leafNeed = hostNeed | (t.write && (config.hostUpdates & Update.Dirty) !== 0 ? V1_DIRTY : 0);
    const guestNeed = P | ((config.guestUpdates & Update.Accessed) !== 0 ? V1_ACCESSED : 0);
    // Address bits [47:16], and [63:48] for a fifth level.
    const vaTop = (vaHi << 16) | (vaLo >>> 16);
    let tableHi = guest.rootHi;
    let tableLo = guest.rootLo;
    let denied = 0;
    let lo = 0;
    let hi = 0;
    for (let level = guest.level; ; level--) {
      const index = (level === 4 ? vaHi >>> 16 : level === 0 ? vaLo >>> 12 : vaTop >>> (9 * level - 4)) & 511;
      const atLo = tableLo | (index << 3);
      if (((tableHi & overHi) | (atLo & overLo)) !== 0) return REFUSED;
      const leaf = pageSlot(hostLevel, mark, targets, root, tableHi, atLo);
      if (leaf < 0) return leaf;
      if ((words[2 * leaf]! & (HOST_LO | hostNeed)) !== hostNeed) return REFUSED;
      if ((words[2 * leaf + 1]! & HOST_HI) !== HOST_RIGHTS) return REFUSED;
      const page = targets[leaf]! & FRAME;
      if (page === 0) return ~leaf;
      const at = (page << 10) | ((atLo & 0xff8) >>> 2);
      lo = words[at]!;
      hi = words[at + 1]!;
      if ((lo & guestNeed) !== guestNeed) return REFUSED;
      if (level === 0) break;
      if ((lo & PS) !== 0) return REFUSED;
      denied |= (~lo & DENY_LO) | (hi & X86Denied.Execute);
      tableHi = hi & OA_HI;
      tableLo = lo & ~0xfff;
    }
    if (t.write && (config.guestUpdates & Update.Dirty) !== 0 && (lo & V1_DIRTY) === 0) return REFUSED;
    const allowed = guestPermissions(lo, hi, denied, t.privileged, this.#caps);
    if ((t.want & ~allowed) !== 0) return REFUSED;

    const gpaHi = hi & OA_HI;
    const gpaLo = (lo & ~0xfff) | (vaLo & 0xfff);
    if (((gpaHi & overHi) | (gpaLo & overLo)) !== 0) return REFUSED;
    const leaf = pageSlot(hostLevel, mark, targets, root, gpaHi, gpaLo);
    if (leaf < 0) return leaf;
    const leafLo = words[2 * leaf]!;
    const leafHi = words[2 * leaf + 1]!;
    if ((leafLo & (HOST_LO | leafNeed)) !== leafNeed || (leafHi & HOST_RIGHTS) !== HOST_RIGHTS) return REFUSED;
    t.permissions1 = allowed;
    t.permissions2 = ALL;
    t.sizeLg2Stage1 = 12;
    t.sizeLg2Stage2 = 12;
    t.forceCoherent = (leafHi & V1_FORCE_COHERENT) !== 0;
    t.gn = false;
    t.paHi = leafHi & OA_HI;
    t.paLo = (leafLo & ~0xfff) | (gpaLo & 0xfff);
    return DONE;
  }
}
