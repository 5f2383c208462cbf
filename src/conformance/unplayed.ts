/**
 * Which cases of `iommu-vectors/1` need something of an SMMUv3 that the engine does not do yet. Decided by what the
 * steps of a case touch, never by its name or file.
 */
import { REGISTERS } from "../arch/smmuv3/registers.ts";
import type { VectorCase } from "./vectors.ts";

const offsetOf = (name: string): number => {
  const register = REGISTERS.find((r) => r.name === `SMMU_${name}`);
  if (register === undefined) throw new Error(`no register ${name}`);
  return register.offset;
};

const CR0 = offsetOf("CR0");
const CMDQEN = 1n << 3n;
const CMDQ_PROD = offsetOf("CMDQ_PROD");
const CMDQ_CONS = offsetOf("CMDQ_CONS");
/** Read and write index of a queue with the wrap bit (IHI 0070 §6.3.27, §6.3.28). */
const POINTER = 0xfffffn;
const IRQ_CTRL = offsetOf("IRQ_CTRL");
/** Addresses that interrupts are sent to, as messages. */
const IRQ_ADDRESSES = ["GERROR_IRQ_CFG0", "EVENTQ_IRQ_CFG0"].map(offsetOf);
/** The identification registers, whose contents are IMPLEMENTATION DEFINED and no part of a case's `caps` (§6.2). */
const ID_FROM = 0xfd0;
const ID_TO = 0x1000;
/** Registers that the SMMU changes by itself when it writes an event record. */
const MOVED_BY_EVENTS = new Set([offsetOf("EVENTQ_PROD"), offsetOf("GERROR")]);

const MEANING: Readonly<Record<string, string>> = {
  attrs: "memory attributes",
  ats: "ATS",
  stalled: "stalled transactions",
  stag: "stalled transactions",
  resolved: "stalled transactions",
  pri: "PRI",
  responses: "PRI",
};

const meaning = (key: string): string => MEANING[key] ?? `steps with ${key}`;

/** What the case needs and the engine lacks, or null when it can be played. */
export function needs(c: VectorCase): string | null {
  const written = new Map<number, bigint>();
  const value = (offset: number): bigint => written.get(offset) ?? 0n;
  for (const s of c.steps) {
    switch (s.type) {
      case "other":
        return meaning(s.key);
      case "dma": {
        const [key] = [...s.dma.more, ...s.expect.more];
        if (key !== undefined) return meaning(key);
        break;
      }
      case "write": {
        written.set(s.register.offset, s.register.value);
        if (s.register.name.startsWith("GATOS_")) return "GATOS lookups";
        const pending = ((value(CMDQ_PROD) ^ value(CMDQ_CONS)) & POINTER) !== 0n;
        if (pending && (value(CR0) & CMDQEN) !== 0n) return "commands";
        break;
      }
      case "read":
        if (s.register.offset >= ID_FROM && s.register.offset < ID_TO) return "IMPLEMENTATION DEFINED registers";
        if (MOVED_BY_EVENTS.has(s.register.offset) && s.register.value !== value(s.register.offset))
          return "the event queue";
        break;
      case "peek":
        if (value(IRQ_CTRL) !== 0n && IRQ_ADDRESSES.some((offset) => value(offset) !== 0n)) return "interrupts";
        if (((c.caps.IDR0 ?? 0n) & 0xc0n) !== 0n) return "hardware update of access flag and dirty state";
        break;
      case "mem":
      case "events":
        break;
    }
  }
  return null;
}
