/** Buffers that a kernel maps for its device and unmaps after use, as the DMA API of an operating system is used. */
import type { Action } from "../../protocol/machine.ts";
import { type Buffer, type Ground, PAGE, WRITE } from "./ground.ts";
import type { Run } from "./mapped_ground.ts";

/** Addresses that buffers are mapped at: enough that none is used again soon. */
const WINDOW = 1024 * PAGE;
/** Windows begin here at the earliest, above what platforms keep low, and end below the interrupt window of x86. */
const FIRST = 0x1000_0000n;
const LAST = 0xc000_0000n;

/** The first window that no mapped run reaches into, or null. */
export function freeWindow(runs: readonly Run[]): bigint | null {
  for (let at = FIRST; at < LAST; at += BigInt(WINDOW)) {
    const end = at + BigInt(WINDOW);
    if (runs.every(({ iova, bytes }) => iova >= end || iova + BigInt(bytes) <= at)) return at;
  }
  return null;
}

/**
 * @param device id of the device as the kernel knows it
 * @param window address of {@link freeWindow} in every one of `spaces`
 */
export function guestGround(device: number, spaces: readonly (number | null)[], window: bigint): Ground {
  const held = new Map<bigint, Buffer>();
  let next = 0;

  /** Addresses in a row that no buffer has, after those given out last. */
  function place(bytes: number): bigint {
    for (;;) {
      if (next + bytes > WINDOW) next = 0;
      const from = window + BigInt(next);
      const to = from + BigInt(bytes);
      next += bytes;
      const free = [...held.values()].every((b) => b.iova >= to || b.iova + BigInt(b.bytes) <= from);
      if (free) return from;
    }
  }
  return {
    spaces,
    *take(ssid, pages, permissions): Generator<Action, Buffer> {
      const bytes = pages * PAGE;
      const buffer = { iova: place(bytes), bytes, permissions, ssid };
      held.set(buffer.iova, buffer);
      const write = (permissions & WRITE) !== 0;
      yield { do: "guest map", device, pasid: ssid, iova: buffer.iova, bytes, write };
      return buffer;
    },
    *give({ iova, bytes, ssid }) {
      held.delete(iova);
      yield { do: "guest unmap", device, pasid: ssid, iova, bytes };
    },
    held: () => [...held.values()],
  };
}
