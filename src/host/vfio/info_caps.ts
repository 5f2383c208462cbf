/** Capabilities behind VFIO_IOMMU_GET_INFO: a chain of headers with bodies. include/uapi/linux/vfio.h. */
import type { AddressRange } from "../drivers/driver.ts";
import { join } from "../iommufd/fault_queue.ts";
import { struct, u16, u32 } from "../uapi_struct.ts";
import { IOMMU_GET_INFO } from "./ioctls.ts";

const HEADER = struct("vfio_info_cap_header", "include/uapi/linux/vfio.h", [
  u16("id", "which capability"),
  u16("version", "version of its body"),
  u32("next", "where the next one begins, 0 for none"),
]);

/** One capability: id and body. */
export interface InfoCap {
  readonly id: number;
  readonly body: Uint8Array;
}

const CapId = { IOVA_RANGE: 1, MIGRATION: 2, DMA_AVAIL: 3 } as const;

/** Usable addresses. */
export function iovaRangeCap(ranges: readonly AddressRange[]): InfoCap {
  const words = new BigUint64Array([BigInt(ranges.length), ...ranges.flatMap((r) => [r.start, r.last])]);
  return { id: CapId.IOVA_RANGE, body: new Uint8Array(words.buffer) };
}

/** Dirty tracking of the type1 backend. */
export function migrationCap(pageSizes: bigint, mostBytes: bigint): InfoCap {
  const words = new BigUint64Array([0n, pageSizes, mostBytes]);
  return { id: CapId.MIGRATION, body: new Uint8Array(words.buffer) };
}

/** How many more mappings there may be. */
export function dmaAvailCap(available: number): InfoCap {
  return { id: CapId.DMA_AVAIL, body: new Uint8Array(new Uint32Array([available, 0]).buffer) };
}

/** The chain as it follows the fixed part. */
export function chainOf(caps: readonly InfoCap[]): Uint8Array {
  let at: number = IOMMU_GET_INFO.size;
  return join(
    caps.flatMap(({ id, body }, i) => {
      at += HEADER.size + body.length;
      return [HEADER.encode({ id, version: 1, next: i + 1 < caps.length ? at : 0 }), body];
    }),
  );
}
