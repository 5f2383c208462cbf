/**
 * The IOVA space of an IOAS: areas that map memory, what is reserved and allowed, and the domains filled from it.
 * Linux 7.2, drivers/iommu/iommufd/io_pagetable.c and pages.c.
 */
import type { AddressRange, PagingDomain, Protection } from "../drivers/driver.ts";
import { type Errno, type Made, made, refused, type Status } from "../errno.ts";
import { byStart, largestAlignment, lowestSetBit, overlaps, roundUpToPower, ULONG_MAX } from "./ranges.ts";
import type { UserPages } from "./user_pages.ts";

/** One mapping: `length` bytes of `pages` from byte `startByte` on. */
export interface Area extends AddressRange {
  readonly pages: UserPages;
  readonly startByte: bigint;
  readonly protection: Protection;
  /** Accesses that pin it: it cannot be unmapped. */
  locks: number;
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
  #accesses = 0;
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
      const area = { start: at, last: at + bytes - 1n, pages, startByte, protection, locks: 0 };
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
    const found: Piece[] = [];
    let at = iova;
    for (const area of this.#areasIn(iova, last)) {
      if (area.start > at) return null;
      const end = area.last < last ? area.last : last;
      found.push({ pages: area.pages, startByte: area.startByte + (at - area.start), length: end - at + 1n });
      at = end + 1n;
      if (at > last) return found;
    }
    return null;
  }

  /** Remove whole areas within a range, upwards; those before an error stay removed. */
  unmap(start: bigint, last: bigint): { readonly status: Status; readonly bytes: bigint } {
    let bytes = 0n;
    for (const area of this.#areasIn(start, last)) {
      if (area.locks > 0) return { status: "EBUSY", bytes };
      if (area.start < start || area.last > last) return { status: "ENOENT", bytes };
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
    if ((iova + 1n) % this.#alignment !== 0n || area.locks > 0) return "EINVAL";
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

  /** An access that pins whole pages. */
  addAccess(): Status {
    this.#accesses++;
    const status = this.#raiseAlignment();
    if (status !== null) this.#accesses--;
    return status;
  }

  removeAccess(): void {
    this.#accesses--;
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

  /** Pin a range for reading by hardware: its physical pages, and a lock on its areas. */
  pin(iova: bigint, length: bigint, lock: 1 | -1): Made<bigint[]> {
    const last = iova + length - 1n;
    const areas = this.#areasIn(iova, last);
    const pages: bigint[] = [];
    let at = iova;
    for (const area of areas) {
      if (area.start > at) return refused("ENOENT");
      if (lock === 1) {
        const offset = this.#pageOffset(area) + (at - area.start);
        if (offset % this.sizes.page !== 0n) return refused("EINVAL");
        if (!area.protection.read) return refused("EPERM");
      }
      for (; at <= area.last && at <= last; at += this.sizes.page) {
        const pa = area.pages.pin(area.startByte + (at - area.start));
        if (pa === null) return refused(area.pages.unpinnable);
        pages.push(pa);
      }
    }
    if (at <= last) return refused("ENOENT");
    for (const area of areas) area.locks += lock;
    return made(pages);
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
    for (const domain of this.#domains) if (domain.smallestPage > alignment) alignment = domain.smallestPage;
    const { page } = this.sizes;
    return (this.#accesses > 0 || !this.#largePages) && page > alignment ? page : alignment;
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

  /** The lowest hole that fits, keeping as much of the alignment of the memory as a huge page could use. */
  #findPlace(length: bigint, { pages, startByte }: Piece): Made<bigint> {
    const hint = pages.base + startByte;
    if (length >= ULONG_MAX / 2n) return refused("EOVERFLOW");
    const { page, hugePage } = this.sizes;
    const round = roundUpToPower(length);
    const kept = hint === 0n || lowestSetBit(hint) > round ? round : lowestSetBit(hint);
    const alignment = largestAlignment(kept, hugePage);
    if (alignment < this.#alignment) return refused("EINVAL");
    const offset = hint % page;
    const [first, final] = [page, ULONG_MAX - page];
    const allowed = this.#allowed.length === 0 ? [{ start: first, last: final }] : this.#allowed;
    const used = [...this.#reserved, ...this.#areas].sort(byStart);
    for (const range of allowed) {
      const start = range.start < first ? first : range.start;
      const last = range.last > final ? final : range.last;
      if (start > last) continue;
      for (const hole of holes(used, start, last)) {
        const at = (((hole.start + alignment - 1n) / alignment) * alignment) | offset;
        if (at < hole.last && hole.last - at >= length - 1n) return this.#checkPlace(at, length);
      }
    }
    return refused("ENOSPC");
  }
}

/** Ranges between `first` and `last` that none of `used`, sorted by address, covers, upwards. */
function holes(used: readonly AddressRange[], first: bigint, last: bigint): AddressRange[] {
  const found: AddressRange[] = [];
  let at = first;
  for (const r of used) {
    if (r.start > last) break;
    if (r.start > at) found.push({ start: at, last: r.start - 1n });
    if (r.last >= at) at = r.last + 1n;
  }
  if (at <= last) found.push({ start: at, last });
  return found;
}

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
