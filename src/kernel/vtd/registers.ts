/** Registers of a VT-d unit as a kernel finds them. VT-d §11.4. */
import { frcdName, registersAt } from "../../arch/vtd/registers.ts";
import type { Notes } from "../notes.ts";
import type { RegisterPages } from "../platform.ts";
import { KernelRegisters } from "../registers.ts";

const byName = (iro: number, fro: number, nfr: number) => new Map(registersAt(iro, fro, nfr).map((r) => [r.name, r]));
/** CAP and ECAP stand still; where the movable registers are, they say. */
const STILL = byName(0, 0, 0);

/** Registers of a unit, with the names of its fault recording registers. */
export interface VtdRegisters {
  readonly registers: KernelRegisters;
  readonly faultRecords: readonly string[];
}

export function openVtdRegisters(pages: RegisterPages, notes: Notes): VtdRegisters {
  const first = new KernelRegisters(pages, notes, (name) => STILL.get(name));
  const { FRO, NFR } = first.fields("CAP", "FRO", "NFR");
  const all = byName(first.field("ECAP", "IRO"), FRO, NFR);
  const faultRecords = Array.from({ length: NFR + 1 }, (_, i) => frcdName(i));
  return { registers: new KernelRegisters(pages, notes, (name) => all.get(name)), faultRecords };
}

/** Have a unit interrupt: message registers begin with FE for faults, with PE for page requests (§5.1.6). */
export function switchInterruptOn(registers: KernelRegisters, prefix: "FE" | "PE", vector: number): void {
  registers.writeFields(`${prefix}DATA`, { IMD: vector });
  registers.writeFields(`${prefix}ADDR`, { MA: APIC });
  registers.writeFields(`${prefix}UADDR`, {});
  registers.writeFields(`${prefix}CTL`, { IM: 0 });
}

/** Where interrupt messages go: processor 0. */
const APIC = 0xfee0_0000;
