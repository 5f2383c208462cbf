/**
 * The tables that lead from a guest's DeviceIDs and DomainIDs to the host's, in the IOMMU's private address space.
 * 48882 revision 3.10, chapter 5.
 */
import {
  DEVICE_ID_MAP_ENTRY,
  DOMAIN_ID_MAP_ENTRY,
  PRIVATE_REGIONS,
  type PrivateRegion,
} from "../../../arch/amdvi/viommu.ts";
import { highHalf, lowHalf } from "../../../base/address.ts";
import type { FieldAccess } from "../../../base/layout.ts";
import { MemoryStatus } from "../../memory/physical_memory.ts";
import { NOBODY } from "../commands/origin.ts";
import { PAGE, type TranslatedMemory } from "./translated_memory.ts";

/** In place of a host's id: it lies in memory that the session does not hold. */
const NOT_HELD = NOBODY - 1;

/** Ids that a guest can use. */
const IDS = 0x1_0000;

/** One of the two tables. */
interface MapKind {
  readonly region: PrivateRegion;
  readonly entryBytesLg2: number;
  readonly hostId: FieldAccess;
}

export const DEVICE_IDS: MapKind = {
  region: PRIVATE_REGIONS.DeviceIdMap,
  entryBytesLg2: 4,
  hostId: DEVICE_ID_MAP_ENTRY.f.HostDeviceID,
};
export const DOMAIN_IDS: MapKind = {
  region: PRIVATE_REGIONS.DomainIdMap,
  entryBytesLg2: 3,
  hostId: DOMAIN_ID_MAP_ENTRY.f.HostDomainID,
};

/** Told of a private address that does not answer; halves. */
export type PrivateFault = (hi: number, lo: number) => void;

export class IdMap {
  readonly #memory: TranslatedMemory;
  readonly #kind: MapKind;
  readonly #guestId: number;
  readonly #failed: PrivateFault;
  readonly #words = new Uint32Array(4);
  #hi = 0;
  #lo = 0;

  constructor(memory: TranslatedMemory, kind: MapKind, guestId: number, failed: PrivateFault) {
    this.#memory = memory;
    this.#kind = kind;
    this.#guestId = guestId;
    this.#failed = failed;
  }

  /** The host's id for a guest's; {@link NOBODY} for none, less where the session does not hold the entry. */
  hostId(guestId: number): number {
    const status = this.#read(guestId);
    if (status === MemoryStatus.Unknown) return NOT_HELD;
    if (status !== MemoryStatus.Ok) {
      this.#failed(this.#hi, this.#lo);
      return NOBODY;
    }
    return this.#kind.hostId.get(this.#words, 0) || NOBODY;
  }

  /** The host's ids of everything that the guest has; one that several of its own lead to comes as often. */
  *hostIds(): Generator<number> {
    const { entryBytesLg2, hostId } = this.#kind;
    for (let first = 0; first < IDS; first += PAGE >>> entryBytesLg2) {
      this.#locate(first);
      for (const at of this.#memory.wordsInPage(this.#hi, this.#lo)) {
        // The host's id stands in the first word of an entry.
        if (at % (1 << entryBytesLg2) !== 0) continue;
        const id = hostId.get(this.#take(), 0);
        if (id !== 0) yield id;
      }
    }
  }

  /** Write the host's id for a guest's; 0 for none. Other bits of the entry stay. */
  set(guestId: number, hostId: number): void {
    const words = this.#words;
    if (this.#read(guestId) !== MemoryStatus.Ok) words.fill(0);
    this.#kind.hostId.set(words, 0, hostId);
    if (this.#memory.write64(this.#hi, this.#lo, words[1]!, words[0]!) === MemoryStatus.Abort) {
      this.#failed(this.#hi, this.#lo);
    }
  }

  /** The place of an entry, in {@link #hi} and {@link #lo}. */
  #locate(guestId: number): void {
    const { region, entryBytesLg2 } = this.#kind;
    const at = this.#guestId * region.bytes + ((guestId & 0xffff) << entryBytesLg2);
    this.#hi = region.baseHi + highHalf(at);
    this.#lo = lowHalf(at);
  }

  #read(guestId: number): MemoryStatus {
    this.#locate(guestId);
    const status = this.#memory.read64(this.#hi, this.#lo);
    this.#take();
    return status;
  }

  /** The word that was read. */
  #take(): Uint32Array {
    this.#words[0] = this.#memory.lo;
    this.#words[1] = this.#memory.hi;
    return this.#words;
  }
}
