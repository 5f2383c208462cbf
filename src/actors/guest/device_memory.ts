/**
 * What lies in one address space of a device: buffers that its driver mapped, and addresses of a process whose pages
 * come when the device faults on them (SVA). As in Linux 7.2, drivers/iommu/iommu-sva.c (iommu_sva_handle_mm).
 */
import type { PageAllocator } from "../../kernel/page_allocator.ts";
import { type PageRequest, PageResponse } from "../../kernel/page_requests.ts";
import type { DmaMappings } from "./dma.ts";
import type { DriverRefusal } from "./iommu_driver.ts";
import type { OrderChecker } from "./order_checker.ts";

const PAGE = 4096;

/** Memory of the kernel's that is mapped somewhere; it goes back as a whole. */
interface Piece {
  readonly va: number;
  readonly at: number;
  readonly bytes: number;
  /** Bytes that are still mapped. */
  left: number;
}

/** Addresses of a process, `end` exclusive. */
interface Range {
  readonly from: number;
  readonly end: number;
  readonly write: boolean;
}

export class DeviceMemory {
  readonly mappings: DmaMappings;
  readonly #free: PageAllocator;
  readonly #order: OrderChecker;
  /** By the IOVA of each page that is mapped. */
  readonly #pieces = new Map<number, Piece>();
  #process: Range[] = [];

  constructor(mappings: DmaMappings, free: PageAllocator, order: OrderChecker) {
    this.mappings = mappings;
    this.#free = free;
    this.#order = order;
  }

  /** Map a buffer. @returns its address */
  map(iova: number, bytes: number, write: boolean): { readonly at: number } | DriverRefusal {
    const at = this.#free.allocate(bytes);
    if (at === null) return { refused: "The guest has no memory left for a buffer." };
    const why = this.mappings.map(iova, at, bytes, { read: true, write, execute: false, user: true });
    if (why !== null) {
      this.#free.release(at, bytes);
      return { refused: `The range is ${why}.` };
    }
    const piece = { va: iova, at, bytes, left: bytes };
    for (let va = iova; va < iova + bytes; va += PAGE) this.#pieces.set(va, piece);
    return { at };
  }

  /** Give the process addresses, without pages. */
  promise(iova: number, bytes: number, write: boolean): void {
    this.#forget(iova, bytes);
    this.#process.push({ from: iova, end: iova + bytes, write });
  }

  /** Bring the pages of a group of requests; the first that is not the process's decides. */
  serve(group: readonly PageRequest[]): PageResponse {
    return group.every((request) => this.#bring(request)) ? PageResponse.Success : PageResponse.InvalidRequest;
  }

  /**
   * Unmap what is mapped of a range; memory of which nothing is mapped any more goes back when the IOMMU cannot reach it.
   * @returns bytes that were mapped
   */
  unmap(iova: number, bytes: number): number {
    const { space } = this.mappings;
    this.#forget(iova, bytes);
    const gone = this.#take(iova, bytes);
    this.#order.leaving(space, iova, bytes);
    return this.mappings.unmap(iova, bytes, () => {
      for (const piece of gone) {
        this.#order.freed(space, piece.va, piece.bytes);
        this.#free.release(piece.at, piece.bytes);
      }
    });
  }

  /** The space has been given up: everything in it goes back. */
  dispose(): void {
    for (const { at, bytes } of new Set(this.#pieces.values())) this.#free.release(at, bytes);
    this.#pieces.clear();
  }

  #bring({ address, write, execute }: PageRequest): boolean {
    const va = Number(address - (address % BigInt(PAGE)));
    const range = this.#process.find(({ from, end }) => from <= va && va < end);
    if (range === undefined || execute || (write && !range.write)) return false;
    // An earlier fault brought it already.
    if (this.mappings.space.tables.find(va) !== null) return true;
    return "at" in this.map(va, PAGE, range.write);
  }

  /** Take addresses away from the process. */
  #forget(iova: number, bytes: number): void {
    const end = iova + bytes;
    this.#process = this.#process.flatMap((range) =>
      [
        { ...range, end: Math.min(range.end, iova) },
        { ...range, from: Math.max(range.from, end) },
      ].filter((left) => left.from < left.end),
    );
  }

  /** Pages of a range are mapped no longer. @returns pieces of which none is */
  #take(iova: number, bytes: number): Piece[] {
    const end = iova + bytes;
    const gone: Piece[] = [];
    const page = (va: number): void => {
      const piece = this.#pieces.get(va);
      if (piece === undefined) return;
      this.#pieces.delete(va);
      piece.left -= PAGE;
      if (piece.left === 0) gone.push(piece);
    };
    // By whichever way is shorter.
    if (bytes / PAGE <= this.#pieces.size) for (let va = iova; va < end; va += PAGE) page(va);
    else for (const va of this.#pieces.keys()) if (iova <= va && va < end) page(va);
    return gone;
  }
}
