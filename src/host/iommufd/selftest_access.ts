/**
 * The file of an access that the selftest's control call makes: it pins what is mapped, or reads and writes it, as a
 * mediated device does. Linux 7.2, drivers/iommu/iommufd/selftest.c (selftest_access).
 */
import { type Made, made, refused, type Status } from "../errno.ts";
import type { OpenFile, Process } from "../process.ts";
import { Access } from "./access.ts";
import type { IommufdContext } from "./context.ts";
import type { Pin } from "./io_page_table.ts";
import type { Ioas } from "./ioas.ts";
import { overlaps } from "./ranges.ts";

export class SelftestAccess implements OpenFile {
  readonly kind = "selftest access";
  readonly #context: IommufdContext;
  readonly #access: Access;
  readonly #pinsPages: boolean;
  /** What is pinned, by number. */
  readonly #items = new Map<number, Pin>();
  #nextItem = 0;

  /** @param pinsPages it may pin pages, for which mappings have to be of whole ones */
  constructor(context: IommufdContext, pinsPages: boolean) {
    this.#context = context;
    this.#pinsPages = pinsPages;
    const alignment = pinsPages ? context.kernel.config.sizes.page : 1n;
    this.#access = new Access(alignment, (start, last) => this.#letGo(start, last));
    context.objects.add(this.#access);
    context.hold();
  }

  /** Attach to an IOAS, or move to another. */
  attach(ioas: Ioas): Status {
    return this.#access.attach(ioas);
  }

  /**
   * Pin a range.
   * @param user where the process has that memory, 0n for not to be checked
   * @returns its number
   */
  pin(process: Process, iova: bigint, length: bigint, user: bigint, write: boolean): Made<number> {
    if (!this.#pinsPages) return refused("EOPNOTSUPP");
    const { page } = this.#context.kernel.config.sizes;
    if (iova + length > (1n << 64n) - page) return refused("ENOMEM");
    const pin = this.#access.pin(iova, length, write);
    if (!pin.ok) return pin;
    const status = user === 0n ? null : checkPages(process, user - (iova % page), pin.value, page);
    if (status !== null) {
      this.#access.unpin(pin.value);
      return refused(status);
    }
    this.#items.set(this.#nextItem, pin.value);
    return made(this.#nextItem++);
  }

  unpin(item: number): Status {
    const pin = this.#items.get(item);
    if (pin === undefined) return "ENOENT";
    this.#items.delete(item);
    this.#access.unpin(pin);
    return null;
  }

  /** Copy between memory of the process and what is mapped. */
  copy(process: Process, iova: bigint, length: number, user: bigint, write: boolean): Status {
    const bytes = write ? process.read(user, length) : new Uint8Array(length);
    if (bytes === null) return "EFAULT";
    const status = this.#access.copy(process.memory, iova, bytes, write);
    if (status !== null || write) return status;
    return process.write(user, bytes) ? null : "EFAULT";
  }

  close(): void {
    this.#context.objects.remove(this.#access);
    this.#context.drop();
  }

  #letGo(start: bigint, last: bigint): void {
    for (const [item, pin] of this.#items) if (overlaps(pin, { start, last })) this.unpin(item);
  }
}

/** Whether the process has the pinned pages at an address, one after the other. */
function checkPages(process: Process, user: bigint, pin: Pin, page: bigint): Status {
  for (const [i, pa] of pin.pages.entries()) {
    const there = process.translate(user + BigInt(i) * page, false);
    if (there === null) return "EFAULT";
    if (there - (there % page) !== pa - (pa % page)) return "EBADE";
  }
  return null;
}
