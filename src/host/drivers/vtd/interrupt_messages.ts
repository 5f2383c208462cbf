/** Messages of devices by way of the interrupt remapping table. VT-d §5.1, §9.10. */
import { IRTE_REMAPPED, REMAPPABLE_ADDRESS } from "../../../arch/vtd/irte.ts";
import { encodeFields } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import type { HostDevice, Message } from "../driver.ts";

const ENTRIES_LG2 = 8;
const ENTRY_BYTES = IRTE_REMAPPED.bits / 8;
const FIRST_VECTOR = 0x41;

export class InterruptMessages {
  readonly #unit: RemappingUnit;
  readonly #memory: OwnMemory;
  readonly #base: number;
  /** Devices by their handle. */
  readonly #handles: HostDevice[] = [];

  private constructor(unit: RemappingUnit, memory: OwnMemory, base: number) {
    this.#unit = unit;
    this.#memory = memory;
    this.#base = base;
  }

  /** Make the table, tell the unit and switch remapping on. @returns null without memory */
  static start(unit: RemappingUnit, memory: OwnMemory): InterruptMessages | null {
    const base = memory.allocate(ENTRY_BYTES * 2 ** ENTRIES_LG2);
    if (base === null) return null;
    unit.registers.writeFields("IRTA", { IRTA: base, S: ENTRIES_LG2 - 1 });
    unit.commands.give("SIRTP");
    unit.run(unit.drop.interrupts(null));
    unit.commands.give("IRE");
    return new InterruptMessages(unit, memory, base);
  }

  /** The message that a device is to send: the handle of an entry of its own. @returns null when none is left */
  of(device: HostDevice): Message | null {
    let handle = this.#handles.indexOf(device);
    if (handle < 0) handle = this.#handles.push(device) - 1;
    if (handle >= 2 ** ENTRIES_LG2) return null;
    const entry = { P: 1, V: FIRST_VECTOR + handle, SVT: 1, SID: device.sid };
    this.#memory.writeFields(this.#base + ENTRY_BYTES * handle, IRTE_REMAPPED, entry);
    this.#unit.run(this.#unit.drop.interrupts(handle));
    const words = encodeFields(REMAPPABLE_ADDRESS, { FEE: 0xfee, FORMAT: 1, SHV: 1, HANDLE_14_0: handle });
    return { address: BigInt(words[0]!), data: 0 };
  }
}
