/** Messages of devices by way of their interrupt remapping tables. 48882 §2.2.5. */
import { IRTE } from "../../../arch/amdvi/irte.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { HostDevice, Message } from "../driver.ts";

const ENTRIES_LG2 = 9;
const BYTES = (IRTE.bits / 8) * 2 ** ENTRIES_LG2;
const FIRST_VECTOR = 0x41;
const APIC_BASE = 0xfee0_0000n;
/** IntCtl: remapped. */
const REMAPPED = 2;

export class InterruptTables {
  readonly #memory: OwnMemory;
  /** By DeviceID. */
  readonly #tables = new Map<number, number>();

  constructor(memory: OwnMemory) {
    this.#memory = memory;
  }

  /** Make a device's table. @returns false without memory */
  add({ sid }: HostDevice): boolean {
    const table = this.#memory.allocate(BYTES);
    if (table !== null) this.#tables.set(sid, table);
    return table !== null;
  }

  /** Fields of a device's entry that lead to its table. */
  entryFields({ sid }: HostDevice): FieldNumbers {
    const table = this.#tables.get(sid);
    return table === undefined ? {} : { IV: 1, IntCtl: REMAPPED, IntTabLen: ENTRIES_LG2, InterruptTableRootPtr: table };
  }

  /**
   * The message that a device is to send: its data is an index of the device's table.
   * @param changed the device's table was written
   */
  message({ sid }: HostDevice, changed: () => void): Message | null {
    const table = this.#tables.get(sid);
    if (table === undefined) return null;
    const [entry] = encodeFields(IRTE, { RemapEn: 1, Vector: FIRST_VECTOR });
    // An entry has half of the 64 bits that memory is written by.
    this.#memory.read(table);
    this.#memory.write(table, this.#memory.hi, entry!, IRTE.name);
    changed();
    return { address: APIC_BASE, data: 0 };
  }
}
