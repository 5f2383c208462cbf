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

/** Memory of the kernel's that is mapped somewhere. */
interface Piece {
  readonly at: number;
  readonly bytes: number;
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
  /** By IOVA. */
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
    this.#pieces.set(iova, { at, bytes });
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
   * Unmap what is mapped of a range; what lies there wholly goes back when the IOMMU cannot reach it any more.
   * @returns bytes that were mapped
   */
  unmap(iova: number, bytes: number): number {
    const { space } = this.mappings;
    this.#forget(iova, bytes);
    const gone = this.#within(iova, bytes);
    for (const [va] of gone) this.#pieces.delete(va);
    this.#order.leaving(space, iova, bytes);
    return this.mappings.unmap(iova, bytes, () => {
      for (const [va, piece] of gone) {
        this.#order.freed(space, va, piece.bytes);
        this.#free.release(piece.at, piece.bytes);
      }
    });
  }

  /** The space has been given up: everything in it goes back. */
  dispose(): void {
    for (const { at, bytes } of this.#pieces.values()) this.#free.release(at, bytes);
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

  /** Pieces that lie wholly in a range, by whichever way is shorter. */
  #within(iova: number, bytes: number): (readonly [iova: number, piece: Piece])[] {
    const end = iova + bytes;
    if (bytes / PAGE > this.#pieces.size) {
      return [...this.#pieces].filter(([va, piece]) => iova <= va && va + piece.bytes <= end);
    }
    const found: (readonly [number, Piece])[] = [];
    for (let va = iova; va < end; ) {
      const piece = this.#pieces.get(va);
      if (piece !== undefined && va + piece.bytes <= end) found.push([va, piece]);
      va += piece?.bytes ?? PAGE;
    }
    return found;
  }
}
