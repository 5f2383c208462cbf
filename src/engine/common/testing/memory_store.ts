/** Tables that tests build in physical memory, wherever what their software calls an address lies. */
import { highHalf, lowHalf } from "../../../base/address.ts";
import type { TableStore } from "../../../pagetable/build.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";

/**
 * @param allocate a free page, as the tables' software calls it; `place` is where an address of that software lies
 * @param entries takes the physical address of each entry that is written
 */
export function memoryStore(
  memory: PhysicalMemory,
  allocate: () => number,
  place: (at: number) => number,
  entries: number[],
): TableStore {
  return {
    allocate,
    read: (at) => {
      memory.read64(highHalf(place(at)), lowHalf(place(at)));
    },
    isZero: (at, bytes) => memory.isZero(place(at), bytes),
    get hi() {
      return memory.hi;
    },
    get lo() {
      return memory.lo;
    },
    write: (at, hi, lo) => {
      entries.push(place(at));
      memory.write64(highHalf(place(at)), lowHalf(place(at)), hi, lo);
    },
  };
}
