/**
 * PARTIDs of a virtual machine: the Virtual Machine Structure that all of its stream table entries name, as they share a
 * VMID. IHI 0070 §5.6, §17.2. Linux 7.2 has none; this is what the specification asks of a hypervisor.
 */
import { MAPPED_PARTIDS, VMS } from "../../../arch/smmuv3/vms.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";

const VMS_BYTES = 4096;

export class PartitionMap {
  readonly #memory: OwnMemory;
  readonly #at: number;
  readonly #partids: readonly number[];

  private constructor(memory: OwnMemory, at: number, partids: readonly number[]) {
    this.#memory = memory;
    this.#at = at;
    this.#partids = partids;
  }

  /**
   * @param partids physical PARTIDs of the virtual machine by its own numbers, at least one
   * @returns null without memory
   */
  static make(memory: OwnMemory, partids: readonly number[]): PartitionMap | null {
    const at = memory.allocate(VMS_BYTES);
    if (at === null) return null;
    const map = new PartitionMap(memory, at, partids);
    const numbers = Array.from({ length: MAPPED_PARTIDS }, (_, id) => [`PARTID${id}`, map.#physical(id)] as const);
    memory.writeFields(at, VMS, Object.fromEntries(numbers));
    return map;
  }

  /** Fields of an STE: the map, and the PARTID of what no context labels. */
  get steFields(): FieldNumbers {
    return { VMSPtr: this.#at, PARTID: this.#physical(0) };
  }

  release(): void {
    this.#memory.release(this.#at, VMS_BYTES);
  }

  /** Numbers that the virtual machine does not have are its first: none leads out of what it was given. */
  #physical(id: number): number {
    return this.#partids[id] ?? this.#partids[0] ?? 0;
  }
}
