/**
 * The registers of a VT-d remapping unit, by name and offset.
 * Intel VT-d Architecture Specification, revision 4.1, §11.4.
 *
 * Offsets count from the unit's first page. Where the IOTLB and the fault recording registers lie, ECAP.IRO and CAP.FRO
 * say.
 */
import type { Layout } from "../../base/layout.ts";
import * as capability from "./capability_registers.ts";
import * as control from "./control_registers.ts";
import { FRCD } from "./fault_record.ts";
import * as queue from "./queue_registers.ts";

/** One register. */
export interface RegisterDefinition {
  readonly name: string;
  /** Byte offset from the unit's first page. */
  readonly offset: number;
  /** 32, 64 or 128 bits. */
  readonly layout: Layout;
}

const register = (offset: number, layout: Layout, name = layout.name): RegisterDefinition => ({ name, offset, layout });

/** Registers whose offset is fixed, by rising offset. */
const FIXED: readonly RegisterDefinition[] = [
  register(0x000, capability.VER),
  register(0x008, capability.CAP),
  register(0x010, capability.ECAP),
  register(0x018, control.GCMD),
  register(0x01c, control.GSTS),
  register(0x020, control.RTADDR),
  register(0x028, control.CCMD),
  register(0x034, control.FSTS),
  register(0x038, control.FECTL),
  register(0x03c, control.FEDATA),
  register(0x040, control.FEADDR),
  register(0x044, control.FEUADDR),
  register(0x064, control.PMEN),
  register(0x068, control.PLMBASE),
  register(0x06c, control.PLMLIMIT),
  register(0x070, control.PHMBASE),
  register(0x078, control.PHMLIMIT),
  register(0x080, queue.IQH),
  register(0x088, queue.IQT),
  register(0x090, queue.IQA),
  register(0x09c, queue.ICS),
  register(0x0a0, control.IECTL),
  register(0x0a4, control.IEDATA),
  register(0x0a8, control.IEADDR),
  register(0x0ac, control.IEUADDR),
  register(0x0b0, queue.IQERCD),
  register(0x0b8, control.IRTA),
  register(0x0c0, queue.PQH),
  register(0x0c8, queue.PQT),
  register(0x0d0, queue.PQA),
  register(0x0dc, queue.PRS),
  register(0x0e0, control.PECTL),
  register(0x0e4, control.PEDATA),
  register(0x0e8, control.PEADDR),
  register(0x0ec, control.PEUADDR),
  register(0x400, queue.ECMD),
  register(0x408, queue.ECEO),
  register(0x410, queue.ECRSP),
  register(0x430, capability.ECCAP),
  register(0xe00, queue.VCMD),
  register(0xe08, queue.VCMD_EO),
  register(0xe10, queue.VCRSP),
  register(0xe30, capability.VCCAP),
];

/** Offset from which on registers are that few units have, and others may lie in their place. */
const COMMANDS = 0x400;

const hasNoCommands = (name: string): boolean => FIXED.some((r) => r.name === name && r.offset < COMMANDS);

/** Bytes of one fault recording register, and unit of CAP.FRO and ECAP.IRO. */
const UNIT = 16;

/** Name of a fault recording register. */
export const frcdName = (index: number): string => `FRCD${index}`;

/**
 * The registers of a unit with these offsets. One that would overlap another, which only wrong capabilities can cause,
 * is left out.
 * @param iro ECAP.IRO
 * @param fro CAP.FRO
 * @param nfr CAP.NFR
 * @param offered whether the unit has a register of a fixed offset; absent: virtual and enhanced commands it has not
 */
export function registersAt(
  iro: number,
  fro: number,
  nfr: number,
  offered: (name: string) => boolean = hasNoCommands,
): RegisterDefinition[] {
  const iotlb = iro * UNIT;
  const fixed = FIXED.filter(({ name }) => offered(name));
  const all = [...fixed, register(iotlb, queue.IVA), register(iotlb + 8, queue.IOTLB)];
  for (let i = 0; i <= nfr; i++) all.push(register((fro + i) * UNIT, FRCD, frcdName(i)));
  const taken = new Set<number>();
  return all.filter(({ offset, layout }) => {
    const words = Array.from({ length: layout.bits / 32 }, (_, word) => offset / 4 + word);
    if (words.some((word) => taken.has(word))) return false;
    for (const word of words) taken.add(word);
    return true;
  });
}
