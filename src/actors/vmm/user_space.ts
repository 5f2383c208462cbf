/**
 * What a process asks of the kernel it runs on: files, calls, and memory of its own. Linux 7.2, include/uapi.
 */

import type { RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";

/** A process's side of the system call boundary. Descriptors and returns are numbers; a failed call gives an errno's name. */
export interface SystemCalls {
  /** Open a file such as `/dev/iommu` or `/dev/vfio/devices/0000:00:04.0`. */
  open(path: string): number | string;
  close(fd: number): void;
  /** Make an event counter: what is read of it is how often it was signalled, 64 bits. */
  eventfd(): number;
  ioctl(fd: number, request: number, argument: bigint): number | string;
  /** @param offset in the file; absent: where nothing else is said, 0 */
  read(fd: number, count: number, offset?: bigint): Uint8Array | string;
  write(fd: number, bytes: Uint8Array, offset: bigint): number | string;
  /** Where a symbolic link of sysfs leads, such as that of a device to its IOMMU group; null where there is none. */
  readlink(path: string): string | null;
  /** Map pages of registers that a file hands out, shared: they are the hardware's own. */
  mmap(fd: number, offset: bigint, length: bigint): RegisterPages | string;
  /** The process's own memory; null or false where nothing is mapped. */
  load(va: bigint, length: number): Uint8Array | null;
  store(va: bigint, bytes: Uint8Array): boolean;
}

/** A structure of the user interface, as declared beside the calls. */
export interface CallStruct<V> {
  readonly name: string;
  readonly size: number;
  readonly request: number;
  decode(bytes: Uint8Array): V;
  encode(values: Partial<V>): Uint8Array;
}

/** What a call came to: the structure as the kernel left it, or an errno's name. */
export type Called<V> =
  | { readonly ok: true; readonly out: V; readonly returned: number }
  | { readonly ok: false; readonly errno: string };

/** Where the process keeps arguments of calls, and data that they point to. */
const ARGUMENT = 0x7f00_0000_0000n;
const DATA = ARGUMENT + 0x1000n;
/** Bytes of {@link ARGUMENT} and {@link DATA} together. */
export const SCRATCH_BYTES = 0x20_0000n;
export const SCRATCH = ARGUMENT;

export class Caller {
  readonly system: SystemCalls;
  readonly #journal: Journal;

  constructor(system: SystemCalls, journal: Journal) {
    this.system = system;
    this.#journal = journal;
  }

  /**
   * Make a call.
   * @param sizeField is filled in; null for a structure without
   * @param tail what follows the structure
   */
  call<V>(
    fd: number,
    struct: CallStruct<V>,
    values: Partial<NoInfer<V>>,
    sizeField: string | null,
    tail: Uint8Array | null = null,
  ): Called<V> {
    return this.#journal.during("VMM", "ioctl", struct.name, () => {
      const bytes = struct.encode(
        sizeField === null ? values : { ...values, [sizeField]: struct.size + (tail?.length ?? 0) },
      );
      this.system.store(ARGUMENT, bytes);
      if (tail !== null) this.system.store(ARGUMENT + BigInt(struct.size), tail);
      const returned = this.system.ioctl(fd, struct.request, ARGUMENT);
      if (typeof returned === "string") return { ok: false, errno: returned };
      return { ok: true, out: struct.decode(this.system.load(ARGUMENT, struct.size) ?? bytes), returned };
    });
  }

  /** Make a call whose argument is a number, or an address. @returns what it returned, or an errno's name */
  plain(fd: number, name: string, request: number, argument: bigint): number | string {
    return this.#journal.during("VMM", "ioctl", name, () => this.system.ioctl(fd, request, argument));
  }

  /** Put data where calls can point to. */
  data(bytes: Uint8Array): bigint {
    this.system.store(DATA, bytes);
    return DATA;
  }
}

/** A step that the kernel refused. */
export interface Refused {
  readonly step: string;
  readonly errno: string;
}

/** Calls one after the other, until one is refused; then the rest is left out. */
export class Steps {
  readonly #caller: Caller;
  refused: Refused | null = null;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  open(path: string): number {
    const fd = this.refused === null ? this.#caller.system.open(path) : -1;
    if (typeof fd === "number") return fd;
    this.refused = { step: `open ${path}`, errno: fd };
    return -1;
  }

  call<V>(fd: number, struct: CallStruct<V>, values: Partial<NoInfer<V>>, sizeField: string | null = "size"): V {
    const nothing = (): V => struct.decode(new Uint8Array(struct.size));
    if (this.refused !== null) return nothing();
    const called = this.#caller.call(fd, struct, values, sizeField);
    if (called.ok) return called.out;
    this.refused = { step: struct.name, errno: called.errno };
    return nothing();
  }

  /**
   * A call that may be refused with one errno, which is an answer like others.
   * @returns null where it was done, else the refusal
   */
  attempt<V>(
    fd: number,
    struct: CallStruct<V>,
    values: Partial<NoInfer<V>>,
    errno: string,
    sizeField: string | null = "size",
  ): Refused | null {
    if (this.refused !== null) return null;
    const called = this.#caller.call(fd, struct, values, sizeField);
    if (called.ok) return null;
    const refused = { step: struct.name, errno: called.errno };
    if (called.errno !== errno) this.refused = refused;
    return refused;
  }

  /** A call whose argument is a number, or an address. @returns what it returned, 0 where it was refused */
  plain(fd: number, name: string, request: number, argument: bigint): number {
    const returned = this.refused === null ? this.#caller.plain(fd, name, request, argument) : 0;
    if (typeof returned === "number") return returned;
    this.refused = { step: name, errno: returned };
    return 0;
  }

  /** Put data where calls can point to. */
  data(bytes: Uint8Array): bigint {
    return this.#caller.data(bytes);
  }

  /** Have a call's data written, make the call, and read what the kernel made of the data. */
  exchange<V>(fd: number, struct: CallStruct<V>, values: Partial<NoInfer<V>>, data: Uint8Array): [V, Uint8Array] {
    const data_uptr = this.#caller.data(data);
    const out = this.call(fd, struct, { ...values, data_len: data.length, data_uptr });
    return [out, this.#caller.system.load(data_uptr, data.length) ?? data];
  }
}
