/**
 * The Non-secure register file of an SMMUv3 (IHI 0070 §6.2, §6.3): what software may read and write.
 *
 * Behaviour is a table: which bits a write changes, what else it changes, when it is ignored. Every register of the
 * architecture's table exists; what a write sets in motion beyond this file (queues, caches) hangs on `written`.
 */
import { REGISTERS, type RegisterDefinition, registerByName } from "../../arch/smmuv3/registers.ts";
import { type FieldAccess, type Layout, locate } from "../../base/layout.ts";

/** Bytes of the two pages and what lies between. */
const SPAN = 0x20000;

interface Behaviour {
  /** Register whose value follows this one's. */
  readonly acknowledge?: string;
  /** The write is ignored while this field of CR0 is set: the registers the architecture calls Guarded (§6.3). */
  readonly guardedBy?: string;
  /** Field of IDR0 without which the register is RES0. */
  readonly needs?: string;
  /** Field that a write must set for the write to count, and that reads as zero once done. */
  readonly update?: string;
}

const BEHAVIOUR: Readonly<Record<string, Behaviour>> = {
  SMMU_CR0: { acknowledge: "SMMU_CR0ACK" },
  SMMU_IRQ_CTRL: { acknowledge: "SMMU_IRQ_CTRLACK" },
  SMMU_GBPA: { update: "Update" },
  SMMU_STRTAB_BASE: { guardedBy: "SMMUEN" },
  SMMU_STRTAB_BASE_CFG: { guardedBy: "SMMUEN" },
  SMMU_CR2: { guardedBy: "SMMUEN" },
  SMMU_CMDQ_BASE: { guardedBy: "CMDQEN" },
  SMMU_EVENTQ_BASE: { guardedBy: "EVENTQEN" },
  ...each(["GERROR_IRQ_CFG0", "GERROR_IRQ_CFG1", "GERROR_IRQ_CFG2"], { needs: "MSI" }),
  ...each(["EVENTQ_IRQ_CFG0", "EVENTQ_IRQ_CFG1", "EVENTQ_IRQ_CFG2"], { needs: "MSI" }),
  ...each(["PRIQ_IRQ_CFG0", "PRIQ_IRQ_CFG1", "PRIQ_IRQ_CFG2"], { needs: "PRI" }),
  ...each(["PRIQ_BASE", "PRIQ_PROD", "PRIQ_CONS"], { needs: "PRI" }),
};

function each(names: readonly string[], behaviour: Behaviour): Record<string, Behaviour> {
  return Object.fromEntries(names.map((name) => [`SMMU_${name}`, behaviour]));
}

/** Reset values that are not zero: GBPA's SHCFG says "use incoming" (§6.3.14). */
const RESET: Readonly<Record<string, number>> = {
  SMMU_GBPA: 1 << locateIn("SMMU_GBPA", "SHCFG").shift,
};

export class RegisterFile {
  readonly #words = new Uint32Array(SPAN / 4);
  readonly #writable = new Uint32Array(SPAN / 4);

  constructor() {
    for (const register of REGISTERS) {
      const at = register.offset >>> 2;
      this.#writable.set(writableBits(register), at);
      this.#words[at] = RESET[register.name] ?? 0;
    }
  }

  /** Set a register as the hardware would, past what software may write: capabilities, a captured state. */
  load(register: RegisterDefinition, lo: number, hi: number): void {
    this.#words[register.offset >>> 2] = lo;
    if (register.widthBytes === 8) this.#words[(register.offset >>> 2) + 1] = hi;
  }

  /** Read 32 bits at a byte offset from page 0, a multiple of 4. Reserved space reads as zero. */
  read32(offset: number): number {
    return this.#words[offset >>> 2] ?? 0;
  }

  /** Write 32 bits at a byte offset from page 0, a multiple of 4; bits that software cannot write keep their value. */
  write32(offset: number, value: number): void {
    const register = OWNER.get(offset >>> 2);
    if (register !== undefined) this.#writeWord(register, offset >>> 2, value);
  }

  /** Words of one register, for reading it through its layout: `layout.f.X.get(file.words, file.at(name))`. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** Index of a register in {@link words}. */
  at(name: string): number {
    return definition(name).offset >>> 2;
  }

  /** A field of at most 32 bits. */
  field(register: string, field: string): number {
    const d = definition(register);
    return (d.layout.f as Readonly<Record<string, FieldAccess>>)[field]!.get(this.#words, d.offset >>> 2);
  }

  #writeWord(register: RegisterDefinition, at: number, value: number): void {
    const behaviour = BEHAVIOUR[register.name];
    if (behaviour?.needs !== undefined && this.field("SMMU_IDR0", behaviour.needs) === 0) return;
    if (behaviour?.guardedBy !== undefined && this.field("SMMU_CR0", behaviour.guardedBy) === 1) return;
    if (behaviour?.update !== undefined) {
      const { shift } = locate(register.layout, behaviour.update);
      if (((value >>> shift) & 1) === 0) return;
      value &= ~(1 << shift);
    }
    const mask = this.#writable[at]!;
    this.#words[at] = (this.#words[at]! & ~mask) | (value & mask);
    if (behaviour?.acknowledge !== undefined) this.#words[this.at(behaviour.acknowledge)] = this.#words[at]!;
  }
}

/** The register that each word belongs to. */
const OWNER = new Map<number, RegisterDefinition>(
  REGISTERS.flatMap((r) =>
    Array.from({ length: r.widthBytes / 4 }, (_, i): [number, RegisterDefinition] => [(r.offset >>> 2) + i, r]),
  ),
);

function definition(name: string): RegisterDefinition {
  const register = registerByName(name);
  if (register === undefined) throw new Error(`no register ${name}`);
  return register;
}

function locateIn(register: string, field: string): ReturnType<typeof locate> {
  return locate(definition(register).layout as Layout, field);
}

/** Bits that software may write: all that are not reserved, none of a read-only register. */
function writableBits(register: RegisterDefinition): Uint32Array {
  const words = new Uint32Array(register.widthBytes / 4);
  if (register.access === "RO") return words;
  const access = register.layout.f as Readonly<Record<string, FieldAccess>>;
  for (const { name, form } of register.layout.fields) {
    if (form !== "reserved") access[name]!.set(words, 0, 0xffffffff, 0xffffffff);
  }
  return words;
}
