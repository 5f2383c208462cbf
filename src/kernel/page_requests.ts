/** Page requests of devices as every IOMMU hands them to software: one by one, in groups that get one answer each. */

/** A device asks for a page. */
export interface PageRequest {
  /** Requester. */
  readonly sid: number;
  /** Null for none. */
  readonly pasid: number | null;
  /** Page Request Group Index, 0 to 511. */
  readonly group: number;
  /** The last one of its group: the device waits for an answer to it. */
  readonly last: boolean;
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
  /** First byte of the page. */
  readonly address: bigint;
}

/** A device tells by such a request that it has stopped using its PASID; nobody waits for an answer. */
export const isStopMarker = ({ pasid, last, read, write }: PageRequest): boolean =>
  pasid !== null && last && !read && !write;

/** Codes of answers (PCI Express, chapter 10, PRG Response). */
export const PageResponse = { Success: 0, InvalidRequest: 1, Failure: 15 } as const;
export type PageResponse = (typeof PageResponse)[keyof typeof PageResponse];

/** Requests that wait for the last one of their group, at most: a device that never sends one must not cost more. */
const MOST = 512;

export class PageRequestGroups {
  #open = new Map<string, PageRequest[]>();
  #waiting = 0;

  /** Take a request. @returns its whole group, oldest first, with the last one; else null */
  add(request: PageRequest): readonly PageRequest[] | null {
    const key = `${request.sid} ${request.pasid} ${request.group}`;
    const open = this.#open.get(key) ?? [];
    if (request.last) {
      this.#open.delete(key);
      this.#waiting -= open.length;
      return [...open, request];
    }
    if (this.#waiting >= MOST) return null;
    this.#waiting++;
    this.#open.set(key, [...open, request]);
    return null;
  }

  /** Requests were lost: groups without their last request will not get it. */
  dropOpen(): void {
    this.#open = new Map();
    this.#waiting = 0;
  }
}
