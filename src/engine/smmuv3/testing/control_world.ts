/**
 * A world whose registers are reached as software reaches them, with a Command queue; its caches note what they are
 * asked to drop, or do it.
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { registerByName } from "../../../arch/smmuv3/registers.ts";
import type { MemoryLayout } from "../../memory/physical_memory.ts";
import type { CacheOptions } from "../caches/options.ts";
import { type CacheMaintenance, type DeviceLink, type Prefetch, TlbiOp } from "../maintenance.ts";
import { ProgrammingInterface } from "../programming_interface.ts";
import { encode, type Fields, World } from "./world.ts";

/** Where the Command queue and the Event queue of a control world lie. */
export const COMMAND_QUEUE = 0x3000_0000;
export const EVENT_QUEUE = 0x3100_0000;
/** log2 of the entries of both. */
export const QUEUE_LG2 = 5;

/** Capabilities with everything that commands ask for. */
export const CONTROL: Readonly<Record<string, Fields>> = {
  IDR0: { S1P: 1, S2P: 1, TTF: 2, Hyp: 1, ASID16: 1, VMID16: 1, CD2L: 1, ST_LEVEL: 1, MSI: 1, ATS: 1, PRI: 1, VMW: 1 },
  IDR1: { SIDSIZE: 16, SSIDSIZE: 20, EVENTQS: 8, CMDQS: 8, PRIQS: 8 },
  IDR3: { RIL: 1, MPAM: 1, DPT: 1 },
  MPAMIDR: { PARTID_MAX: 31 },
  IDR5: { OAS: 5, GRAN4K: 1, GRAN16K: 1, GRAN64K: 1, STALL_MAX: 4 },
  CR0: { SMMUEN: 1, EVENTQEN: 1, CMDQEN: 1 },
  CMDQ_BASE: { ADDR: COMMAND_QUEUE, LOG2SIZE: QUEUE_LG2 },
  EVENTQ_BASE: { ADDR: EVENT_QUEUE, LOG2SIZE: QUEUE_LG2 },
};

/** A call of an interface, in words: the method and its arguments. */
export type Call = readonly [method: string, ...operands: unknown[]];

export class ControlWorld extends World {
  /** What commands asked of caches, devices and prefetching, in order. */
  readonly calls: Call[] = [];
  readonly control: ProgrammingInterface;
  /** What the devices answer to a CMD_SYNC. */
  devicesComplete = true;
  #prod = 0;

  /** @param own caches for the SMMU: commands act on these then; without them they are noted in {@link calls} */
  constructor(
    registers: Readonly<Record<string, Fields>> = {},
    memory: Partial<MemoryLayout> = {},
    own?: CacheOptions,
  ) {
    const all: Record<string, Fields> = { ...CONTROL };
    for (const [name, fields] of Object.entries(registers)) all[name] = { ...CONTROL[name], ...fields };
    super(all, memory, own);
    const note =
      (method: string) =>
      (...operands: unknown[]): void => {
        this.calls.push([method, ...operands.map((o) => (o instanceof TlbiOp ? Object.assign({}, o) : o))]);
      };
    const caches: CacheMaintenance = {
      cfgiSte: note("cfgiSte"),
      cfgiSteRange: note("cfgiSteRange"),
      cfgiCd: note("cfgiCd"),
      cfgiCdAll: note("cfgiCdAll"),
      cfgiAll: note("cfgiAll"),
      vmsPidm: note("vmsPidm"),
      tlbi: note("tlbi"),
      tlbiVa: () => false,
      dptiAll: note("dptiAll"),
    };
    const devices: DeviceLink = {
      invalidate: note("invalidate"),
      complete: () => this.devicesComplete,
      respond: note("respond"),
    };
    const prefetch: Prefetch = { config: note("config"), addresses: note("addresses") };
    const around = own === undefined ? { caches, devices, prefetch } : { devices };
    this.control = new ProgrammingInterface(this.smmu, this.memory, around);
  }

  /** Software writes a register: all of it, by its name. */
  store(name: string, lo: number, hi = 0): void {
    const register = registerByName(name)!;
    this.control.write(this.registers.offsetOf(register), register.widthBytes, hi, lo);
  }

  /** Software reads a register's low half. */
  read(name: string): number {
    const register = registerByName(name)!;
    this.control.read(this.registers.offsetOf(register), register.widthBytes);
    return this.control.lo >>> 0;
  }

  /** Put a command's bytes into the queue, at the next place, without telling the SMMU. */
  enqueue(name: string, fields: Fields = {}): void {
    const { layout, opcode } = commandByName(name)!;
    this.enqueueWords(encode(layout, { Opcode: opcode, ...fields }));
  }

  enqueueWords(words: Uint32Array): void {
    const at = COMMAND_QUEUE + 16 * (this.#prod % 2 ** QUEUE_LG2);
    this.memory.writeBytes(at, new Uint8Array(words.buffer, words.byteOffset, 16));
    this.#prod = (this.#prod + 1) % 2 ** (QUEUE_LG2 + 1);
  }

  /** Tell the SMMU of all that is in the queue. */
  ring(): void {
    this.store("CMDQ_PROD", this.#prod);
  }

  /** Put a command into the queue and have it carried out. @returns CMDQ_CONS.ERR where it failed, else 0 */
  issue(name: string, fields: Fields = {}): number {
    this.enqueue(name, fields);
    this.ring();
    return this.error;
  }

  /** CMDQ_CONS.ERR while a Command queue error is active, else 0. */
  get error(): number {
    const active = (this.read("GERROR") ^ this.read("GERRORN")) & 1;
    return active === 0 ? 0 : this.registers.field("SMMU_CMDQ_CONS", "ERR");
  }

  /** Acknowledge every global error. */
  acknowledge(): void {
    this.store("GERRORN", this.read("GERROR"));
  }
}
