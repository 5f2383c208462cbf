/**
 * The AMD IOMMU that a virtual machine sees: guest (version 2) tables alone, registers that the VMM answers, a command
 * buffer that it works off. 48882 §2.2.2, §2.4, §3.4.
 *
 * UNMODELLED: host tables of a guest's, and entries that allow only one of reading and writing untranslated, which block
 * the device; interrupt remapping; events, of which Linux 7.2 tells no VMM.
 */

import { COMPLETION_WAIT, commandByOpcode } from "../../arch/amdvi/commands.ts";
import { CONTROL, STATUS } from "../../arch/amdvi/control_registers.ts";
import { DTE, DTE_BYTES } from "../../arch/amdvi/dte.ts";
import { registerByName } from "../../arch/amdvi/registers.ts";
import { encodeFields } from "../../base/encode.ts";
import { high, low } from "../../base/halves.ts";
import type { FieldAccess } from "../../base/layout.ts";
import type { Journal } from "../journal.ts";
import type { KernelMemory, RegisterPages } from "../platform.ts";
import { readWords } from "./guest_words.ts";

/** What stands behind a virtual IOMMU. */
export interface AmdBackend {
  /** Requests of a device meet this now: a device table entry with guest tables, guest memory as it is, or a refusal. */
  install(sid: number, binding: Uint32Array | "pass" | "block"): void;
  /** Cached translations of a domain of the guest's are to go; null for all. */
  invalidate(domain: number | null): void;
}

const WORDS = 0x3000 / 4;
const DTE_WORDS = DTE.bits / 32;
const COMMAND_BYTES = 16;
/** Most commands that one write of the tail sets in motion: the largest buffer. */
const MOST = 1 << 15;
const LENGTHS = { least: 8, most: 15 };

const at = (name: string): number => registerByName(name)!.offset;
const word = (name: string): number => at(name) >>> 2;
const fieldOf = (name: string, field: string): FieldAccess =>
  (registerByName(name)!.layout.f as Readonly<Record<string, FieldAccess>>)[field]!;
const STORED = new Set(
  ["DEVTAB_BASE", "CMD_BASE", "EVT_BASE", "CMD_HEAD", "EVT_HEAD", "EVT_TAIL"].flatMap((name) => [
    at(name),
    at(name) + 4,
  ]),
);
const WAITED = encodeFields(STATUS, { ComWaitInt: 1 })[0]!;
const CLEARED = encodeFields(STATUS, { EventOverflow: 1, EventLogInt: 1, ComWaitInt: 1 })[0]!;

export class VirtualAmd implements RegisterPages {
  readonly #words = new Uint32Array(WORDS);
  readonly #memory: KernelMemory;
  readonly #backend: AmdBackend;
  readonly #journal: Journal;
  readonly #sids: readonly number[];
  /** A command that does not exist stopped the buffer, until it is switched off. */
  #stopped = false;

  /** @param efr value of EFR: halves, lower first @param sids DeviceIDs of the virtual machine's devices */
  constructor(efr: Uint32Array, sids: readonly number[], memory: KernelMemory, backend: AmdBackend, journal: Journal) {
    this.#words.set(efr, word("EFR"));
    this.#sids = sids;
    this.#memory = memory;
    this.#backend = backend;
    this.#journal = journal;
  }

  read(offset: number, width: 4 | 8): bigint {
    const half = (o: number): bigint => BigInt(this.#words[o >>> 2] ?? 0);
    const whole = (): bigint => (width === 4 ? half(offset) : (half(offset + 4) << 32n) | half(offset));
    return this.#journal.during("VMM", "trapped read", "AMD IOMMU register", whole, offset);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    const [hi, lo] = [high(value), low(value)];
    const act = (): void => {
      this.#write(offset, lo);
      if (width === 8) this.#write(offset + 4, hi);
    };
    this.#journal.during("VMM", "trapped write", "AMD IOMMU register", act, offset, hi, lo);
  }

  #control(name: keyof typeof CONTROL.f): boolean {
    return CONTROL.f[name].get(this.#words, word("CONTROL")) === 1;
  }

  #write(offset: number, value: number): void {
    const w = this.#words;
    if (offset === at("CONTROL")) {
      const before = this.#control("IommuEn");
      w[offset >>> 2] = value;
      if (!this.#control("CmdBufEn")) this.#stopped = false;
      if (before !== this.#control("IommuEn")) this.#resync(null);
      this.#consume();
    } else if (offset === at("CMD_TAIL")) {
      w[offset >>> 2] = value;
      this.#consume();
    } else if (offset === at("STATUS")) w[offset >>> 2] = w[offset >>> 2]! & ~(value & CLEARED);
    else if (STORED.has(offset)) w[offset >>> 2] = value;
  }

  /** Read the device table anew: one device's entry, or all. */
  #resync(only: number | null): void {
    for (const sid of this.#sids) {
      if (only !== null && sid !== only) continue;
      this.#backend.install(sid, this.#control("IommuEn") ? this.#bindingOf(sid) : "pass");
    }
  }

  #bindingOf(sid: number): Uint32Array | "pass" | "block" {
    const size = (fieldOf("DEVTAB_BASE", "Size").get(this.#words, word("DEVTAB_BASE")) + 1) * 4096;
    if (DTE_BYTES * (sid + 1) > size) return "block";
    const base = pageIn(this.#words, word("DEVTAB_BASE"));
    const entry = readWords(this.#memory, base + DTE_BYTES * sid, DTE_WORDS);
    const { f } = DTE;
    if (f.V.get(entry, 0) === 0) return "pass";
    if (f.TV.get(entry, 0) === 0 || f.Mode.get(entry, 0) !== 0) return "block";
    if (f.GV.get(entry, 0) === 1 && this.#control("GTEn")) return entry;
    return f.IR.get(entry, 0) === 1 && f.IW.get(entry, 0) === 1 ? "pass" : "block";
  }

  /** Work off the buffer up to its tail, or to a command that does not exist (§2.4). */
  #consume(): void {
    const w = this.#words;
    if (!this.#control("IommuEn") || !this.#control("CmdBufEn") || this.#stopped) return;
    const length = fieldOf("CMD_BASE", "ComLen").get(w, word("CMD_BASE"));
    if (length < LENGTHS.least || length > LENGTHS.most) return;
    const bytes = COMMAND_BYTES * 2 ** length;
    const base = pageIn(w, word("CMD_BASE"));
    const [head, tail] = [word("CMD_HEAD"), word("CMD_TAIL")];
    const pointer = (index: number): number => ((w[index]! & ~(COMMAND_BYTES - 1)) >>> 0) % bytes;
    for (let left = MOST; left > 0 && pointer(head) !== pointer(tail); left--) {
      if (!this.#command(readWords(this.#memory, base + pointer(head), COMMAND_BYTES / 4))) {
        this.#stopped = true;
        return;
      }
      w[head] = (pointer(head) + COMMAND_BYTES) % bytes;
    }
  }

  /** @returns false for a command that there is not */
  #command(words: Uint32Array): boolean {
    const definition = commandByOpcode(words[1]! >>> 28);
    const get = (name: string): number =>
      (definition!.layout.f as Readonly<Record<string, FieldAccess>>)[name]!.get(words, 0);
    switch (definition?.name) {
      case "COMPLETION_WAIT":
        this.#completed(words);
        return true;
      case "INVALIDATE_DEVTAB_ENTRY":
        this.#resync(get("DeviceID"));
        return true;
      case "INVALIDATE_IOMMU_PAGES":
        this.#backend.invalidate(get("DomainID"));
        return true;
      case "INVALIDATE_IOMMU_ALL":
        this.#resync(null);
        this.#backend.invalidate(null);
        return true;
      case "INVALIDATE_IOTLB_PAGES":
      case "INVALIDATE_INTERRUPT_TABLE":
      case "PREFETCH_IOMMU_PAGES":
        return true;
      default:
        return false;
    }
  }

  #completed(words: Uint32Array): void {
    const { S, I, StoreAddress } = COMPLETION_WAIT.f;
    if (S.get(words, 0) === 1) {
      const to = StoreAddress.address(words, 0);
      this.#memory.write(to, words[3]!, words[2]!);
    }
    if (I.get(words, 0) !== 1) return;
    this.#words[word("STATUS")] = this.#words[word("STATUS")]! | WAITED;
    if (this.#control("ComWaitIntEn")) this.#journal.note("VMM", "interrupt", "the guest's commands are complete");
  }
}

/** The page that a base register points to: bits [51:12] in all of them. */
const pageIn = (words: Uint32Array, at: number): number =>
  (words[at + 1]! & 0xfffff) * 2 ** 32 + ((words[at]! & ~0xfff) >>> 0);
