/**
 * A process as the kernel sees it: an address space whose pages lie in physical memory, and open files.
 * Addresses are bigint.
 */
import { MemoryStatus, type PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { Errno, Returned } from "./errno.ts";

/** A run of user addresses that lies in one piece of physical memory. */
export interface UserRegion {
  readonly va: bigint;
  readonly bytes: bigint;
  readonly pa: bigint;
  readonly writable: boolean;
}

/** A run of user addresses as numbers, which user addresses that are mapped are exactly: they have at most 52 bits. */
interface Region {
  readonly from: number;
  readonly to: number;
  readonly pa: number;
  readonly writable: boolean;
}

/** An open file. What a file does not offer it leaves out. */
export interface OpenFile {
  /** What kind of file this is, such as `iommufd`. */
  readonly kind: string;
  ioctl?(caller: Process, request: number, argument: bigint): Returned;
  /** Read at most `count` bytes at a file offset. */
  read?(count: number, offset: bigint): Uint8Array | Errno;
  write?(bytes: Uint8Array, offset: bigint): Returned;
  /** POLLIN (1) and POLLOUT (4) as they hold now. */
  poll?(): number;
  /** Physical address of byte `offset`, for files that can be mapped for DMA; null past the end. */
  pageAt?(offset: bigint): bigint | null;
  /** Map part of the file. */
  mmap?(offset: bigint, length: bigint, flags: MapFlags): Errno | null;
  munmap?(offset: bigint): void;
  /** The last descriptor went away. */
  close(): void;
}

export interface MapFlags {
  readonly shared: boolean;
  readonly executable: boolean;
}

/** First descriptor that a process hands out: 0 to 2 are the standard streams. */
const FIRST_FD = 3;

export class Process {
  readonly memory: PhysicalMemory;
  #regions: readonly Region[] = [];
  readonly #files = new Map<number, OpenFile>();

  constructor(memory: PhysicalMemory, regions: readonly UserRegion[]) {
    this.memory = memory;
    this.remap(regions);
  }

  /** Replace what is mapped, as mmap and munmap of the process's own memory do. */
  remap(regions: readonly UserRegion[]): void {
    this.#regions = regions.map(({ va, bytes, pa, writable }) => {
      return { from: Number(va), to: Number(va + bytes), pa: Number(pa), writable };
    });
  }

  /** Open a file: the lowest free descriptor. */
  install(file: OpenFile): number {
    let fd = FIRST_FD;
    while (this.#files.has(fd)) fd++;
    this.#files.set(fd, file);
    return fd;
  }

  file(fd: number): OpenFile | null {
    return this.#files.get(fd) ?? null;
  }

  /** Every open file with its descriptor, in order of opening. */
  openFiles(): [number, OpenFile][] {
    return [...this.#files];
  }

  close(fd: number): Errno | null {
    const file = this.#files.get(fd);
    if (file === undefined) return "EBADF";
    this.#files.delete(fd);
    file.close();
    return null;
  }

  ioctl(fd: number, request: number, argument: bigint): Returned {
    const file = this.#files.get(fd);
    if (file === undefined) return "EBADF";
    return file.ioctl?.(this, request, argument) ?? "ENOTTY";
  }

  /** Physical address behind a user address, null where it is not mapped, or not for writing. */
  translate(va: bigint, write: boolean): bigint | null {
    const at = Number(va);
    const region = this.#regionOf(at, write);
    return region === null ? null : BigInt(region.pa + (at - region.from));
  }

  /** Copy from user memory; null where some of it is not mapped. */
  read(va: bigint, length: number): Uint8Array<ArrayBuffer> | null {
    const out = new Uint8Array(length);
    return this.#copy(va, out, false) ? out : null;
  }

  /** Copy to user memory; false where some of it is not mapped. */
  write(va: bigint, bytes: Uint8Array): boolean {
    return this.#copy(va, bytes, true);
  }

  /** Copy between user memory and bytes, region by region. */
  #copy(va: bigint, bytes: Uint8Array, write: boolean): boolean {
    const { memory } = this;
    const first = Number(va);
    for (let done = 0; done < bytes.length; ) {
      const at = first + done;
      const region = this.#regionOf(at, write);
      if (region === null) return false;
      const pa = region.pa + (at - region.from);
      const run = Math.min(bytes.length - done, region.to - at);
      const piece = run === bytes.length ? bytes : bytes.subarray(done, done + run);
      const status = write ? memory.writeBytes(pa, piece) : memory.readBytes(pa, piece);
      if (status !== MemoryStatus.Ok) return false;
      done += run;
    }
    return true;
  }

  /** The region of an address, null where nothing is mapped, or not for writing. */
  #regionOf(at: number, write: boolean): Region | null {
    for (const region of this.#regions) {
      if (at >= region.from && at < region.to) return write && !region.writable ? null : region;
    }
    return null;
  }
}
