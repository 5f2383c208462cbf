/**
 * Memory as a device sees it that has a device table entry with host tables: a guest's physical address space, or the
 * private one of the IOMMU itself. 48882 revision 3.10, §2.2.3.
 */
import { fromHalves, highHalf, lowHalf } from "../../../base/address.ts";
import type { RingMemory } from "../../common/offset_ring.ts";
import { End, Updates } from "../../common/request.ts";
import { MemoryStatus, type PhysicalMemory } from "../../memory/physical_memory.ts";
import { Translation } from "../translation.ts";
import type { Translator } from "../translator.ts";

/** Bytes of a page. */
export const PAGE = 4096;

export class TranslatedMemory implements RingMemory {
  lo = 0;
  hi = 0;
  readonly #memory: PhysicalMemory;
  readonly #translator: Translator;
  readonly #deviceId: () => number;
  readonly #t = new Translation();

  /** @param deviceId the device whose entry maps the space, at the time of an access */
  constructor(memory: PhysicalMemory, translator: Translator, deviceId: () => number) {
    this.#memory = memory;
    this.#translator = translator;
    this.#deviceId = deviceId;
    this.#t.updates = Updates.Make;
  }

  /** What the space's tables do not let be read does not answer. */
  read64(hi: number, lo: number): MemoryStatus {
    const found = this.#locate(hi, lo, false);
    if (found !== MemoryStatus.Ok) return found;
    const status = this.#memory.read64(this.#t.paHi, this.#t.paLo);
    this.lo = this.#memory.lo;
    this.hi = this.#memory.hi;
    return status;
  }

  write64(hi: number, lo: number, valueHi: number, valueLo: number): MemoryStatus {
    const found = this.#locate(hi, lo, true);
    return found === MemoryStatus.Ok ? this.#memory.write64(this.#t.paHi, this.#t.paLo, valueHi, valueLo) : found;
  }

  /** The physical address that one of the space leads to, -1 for none: a question, of which no cache knows. */
  physical(hi: number, lo: number): number {
    const { caches } = this.#translator;
    const locate = (): MemoryStatus => this.#locate(hi, lo, false);
    this.#t.updates = Updates.Show;
    const status = caches === null ? locate() : caches.uncounted(locate);
    this.#t.updates = Updates.Make;
    return status === MemoryStatus.Ok ? fromHalves(this.#t.paHi, this.#t.paLo) : -1;
  }

  /**
   * The places in a page of its 64-bit words that are not zero, each while {@link hi} and {@link lo} hold it; none where
   * nothing answers. A question like {@link physical}.
   */
  *wordsInPage(hi: number, lo: number): Generator<number> {
    const memory = this.#memory;
    const page = this.physical(hi, lo & ~(PAGE - 1));
    if (page < 0 || memory.isZero(page, PAGE)) return;
    for (let at = 0; at < PAGE; at += 8) {
      if (memory.read64(highHalf(page), lowHalf(page) + at) !== MemoryStatus.Ok) continue;
      this.hi = memory.hi;
      this.lo = memory.lo;
      if ((this.hi | this.lo) !== 0) yield at;
    }
  }

  #locate(hi: number, lo: number, write: boolean): MemoryStatus {
    const t = this.#t;
    t.deviceId = this.#deviceId();
    t.iovaHi = hi;
    t.iovaLo = lo;
    t.write = write;
    this.#translator.translate(t, null);
    if (t.end === End.Ok) return MemoryStatus.Ok;
    return t.end === End.Unknown ? MemoryStatus.Unknown : MemoryStatus.Abort;
  }
}

/** One of several memories, chosen anew for each access. */
export class ChosenMemory implements RingMemory {
  lo = 0;
  hi = 0;
  readonly #choose: () => RingMemory;

  constructor(choose: () => RingMemory) {
    this.#choose = choose;
  }

  read64(hi: number, lo: number): MemoryStatus {
    const memory = this.#choose();
    const status = memory.read64(hi, lo);
    this.lo = memory.lo;
    this.hi = memory.hi;
    return status;
  }

  write64(hi: number, lo: number, valueHi: number, valueLo: number): MemoryStatus {
    return this.#choose().write64(hi, lo, valueHi, valueLo);
  }
}
