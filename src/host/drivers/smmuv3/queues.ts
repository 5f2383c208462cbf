/**
 * The kernel's side of an SMMUv3's Command, Event and PRI queues. IHI 0070 §3.5, §4, §7.1, §7.4.
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { RESERVED_EVENT } from "../../../arch/smmuv3/events.ts";
import { PAGE_REQUEST } from "../../../arch/smmuv3/page_request.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

const COMMAND_BYTES = 16;
const RECORD_BYTES = { EVENTQ: 32, PRIQ: 16 } as const;
const COMMANDS_LG2 = 8;
const RECORDS_LG2 = 7;
/** Index and wrap bit of CONS; the error code stands above. */
const INDEX_MASK = 0xfffff;
const OVERFLOW = 31;
const RECORD = { EVENTQ: RESERVED_EVENT, PRIQ: PAGE_REQUEST } as const;
const SYNC = commandByName("CMD_SYNC")!.layout;
const MOST_REFUSED = 64;
/** GERROR.CMDQ_ERR. */
const COMMAND_ERROR = 1n;

/** A command as four 32-bit words. */
export type CommandWords = Uint32Array;

/** A command by name. */
export function command(name: string, fields: FieldNumbers): CommandWords {
  const definition = commandByName(name);
  if (definition === undefined) throw new Error(`no command ${name}`);
  return encodeFields(definition.layout, { Opcode: definition.opcode, ...fields });
}

export class CommandQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  readonly #entries: number;
  #prod = 0;

  private constructor(registers: KernelRegisters, memory: OwnMemory, base: number, entries: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = base;
    this.#entries = entries;
  }

  /** Make the queue and tell the SMMU; it runs once CR0.CMDQEN is set. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): CommandQueue | null {
    const lg2 = Math.min(COMMANDS_LG2, registers.field("SMMU_IDR1", "CMDQS"));
    const base = memory.allocate(COMMAND_BYTES * 2 ** lg2);
    if (base === null) return null;
    registers.writeFields("SMMU_CMDQ_BASE", { ADDR: base, LOG2SIZE: lg2, RA: 1 });
    registers.write("SMMU_CMDQ_PROD", 0n);
    registers.write("SMMU_CMDQ_CONS", 0n);
    return new CommandQueue(registers, memory, base, 2 ** lg2);
  }

  /** The newest commands that the SMMU refused and that were taken out of the queue. */
  readonly refused: CommandWords[] = [];

  /** Run commands and wait until they have taken effect. */
  run(commands: readonly CommandWords[]): void {
    const sync = command("CMD_SYNC", { CS: 0 });
    // One slot stays free, and one is for the sync.
    const batch = this.#entries - 2;
    for (let from = 0; from < commands.length; from += batch) {
      const some = commands.slice(from, from + batch);
      for (const words of [...some, sync]) this.#put(words);
      this.#registers.write("SMMU_CMDQ_PROD", BigInt(this.#prod));
      this.#repair(sync);
    }
  }

  #put(words: CommandWords): void {
    this.#memory.writeWords(this.#base + COMMAND_BYTES * (this.#prod % this.#entries), words, "command");
    this.#prod = (this.#prod + 1) % (2 * this.#entries);
  }

  /** Put a sync in the place of a command that the SMMU stopped at, and have it go on. */
  #repair(sync: CommandWords): void {
    for (let tries = 0; tries < this.#entries; tries++) {
      const error = (this.#registers.read("SMMU_GERROR") ^ this.#registers.read("SMMU_GERRORN")) & COMMAND_ERROR;
      if (error === 0n) return;
      const cons = Number(this.#registers.read("SMMU_CMDQ_CONS")) & INDEX_MASK;
      const at = this.#base + COMMAND_BYTES * (cons % this.#entries);
      if (this.refused.push(this.#memory.readWords(at, SYNC)) > MOST_REFUSED) this.refused.shift();
      this.#memory.writeWords(at, sync, "CMD_SYNC");
      this.#registers.write("SMMU_GERRORN", this.#registers.read("SMMU_GERROR"));
    }
  }
}

/** A queue that the SMMU writes records to. */
export class RecordQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #name: "EVENTQ" | "PRIQ";
  readonly #base: number;
  readonly #entries: number;

  private constructor(
    registers: KernelRegisters,
    memory: OwnMemory,
    name: "EVENTQ" | "PRIQ",
    base: number,
    entries: number,
  ) {
    this.#registers = registers;
    this.#memory = memory;
    this.#name = name;
    this.#base = base;
    this.#entries = entries;
  }

  /** Make the queue and tell the SMMU; it is written once CR0 enables it. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory, name: "EVENTQ" | "PRIQ"): RecordQueue | null {
    const lg2 = Math.min(RECORDS_LG2, registers.field("SMMU_IDR1", `${name}S`));
    const base = memory.allocate(RECORD_BYTES[name] * 2 ** lg2);
    if (base === null) return null;
    registers.writeFields(`SMMU_${name}_BASE`, { ADDR: base, LOG2SIZE: lg2, WA: 1 });
    registers.write(`SMMU_${name}_PROD`, 0n);
    registers.write(`SMMU_${name}_CONS`, 0n);
    return new RecordQueue(registers, memory, name, base, 2 ** lg2);
  }

  /** Take the records that are there; an overflow is acknowledged with them. */
  take(): Uint32Array[] {
    const mask = 2 * this.#entries - 1;
    const bytes = RECORD_BYTES[this.#name];
    const prod = Number(this.#registers.read(`SMMU_${this.#name}_PROD`));
    let cons = Number(this.#registers.read(`SMMU_${this.#name}_CONS`)) & mask;
    const records: Uint32Array[] = [];
    while (cons !== (prod & mask)) {
      records.push(this.#memory.readWords(this.#base + bytes * (cons % this.#entries), RECORD[this.#name]));
      cons = (cons + 1) & mask;
    }
    if (records.length > 0) {
      const acknowledged = BigInt(prod >>> OVERFLOW) << BigInt(OVERFLOW);
      this.#registers.write(`SMMU_${this.#name}_CONS`, BigInt(cons) | acknowledged);
    }
    return records;
  }
}
