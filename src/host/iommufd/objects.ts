/**
 * Objects of one iommufd file and their ids. Linux 7.2, drivers/iommu/iommufd/main.c.
 *
 * One number space for all types, from 1 up, the lowest free id first. An object counts those that use it; a user may
 * destroy it when nobody does.
 */

export type ObjectType =
  | "IOAS"
  | "DEVICE"
  | "HWPT_PAGING"
  | "HWPT_NESTED"
  | "FAULT"
  | "VIOMMU"
  | "VDEVICE"
  | "VEVENTQ"
  | "HW_QUEUE"
  | "ACCESS"
  | "SELFTEST";

/** What every object has. Objects extend this. */
export abstract class KernelObject {
  abstract readonly type: ObjectType;
  /** Number in its file; 0 until it is given one. */
  id = 0;
  /** Others that hold a reference: other objects, attachments, open files. */
  users = 0;

  /** Give back what the object holds. Called once, when it leaves the table. */
  abstract release(): void;
}

/** Largest id: 31 bits. */
const LAST_ID = 0x7fffffff;

/** Stands for an id that is taken without an object behind it. */
const RESERVED = Symbol("reserved");

export class ObjectTable {
  readonly #entries = new Map<number, KernelObject | typeof RESERVED>();
  #firstFree = 1;

  get empty(): boolean {
    return this.#entries.size === 0;
  }

  /** Every object, in order of id. */
  all(): KernelObject[] {
    return [...this.#entries.values()].filter((e): e is KernelObject => e !== RESERVED).sort((a, b) => a.id - b.id);
  }

  /** Take the lowest free id; null when there is none left. */
  reserve(): number | null {
    let id = this.#firstFree;
    while (this.#entries.has(id)) id++;
    if (id > LAST_ID) return null;
    this.#entries.set(id, RESERVED);
    this.#firstFree = id + 1;
    return id;
  }

  /** Give back an id that never got its object. */
  abandon(id: number): void {
    this.#entries.delete(id);
    this.#firstFree = Math.min(this.#firstFree, id);
  }

  /** Put an object behind a reserved id. */
  finalize<T extends KernelObject>(id: number, object: T): T {
    object.id = id;
    this.#entries.set(id, object);
    return object;
  }

  /** Add an object under the lowest free id. */
  add<T extends KernelObject>(object: T): T {
    return this.finalize(this.reserve()!, object);
  }

  get(id: number): KernelObject | null {
    const entry = this.#entries.get(id);
    return entry === undefined || entry === RESERVED ? null : entry;
  }

  /** The object if it is of that type; a wrong type is as good as none. */
  find<T extends KernelObject>(id: number, type: abstract new (...args: never[]) => T): T | null {
    const object = this.get(id);
    return object instanceof type ? object : null;
  }

  /** Take an object out and release it. With `tombstone` its id stays taken as long as the file is open. */
  remove(object: KernelObject, tombstone = false): void {
    if (this.#entries.get(object.id) !== object) return;
    if (tombstone) this.#entries.set(object.id, RESERVED);
    else this.abandon(object.id);
    object.release();
  }
}
