/** Calls on IOAS. Linux 7.2, drivers/iommu/iommufd/ioas.c. */
import type { AddressRange, Protection } from "../drivers/driver.ts";
import type { Errno, Status } from "../errno.ts";
import type { Process } from "../process.ts";
import { call } from "./call.ts";
import type { Piece } from "./io_page_table.ts";
import { Ioas } from "./ioas.ts";
import {
  IOAS_ALLOC,
  IOAS_ALLOW_IOVAS,
  IOAS_CHANGE_PROCESS,
  IOAS_COPY,
  IOAS_IOVA_RANGES,
  IOAS_MAP,
  IOAS_MAP_FILE,
  IOAS_UNMAP,
  MAP_FIXED_IOVA,
  MAP_READABLE,
  MAP_WRITEABLE,
} from "./ioctls.ts";
import { byStart, overlaps, ULONG_MAX } from "./ranges.ts";
import { filePages, processPages } from "./user_pages.ts";

const MAP_FLAGS = MAP_FIXED_IOVA | MAP_WRITEABLE | MAP_READABLE;
const PAIR_BYTES = 16;
/** Most pairs of an allowed list that are kept: more are no caller's, and would only cost memory. */
const MOST_PAIRS = 1 << 16;

const protectionOf = (flags: number): Protection => ({
  read: (flags & MAP_READABLE) !== 0,
  write: (flags & MAP_WRITEABLE) !== 0,
});

/** Checks that MAP, MAP_FILE and COPY begin with. */
function checkMapping(flags: number, reserved: number, addresses: readonly bigint[]): Status {
  if ((flags & ~MAP_FLAGS) !== 0 || reserved !== 0) return "EOPNOTSUPP";
  if (addresses.includes(ULONG_MAX)) return "EOVERFLOW";
  return (flags & (MAP_WRITEABLE | MAP_READABLE)) === 0 ? "EINVAL" : null;
}

/** Map one piece; `values.iova` is where it goes, and becomes where it went. */
function mapPiece(ioas: Ioas, flags: number, values: { iova: bigint }, piece: Piece): Status {
  const at = (flags & MAP_FIXED_IOVA) === 0 ? null : values.iova;
  const place = ioas.table.map(at, [piece], protectionOf(flags));
  if (!place.ok) return place.errno;
  values.iova = place.value;
  return null;
}

function writePairs(process: Process, pointer: bigint, ranges: readonly AddressRange[]): boolean {
  const words = new BigUint64Array(ranges.length * 2);
  for (const [i, { start, last }] of ranges.entries()) words.set([start, last], 2 * i);
  return process.write(pointer, new Uint8Array(words.buffer));
}

/** An allowed list in order of address. Pairs are looked at one by one: what comes before one that is bad is read. */
function readPairs(process: Process, pointer: bigint, count: number): AddressRange[] | Errno {
  const pairs: AddressRange[] = [];
  let status: Errno | null = null;
  while (pairs.length < count && status === null) {
    const bytes = process.read(pointer + BigInt(pairs.length * PAIR_BYTES), PAIR_BYTES);
    if (bytes === null) status = "EFAULT";
    else if (pairs.length === MOST_PAIRS) status = "ENOMEM";
    else {
      const [start, last] = new BigUint64Array(bytes.buffer);
      if (start! >= last!) return "EINVAL";
      pairs.push({ start: start!, last: last! });
    }
  }
  pairs.sort(byStart);
  const bad = pairs.some((pair, i) => i > 0 && overlaps(pairs[i - 1]!, pair));
  return bad ? "EINVAL" : (status ?? pairs);
}

export const IOAS_CALLS = [
  call(IOAS_ALLOC, ({ context }, v) => {
    if (v.flags !== 0) return "EOPNOTSUPP";
    v.out_ioas_id = context.newIoas().id;
    return null;
  }),

  call(IOAS_MAP, ({ context, process }, v) => {
    const status = checkMapping(v.flags, v.__reserved, [v.iova, v.length]);
    if (status !== null) return status;
    const ioas = context.objects.find(v.ioas_id, Ioas);
    if (ioas === null) return "ENOENT";
    if (v.user_va + v.length > ULONG_MAX) return "EOVERFLOW";
    const writable = (v.flags & MAP_WRITEABLE) !== 0;
    const pages = processPages(process, v.user_va, writable);
    return mapPiece(ioas, v.flags, v, { pages, startByte: 0n, length: v.length });
  }),

  call(IOAS_MAP_FILE, ({ context, process }, v) => {
    const status = checkMapping(v.flags, 0, [v.iova, v.length]);
    if (status !== null) return status;
    const ioas = context.objects.find(v.ioas_id, Ioas);
    if (ioas === null) return "ENOENT";
    if (v.length === 0n) return "EINVAL";
    if (v.start + v.length - 1n > ULONG_MAX) return "EOVERFLOW";
    const file = process.file(v.fd);
    if (file === null) return "EBADF";
    const writable = (v.flags & MAP_WRITEABLE) !== 0;
    const pages = filePages(file, v.start, writable);
    return mapPiece(ioas, v.flags, v, { pages, startByte: 0n, length: v.length });
  }),

  call(IOAS_COPY, ({ context }, v) => {
    const status = checkMapping(v.flags, 0, [v.length, v.src_iova, v.dst_iova]);
    if (status !== null) return status;
    const source = context.objects.find(v.src_ioas_id, Ioas);
    if (source === null) return "ENOENT";
    if (v.length === 0n) return "EINVAL";
    if (v.src_iova + v.length - 1n > ULONG_MAX) return "EOVERFLOW";
    const pieces = source.table.pieces(v.src_iova, v.length);
    const target = pieces === null ? null : context.objects.find(v.dst_ioas_id, Ioas);
    if (pieces === null || target === null) return "ENOENT";
    const at = (v.flags & MAP_FIXED_IOVA) === 0 ? null : v.dst_iova;
    const place = target.table.map(at, pieces, protectionOf(v.flags));
    if (!place.ok) return place.errno;
    v.dst_iova = place.value;
    return null;
  }),

  call(IOAS_UNMAP, ({ context }, v) => {
    const ioas = context.objects.find(v.ioas_id, Ioas);
    if (ioas === null) return "ENOENT";
    const all = v.iova === 0n && v.length === ULONG_MAX;
    if (!all) {
      if (v.iova === ULONG_MAX || v.length === ULONG_MAX) return "EOVERFLOW";
      if (v.length === 0n) return "EINVAL";
      if (v.iova + v.length - 1n > ULONG_MAX) return "EOVERFLOW";
    }
    const last = all ? ULONG_MAX : v.iova + v.length - 1n;
    const { status, bytes } = ioas.table.unmap(v.iova, last);
    if (status !== null) return status;
    if (!all && bytes === 0n) return "ENOENT";
    v.length = bytes;
    return null;
  }),

  call(IOAS_IOVA_RANGES, ({ context, process }, v) => {
    if (v.__reserved !== 0) return "EOPNOTSUPP";
    const ioas = context.objects.find(v.ioas_id, Ioas);
    if (ioas === null) return "ENOENT";
    const ranges = ioas.table.usable();
    if (!writePairs(process, v.allowed_iovas, ranges.slice(0, v.num_iovas))) return "EFAULT";
    const room = v.num_iovas;
    v.num_iovas = ranges.length;
    v.out_iova_alignment = ioas.table.alignment;
    return room < ranges.length ? "EMSGSIZE" : null;
  }),

  call(IOAS_ALLOW_IOVAS, ({ context, process }, v) => {
    if (v.__reserved !== 0) return "EOPNOTSUPP";
    const ioas = context.objects.find(v.ioas_id, Ioas);
    if (ioas === null) return "ENOENT";
    const ranges = readPairs(process, v.allowed_iovas, v.num_iovas);
    return typeof ranges === "string" ? ranges : ioas.table.allow(ranges);
  }),

  call(IOAS_CHANGE_PROCESS, ({ context }, v) => {
    if (v.__reserved !== 0) return "EOPNOTSUPP";
    const all = context.objects.all().flatMap((o) => (o instanceof Ioas ? o.table.areas : []));
    return all.some((area) => area.pages.kind !== "file") ? "EINVAL" : null;
  }),
] as const;
