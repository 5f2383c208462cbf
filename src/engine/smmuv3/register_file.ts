/**
 * The Non-secure register file of an SMMUv3 (IHI 0070 §6.1 to §6.3): what software may read and write.
 *
 * Which bits a write changes and when it is ignored stands in `register_behaviour.ts`; this file carries it out. What a
 * write sets in motion beyond the registers is the programming interface's to do. Secure, Realm and Root registers do
 * not exist here: their space reads as zero and ignores writes, as where SMMU_S_IDR1.SECURE_IMPL is 0 (§6.2).
 */
import {
  PAGE_1,
  REGISTERS,
  type RegisterDefinition,
  registerByName,
  VATOS_PAGE,
  VATOS_REGISTERS,
} from "../../arch/smmuv3/registers.ts";
import { type FieldAccess, type Layout, locate } from "../../base/layout.ts";
import { addressBits } from "./capabilities.ts";
import { BEHAVIOUR, type Behaviour, type FieldPath, RESET, RESET_QUEUE_SIZES } from "./register_behaviour.ts";

/** Bytes of pages 0 and 1. */
const SPAN = 0x20000;
const PAGE = 0x10000;
const VATOS_FIRST = VATOS_REGISTERS[0]!.offset;
const VATOS_BYTES = 0x20;
const ALL: readonly RegisterDefinition[] = [...REGISTERS, ...VATOS_REGISTERS];

/** log2 of the entries of the largest queue there can be (§3.5.1). */
export const MAX_QUEUE_LG2 = 19;

/** Index of a register's first word in {@link RegisterFile.words}. */
export const registerIndex = (name: string): number => indexOf(definition(name).offset);

/** One bit of a register: where its word is, and a mask. For fields of one bit that hot code asks for. */
export function registerBit(name: string, field: string): { readonly at: number; readonly mask: number } {
  const { word, shift } = locate(definition(name).layout, field);
  return { at: registerIndex(name) + word, mask: 1 << shift };
}

export class RegisterFile {
  readonly #words = new Uint32Array((SPAN + VATOS_BYTES) / 4);
  readonly #given = new Set<string>();
  #rules: readonly (WordRule | undefined)[] | null = null;
  /** Told the index of each word that was written, for what is derived from registers. */
  readonly watchers: ((at: number) => void)[] = [];

  constructor() {
    for (const register of ALL) {
      for (const [field, value] of Object.entries(RESET[short(register.name)] ?? {})) {
        access(register.layout)[field]!.set(this.#words, indexOf(register.offset), value);
      }
    }
  }

  /** Set a register as the hardware would, past what software may write: capabilities, a captured state. */
  load(register: RegisterDefinition, lo: number, hi: number): void {
    const at = indexOf(register.offset);
    this.#words[at] = lo;
    if (register.widthBytes === 8) this.#words[at + 1] = hi;
    for (const changed of this.watchers) changed(at);
    this.#given.add(short(register.name));
    this.#rules = null;
    if (register.name === "SMMU_IDR0" || register.name === "SMMU_IDR1") this.#resetQueueSizes();
  }

  /** Read 32 bits at a byte offset from page 0, a multiple of 4. Reserved space reads as zero. */
  read32(offset: number): number {
    const at = this.#locate(offset);
    return at < 0 ? 0 : this.#words[at]!;
  }

  /**
   * Write 32 bits at a byte offset from page 0, a multiple of 4; bits that software cannot write keep their value.
   * @returns false when the whole write was ignored
   */
  write32(offset: number, value: number): boolean {
    return this.writeWord(this.#locate(offset), value);
  }

  /** All words, for reading a register through its layout: `layout.f.X.get(file.words, file.at(name))`. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** Index of a register in {@link words}. */
  at(name: string): number {
    return registerIndex(name);
  }

  /** A field of at most 32 bits. */
  field(register: string, field: string): number {
    const d = definition(register);
    return access(d.layout)[field]!.get(this.#words, indexOf(d.offset));
  }

  /** Byte offset from page 0 at which software finds a register. */
  offsetOf(register: RegisterDefinition): number {
    return register.offset < VATOS_PAGE ? register.offset : register.offset - VATOS_PAGE + this.#vatosPage();
  }

  /** Index in {@link words} of what stands at a byte offset from page 0, a multiple of 4; -1 where nothing is. */
  wordAt(offset: number): number {
    return this.#locate(offset);
  }

  /** As {@link write32}, by index in {@link words}. */
  writeWord(at: number, value: number): boolean {
    this.#rules ??= this.#compile();
    const rule = at < 0 ? undefined : this.#rules[at];
    return rule !== undefined && this.#write(rule, at, value);
  }

  #write(rule: WordRule, at: number, value: number): boolean {
    const words = this.#words;
    if (rule.onlyWhile !== null && (words[rule.onlyWhile.at]! & rule.onlyWhile.mask) === 0) return false;
    if (rule.update !== 0) {
      if ((value & rule.update) === 0) return false;
      value &= ~rule.update;
    }
    if (rule.cleared !== 0) {
      if ((value & rule.cleared) !== 0) return false;
      words.fill(0, at, at + 2);
      return true;
    }
    let mask = rule.writable;
    for (const guard of rule.guards) if ((words[guard.at]! & guard.bits) !== 0) mask &= ~guard.mask;
    if (mask === 0) return false;
    if (rule.index !== null) value &= ~rule.index.mask | ((2 << this.#queueSize(rule.index.base)) - 1);
    words[at] = (words[at]! & ~mask) | (value & mask);
    for (const changed of this.watchers) changed(at);
    if (rule.acknowledge >= 0) words[rule.acknowledge] = words[at]!;
    if (rule.resizes !== null) this.#truncateIndexes(rule.resizes);
    return true;
  }

  /** Index of the word at an offset; -1 where nothing is. */
  #locate(offset: number): number {
    // CHOICE(page-1-alias): locations of page 1 without a register of their own show page 0, and the offsets in page 0
    // of page 1's registers show those (§6.2 allows it).
    if (offset < SPAN) {
      const inPage = offset & (PAGE - 1);
      return (inPage >>> 2) | (IN_PAGE_1[inPage >>> 2] === 1 ? PAGE_1 >>> 2 : 0);
    }
    const inPage = offset - this.#vatosPage();
    const first = VATOS_FIRST - VATOS_PAGE;
    if (this.field("SMMU_IDR0", "VATOS") === 0 || inPage < first || inPage >= first + VATOS_BYTES) return -1;
    return indexOf(VATOS_PAGE + inPage);
  }

  #vatosPage(): number {
    return VATOS_PAGE + this.field("SMMU_IDR2", "BA_VATOS") * PAGE;
  }

  /** Effective log2 of the entries of a queue: its LOG2SIZE, capped by what is offered (§6.3.26). */
  #queueSize(base: QueueBase): number {
    return Math.min(base.size.get(this.#words, base.at), base.largest.get(this.#words, IDR1), MAX_QUEUE_LG2);
  }

  /** Index bits above the wrap bit go away when a queue shrinks (§6.3.27). */
  #truncateIndexes(base: QueueBase): void {
    const kept = (2 << this.#queueSize(base)) - 1;
    for (const { at, mask } of base.indexes) this.#words[at] = this.#words[at]! & (~mask | kept);
  }

  #resetQueueSizes(): void {
    for (const [base, largest] of RESET_QUEUE_SIZES) {
      if (this.#given.has(base)) continue;
      const d = definition(base);
      const exists = (BEHAVIOUR[base]?.needs ?? []).every((path) => this.#holds(path));
      access(d.layout).LOG2SIZE!.set(this.#words, indexOf(d.offset), exists ? this.#value(largest) : 0);
    }
  }

  #value(path: FieldPath): number {
    const [register, field] = path.split(".") as [string, string];
    return this.field(register, field);
  }

  #holds(path: FieldPath): boolean {
    return this.#value(path) !== 0;
  }

  /** Work out, for the capabilities there are now, what a write to each word does. */
  #compile(): (WordRule | undefined)[] {
    const rules: (WordRule | undefined)[] = [];
    for (const register of ALL) {
      const behaviour = BEHAVIOUR[short(register.name)] ?? {};
      if (register.access === "RO" || !(behaviour.needs ?? []).every((path) => this.#holds(path))) continue;
      if (behaviour.fixedBy !== undefined && this.#holds(behaviour.fixedBy)) continue;
      for (let word = 0; word < register.widthBytes / 4; word++) {
        rules[indexOf(register.offset) + word] = this.#compileWord(register, behaviour, word);
      }
    }
    return rules;
  }

  #compileWord(register: RegisterDefinition, behaviour: Behaviour, word: number): WordRule {
    const { layout } = register;
    let writable = 0;
    const guards: Guard[] = [];
    for (const { name, form } of layout.fields) {
      if (form === "reserved") continue;
      const mask = this.#fieldMask(layout, behaviour, name, word);
      writable |= mask;
      for (const path of [...(behaviour.guards ?? []), ...(behaviour.fields?.[name]?.guards ?? [])]) {
        guards.push(...guardOf(path, mask));
      }
    }
    const own = (field: string | undefined): number => (field === undefined ? 0 : maskOf(layout, field, word));
    const base = behaviour.queue === undefined ? null : QUEUES[behaviour.queue];
    const index = base?.indexes.find((i) => i.at === indexOf(register.offset) + word);
    return {
      writable,
      guards: guards.filter((guard) => guard.mask !== 0),
      onlyWhile: behaviour.onlyWhile === undefined ? null : bitOf(behaviour.onlyWhile),
      update: own(behaviour.update),
      cleared: own(behaviour.cleared),
      acknowledge: behaviour.acknowledge === undefined ? -1 : registerIndex(behaviour.acknowledge) + word,
      index: base === null || index === undefined ? null : { mask: index.mask, base },
      resizes: base !== null && index === undefined && word === 0 ? base : null,
    };
  }

  /** Bits of a field, within one word of its register, that software may write. */
  #fieldMask(layout: Layout, behaviour: Behaviour, name: string, word: number): number {
    const special = behaviour.fields?.[name] ?? {};
    if (!(special.needs ?? []).every((path) => this.#holds(path))) return 0;
    const narrow = special.eightUnless !== undefined && !this.#holds(special.eightUnless);
    const bits = special.bits;
    if (bits === undefined) return maskOf(layout, name, word, narrow ? 8 : 64);
    if (bits !== "OAS") return maskOf(layout, name, word, this.#value(bits));
    const v31 = this.#value("AIDR.ArchMajorRev") > 0 || this.#value("AIDR.ArchMinorRev") > 0;
    const lo = layout.fields.find((field) => field.name === name)!.lo;
    return maskOf(layout, name, word, addressBits(this.#value("IDR5.OAS"), v31) - lo);
  }
}

/** What a write to one word does. */
interface WordRule {
  readonly writable: number;
  readonly guards: readonly Guard[];
  readonly onlyWhile: Bit | null;
  readonly update: number;
  readonly cleared: number;
  /** Index of the word that follows this one, or -1. */
  readonly acknowledge: number;
  /** The word holds an index of a queue: the index's bits. */
  readonly index: { readonly mask: number; readonly base: QueueBase } | null;
  /** The word holds the size of a queue. */
  readonly resizes: QueueBase | null;
}

interface Bit {
  readonly at: number;
  readonly mask: number;
}

/** Bits of `mask` keep their value while the word at `at` has one of `bits`. */
interface Guard extends Bit {
  readonly bits: number;
}

interface QueueBase {
  /** Index of SMMU_*_BASE. */
  readonly at: number;
  /** LOG2SIZE of it, and the largest that SMMU_IDR1 offers. */
  readonly size: FieldAccess;
  readonly largest: FieldAccess;
  readonly indexes: readonly Bit[];
}

const short = (name: string): string => name.slice("SMMU_".length);

const access = (l: Layout): Readonly<Record<string, FieldAccess>> => l.f as Readonly<Record<string, FieldAccess>>;

const indexOf = (offset: number): number => (offset < SPAN ? offset : SPAN + offset - VATOS_FIRST) >>> 2;

function definition(name: string): RegisterDefinition {
  const register = registerByName(name);
  if (register === undefined) throw new Error(`no register ${name}`);
  return register;
}

function bitOf(path: FieldPath): Bit {
  const [register, field] = path.split(".") as [string, string];
  return registerBit(register, field);
}

/** A field is guarded by another and by what acknowledges that one. */
function guardOf(path: FieldPath, mask: number): Guard[] {
  const bit = bitOf(path);
  const register = path.split(".")[0]!;
  const acknowledge = BEHAVIOUR[register]?.acknowledge;
  const own = { at: bit.at, bits: bit.mask, mask };
  return acknowledge === undefined ? [own] : [own, { at: registerIndex(acknowledge), bits: bit.mask, mask }];
}

/** The low `bits` bits of a field, as a mask of one 32-bit word of its register. */
function maskOf(layout: Layout, name: string, word: number, bits = 64): number {
  const words = new Uint32Array(layout.bits / 32);
  const ones = (n: number): number => (n <= 0 ? 0 : n >= 32 ? 0xffffffff : 2 ** n - 1);
  access(layout)[name]!.set(words, 0, ones(bits), ones(bits - 32));
  return words[word]! | 0;
}

const IDR1 = registerIndex("SMMU_IDR1");

const QUEUES: Readonly<Record<"CMDQ" | "EVENTQ" | "PRIQ", QueueBase>> = {
  CMDQ: queueBase("CMDQ"),
  EVENTQ: queueBase("EVENTQ"),
  PRIQ: queueBase("PRIQ"),
};

function queueBase(queue: string): QueueBase {
  const index = (name: string, field: string): Bit => ({
    at: registerIndex(name),
    mask: maskOf(definition(name).layout, field, 0),
  });
  return {
    at: registerIndex(`${queue}_BASE`),
    size: access(definition(`${queue}_BASE`).layout).LOG2SIZE!,
    largest: access(definition("IDR1").layout)[`${queue}S`]!,
    indexes: [index(`${queue}_PROD`, "WR"), index(`${queue}_CONS`, "RD")],
  };
}

/** Words of a page: 1 where page 1 has a register that page 0 has not. */
const IN_PAGE_1 = new Uint8Array(PAGE / 4);
for (const { offset } of REGISTERS) if (offset >= PAGE_1) IN_PAGE_1[(offset - PAGE_1) >>> 2] = 1;
