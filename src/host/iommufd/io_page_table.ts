/**
 * The IOVA space of an IOAS: areas that map memory, what is reserved and allowed, and the domains filled from it.
 * Linux 7.2, drivers/iommu/iommufd/io_pagetable.c and pages.c.
 */
import type { AddressRange, PagingDomain, Protection } from "../drivers/driver.ts";
import { type Errno, type Made, made, refused, type Status } from "../errno.ts";
import { findPlace } from "./find_place.ts";
import { byStart, holes, overlaps, ULONG_MAX } from "./ranges.ts";
import type { UserPages } from "./user_pages.ts";

/** One mapping: `length` bytes of `pages` from byte `startByte` on. */
export interface Area extends AddressRange {
  readonly pages: UserPages;
  readonly startByte: bigint;
  readonly protection: Protection;
}

/** Who reads or writes what is mapped, or has hardware do it, and pins pages for that. */
export interface Accessor {
  /** What IOVA and length of mappings must be multiples of for its sake. */
  readonly alignment: bigint;
  /** Unpin what lies in a range: it is about to be unmapped. Absent: what it has pinned cannot be unmapped. */
  letGo?(start: bigint, last: bigint): void;
}

/** Pages that are pinned, with the physical address of each. */
export interface Pin extends AddressRange {
  readonly owner: Accessor;
  readonly pages: readonly bigint[];
}

/** Memory to map: see {@link Area}. */
export interface Piece {
  readonly pages: UserPages;
  readonly startByte: bigint;
  readonly length: bigint;
}

interface Reservation extends AddressRange {
  /** Who asked for it: a device or a domain. */
  readonly owner: unknown;
}

/** Sizes of the kernel's pages. */
export interface PageSizes {
  readonly page: bigint;
  readonly hugePage: bigint;
}

const lengthOf = (r: AddressRange): bigint => r.last - r.start + 1n;

export class IoPageTable {
  readonly sizes: PageSizes;
  /** Sorted by address. */
  readonly #areas: Area[] = [];
  #reserved: Reservation[] = [];
  #allowed: readonly AddressRange[] = [];
  readonly #domains: PagingDomain[] = [];
  readonly #accessors = new Set<Accessor>();
  readonly #pins = new Set<Pin>();
  #largePages = true;
  #alignment = 1n;

  constructor(sizes: PageSizes) {
    this.sizes = sizes;
  }

  /** What IOVA and length of a mapping must be multiples of. */
  get alignment(): bigint {
    return this.#alignment;
  }

  get areas(): readonly Area[] {
    return this.#areas;
  }

  get domains(): readonly PagingDomain[] {
    return this.#domains;
  }

  get largePages(): boolean {
    return this.#largePages;
  }

  /** Everything that no reservation covers. */
  usable(): AddressRange[] {
    return holes([...this.#reserved].sort(byStart), 0n, ULONG_MAX);
  }

  /** Map pieces one after the other from `iova` on, or where there is room if it is null. */
  map(iova: bigint | null, pieces: readonly Piece[], protection: Protection): Made<bigint> {
    const length = pieces.reduce((sum, p) => sum + p.length, 0n);
    if (length === 0n || length > ULONG_MAX - this.sizes.page || length % this.#alignment !== 0n) {
      return refused("EINVAL");
    }
    const place = iova === null ? this.#findPlace(length, pieces[0]!) : this.#checkPlace(iova, length);
    if (!place.ok) return place;
    const areas: Area[] = [];
    let at = place.value;
    for (const { pages, startByte, length: bytes } of pieces) {
      const area = { start: at, last: at + bytes - 1n, pages, startByte, protection };
      if (protection.write && !pages.writable) return refused("EPERM");
      if (this.#pageOffset(area) % this.#alignment !== 0n) return refused("EINVAL");
      areas.push(area);
      at += bytes;
    }
    const status = this.#fill(areas, this.#domains);
    if (status !== null) return refused(status);
    this.#areas.splice(this.#firstFrom(place.value), 0, ...areas);
    return place;
  }

  /** The memory behind a range, or null where it is not wholly mapped. */
  pieces(iova: bigint, length: bigint): Piece[] | null {
    const last = iova + length - 1n;
    const found = this.contiguous(iova, last).map(({ area, start, last: end }) => {
      return { pages: area.pages, startByte: area.startByte + (start - area.start), length: end - start + 1n };
    });
    const bytes = found.reduce((sum, piece) => sum + piece.length, 0n);
    return bytes === length ? found : null;
  }

  /** What lies from an address on up to `last` without a hole (iopt_for_each_contig_area), area by area. */
  contiguous(iova: bigint, last: bigint): (AddressRange & { readonly area: Area })[] {
    const found: (AddressRange & { readonly area: Area })[] = [];
    let start = iova;
    for (const area of this.#areasIn(iova, last)) {
      if (area.start > start) break;
      found.push({ area, start, last: area.last < last ? area.last : last });
      start = area.last + 1n;
    }
    return found;
  }

  /** Remove whole areas within a range, upwards; those before an error stay removed. */
  unmap(start: bigint, last: bigint): { readonly status: Status; readonly bytes: bigint } {
    let bytes = 0n;
    for (const area of this.#areasIn(start, last)) {
      const pins = this.#pinsOn(area);
      if (pins.some(({ owner }) => owner.letGo === undefined)) return { status: "EBUSY", bytes };
      if (area.start < start || area.last > last) return { status: "ENOENT", bytes };
      for (const { owner } of pins) owner.letGo?.(area.start, area.last);
      this.#areas.splice(this.#firstFrom(area.start), 1);
      for (const domain of this.#domains) domain.unmap(area.start, lengthOf(area));
      bytes += lengthOf(area);
    }
    return { status: null, bytes };
  }

  /** Split the area around `iova` so that one ends there (iopt_area_split). Only with large pages off. */
  cutAfter(iova: bigint): Status {
    const area = this.#areasIn(iova, iova).find((a) => a.start < iova && a.last > iova);
    if (area === undefined) return null;
    if ((iova + 1n) % this.#alignment !== 0n || this.#pinsOn(area).length > 0) return "EINVAL";
    const low = { ...area, last: iova };
    const high = { ...area, start: iova + 1n, startByte: area.startByte + (iova + 1n - area.start) };
    this.#areas.splice(this.#firstFrom(area.start), 1, low, high);
    return null;
  }

  /** Keep mappings out of a range on behalf of `owner`. */
  reserve(range: AddressRange, owner: unknown): Status {
    const taken = this.#areasIn(range.start, range.last).length > 0 || this.#allowed.some((a) => overlaps(a, range));
    if (taken) return "EADDRINUSE";
    this.#reserved.push({ ...range, owner });
    return null;
  }

  unreserve(owner: unknown): void {
    this.#reserved = this.#reserved.filter((r) => r.owner !== owner);
  }

  /** Replace the list of places, in order, that the kernel may choose from; an empty list lifts the limit. */
  allow(ranges: readonly AddressRange[]): Status {
    if (ranges.some((range) => this.#reserved.some((r) => overlaps(r, range)))) return "EADDRINUSE";
    this.#allowed = ranges;
    return null;
  }

  /** Fill a domain with everything that is mapped, and keep it filled. */
  addDomain(domain: PagingDomain): Status {
    const alignment = domain.smallestPage > this.#alignment ? domain.smallestPage : this.#alignment;
    if (alignment > this.sizes.page) return "EINVAL";
    if (!this.#fits(alignment)) return "EADDRINUSE";
    const { start, last } = domain.aperture;
    const outside: AddressRange[] = [];
    if (start !== 0n) outside.push({ start: 0n, last: start - 1n });
    if (last !== ULONG_MAX) outside.push({ start: last + 1n, last: ULONG_MAX });
    let status: Status = null;
    for (const range of outside) status ??= this.reserve(range, domain);
    status ??= this.#fill(this.#areas, [domain]);
    if (status !== null) {
      this.unreserve(domain);
      return status;
    }
    this.#domains.push(domain);
    this.#alignment = alignment;
    return null;
  }

  removeDomain(domain: PagingDomain): void {
    const at = this.#domains.indexOf(domain);
    if (at < 0) return;
    this.#domains.splice(at, 1);
    for (const area of this.#areas) domain.unmap(area.start, lengthOf(area));
    this.unreserve(domain);
    this.#alignment = this.#wantedAlignment();
  }

  addAccessor(accessor: Accessor): Status {
    this.#accessors.add(accessor);
    const status = this.#raiseAlignment();
    if (status !== null) this.#accessors.delete(accessor);
    return status;
  }

  /** @param accessor has nothing pinned any more */
  removeAccessor(accessor: Accessor): void {
    this.#accessors.delete(accessor);
    this.#alignment = this.#wantedAlignment();
  }

  setLargePages(on: boolean): Status {
    if (on === this.#largePages) return null;
    if (!on && this.#domains.length > 0 && this.#areas.length > 0) return "EINVAL";
    this.#largePages = on;
    const status = this.#raiseAlignment();
    if (status !== null) this.#largePages = !on;
    return status;
  }

  /** Pin whole pages for reading, or for writing (iommufd_access_pin_pages). */
  pin(owner: Accessor, iova: bigint, length: bigint, write: boolean): Made<Pin> {
    const last = iova + length - 1n;
    const pages: bigint[] = [];
    let end = iova;
    for (const part of this.contiguous(iova, last)) {
      const { area, start } = part;
      if ((this.#pageOffset(area) + (start - area.start)) % this.sizes.page !== 0n) return refused("EINVAL");
      if (!mayAccess(area, write)) return refused("EPERM");
      for (let at = start; at <= part.last; at += this.sizes.page) {
        const pa = area.pages.pin(area.startByte + (at - area.start));
        if (pa === null) return refused(area.pages.unpinnable);
        pages.push(pa);
      }
      end = part.last + 1n;
    }
    if (end <= last) return refused("ENOENT");
    const pin = { owner, start: iova, last, pages };
    this.#pins.add(pin);
    return made(pin);
  }

  unpin(pin: Pin): void {
    this.#pins.delete(pin);
  }

  /** Physical pages that this address space keeps pinned, each with whose it is. */
  *pinned(): Generator<readonly [pa: bigint, pages: UserPages]> {
    for (const area of this.#areas) {
      const whole = this.#domains.length > 0;
      for (const { start, last } of whole ? [area] : this.#pinsOn(area)) {
        const from = start > area.start ? start : area.start;
        const to = last < area.last ? last : area.last;
        // The first step may end inside a page, all others are whole pages.
        let step = this.sizes.page - ((this.#pageOffset(area) + (from - area.start)) % this.sizes.page);
        for (let at = from; at <= to; at += step, step = this.sizes.page) {
          const pa = area.pages.pin(area.startByte + (at - area.start));
          if (pa !== null) yield [pa - (pa % this.sizes.page), area.pages];
        }
      }
    }
  }

  #pinsOn(area: Area): Pin[] {
    return [...this.#pins].filter((pin) => overlaps(pin, area));
  }

  /** Number of the first area that does not begin before an address. */
  #firstFrom(start: bigint): number {
    let [from, to] = [0, this.#areas.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#areas[middle]!.start < start) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Areas that lie at least in part within a range, upwards. */
  #areasIn(start: bigint, last: bigint): Area[] {
    let at = this.#firstFrom(start);
    if (at > 0 && this.#areas[at - 1]!.last >= start) at--;
    const found: Area[] = [];
    for (; at < this.#areas.length && this.#areas[at]!.start <= last; at++) found.push(this.#areas[at]!);
    return found;
  }

  /** Offset in its page of an area's first byte. */
  #pageOffset(area: Pick<Area, "pages" | "startByte">): bigint {
    return (area.pages.base + area.startByte) % this.sizes.page;
  }

  #wantedAlignment(): bigint {
    let alignment = 1n;
    for (const { smallestPage } of this.#domains) if (smallestPage > alignment) alignment = smallestPage;
    for (const accessor of this.#accessors) if (accessor.alignment > alignment) alignment = accessor.alignment;
    const { page } = this.sizes;
    return !this.#largePages && page > alignment ? page : alignment;
  }

  #raiseAlignment(): Status {
    const wanted = this.#wantedAlignment();
    if (wanted > this.#alignment && !this.#fits(wanted)) return "EADDRINUSE";
    this.#alignment = wanted;
    return null;
  }

  /** Whether every area would be aligned. */
  #fits(alignment: bigint): boolean {
    return this.#areas.every(
      (a) => a.start % alignment === 0n && lengthOf(a) % alignment === 0n && this.#pageOffset(a) % alignment === 0n,
    );
  }

  /** Map areas in domains; on failure what was mapped here is unmapped again. */
  #fill(areas: readonly Area[], domains: readonly PagingDomain[]): Status {
    const done: { readonly domain: PagingDomain; readonly start: bigint; readonly length: bigint }[] = [];
    const undo = (errno: Errno): Errno => {
      for (const { domain, start, length } of done) domain.unmap(start, length);
      return errno;
    };
    if (domains.length === 0) return null;
    for (const area of areas) {
      const runs = physicalRuns(area, this.sizes.page, this.#pageOffset(area));
      if (runs === null) return undo(area.pages.unpinnable);
      for (const domain of domains) {
        for (const { start, pa, length } of runs) {
          const status = domain.map(start, pa, length, area.protection);
          if (status !== null) return undo(status);
          done.push({ domain, start, length });
        }
      }
    }
    return null;
  }

  #checkPlace(iova: bigint, length: bigint): Made<bigint> {
    if (iova % this.#alignment !== 0n) return refused("EINVAL");
    const last = iova + length - 1n;
    if (last > ULONG_MAX) return refused("EOVERFLOW");
    if (this.#reserved.some((r) => overlaps(r, { start: iova, last }))) return refused("EINVAL");
    if (this.#areasIn(iova, last).length > 0) return refused("EEXIST");
    return made(iova);
  }

  #findPlace(length: bigint, { pages, startByte }: Piece): Made<bigint> {
    const used = [...this.#reserved, ...this.#areas].sort(byStart);
    const space = { used, allowed: this.#allowed, alignment: this.#alignment, ...this.sizes };
    const place = findPlace(space, length, pages.base + startByte);
    return place.ok ? this.#checkPlace(place.value, length) : place;
  }
}

/** Whether the mapping grants an access, and its memory allows it. */
export const mayAccess = ({ protection, pages }: Area, write: boolean): boolean =>
  write ? protection.write && pages.writable : protection.read;

/** An area as runs of physical memory; null where a page cannot be pinned. */
function physicalRuns(
  area: Area,
  page: bigint,
  offset: bigint,
): { start: bigint; pa: bigint; length: bigint }[] | null {
  const runs: { start: bigint; pa: bigint; length: bigint }[] = [];
  let at = area.start;
  // The first step may end inside a page, all others are whole pages.
  let step = page - offset;
  while (at <= area.last) {
    const pa = area.pages.pin(area.startByte + (at - area.start));
    if (pa === null) return null;
    const length = area.last - at + 1n < step ? area.last - at + 1n : step;
    const run = runs.at(-1);
    if (run !== undefined && run.pa + run.length === pa) run.length += length;
    else runs.push({ start: at, pa, length });
    at += length;
    step = page;
  }
  return runs;
}
