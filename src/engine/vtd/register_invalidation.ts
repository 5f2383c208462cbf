/**
 * Invalidation by register: CCMD for the context cache, IOTLB with IVA for translations (VT-d §6.5.1, §11.4).
 *
 * A command is complete when the write returns: ICC and IVT read as zero, CAIG and IAIG say what was done, 0 where the
 * command was wrong.
 * CHOICE(register-invalidation-with-queue): while the invalidation queue is on nothing is done, and that counts as wrong.
 */
import { CCMD } from "../../arch/vtd/control_registers.ts";
import { IOTLB, IVA } from "../../arch/vtd/queue_registers.ts";
import type { RegisterFile } from "../common/register_file.ts";
import { type CacheMaintenance, functionMask } from "./maintenance.ts";
import type { Offers } from "./registers.ts";

const GLOBAL = 1;
const DOMAIN = 2;
const SELECTIVE = 3;
const START = 1 << 31;

export class RegisterInvalidation {
  readonly #registers: RegisterFile;
  readonly #caches: CacheMaintenance;
  readonly #offers: Offers;
  readonly #ccmd: number;
  readonly #iotlb: number;
  /** IVA as last written: it reads as zero. */
  readonly #address = new Uint32Array(2);
  /** CCMD as last written: SID and FM read as zero. */
  readonly #command = new Uint32Array(2);

  constructor(registers: RegisterFile, caches: CacheMaintenance, offers: Offers) {
    this.#registers = registers;
    this.#caches = caches;
    this.#offers = offers;
    this.#ccmd = registers.at("CCMD");
    registers.onWrite("CCMD", 0, (written) => this.#setCommand(0, written));
    registers.onWrite("CCMD", 1, (written) => {
      this.#setCommand(1, written);
      if ((written & START) !== 0) this.#context();
    });
    this.#iotlb = registers.has("IOTLB") && registers.has("IVA") ? registers.at("IOTLB") : -1;
    if (this.#iotlb < 0) return;
    for (const half of [0, 1]) registers.onWrite("IVA", half, (written) => this.#setAddress(half, written));
    registers.onWrite("IOTLB", 1, (written) => {
      if ((written & START) !== 0) this.#translations();
    });
  }

  /** What registers do not show of what was written to them. */
  snapshot(): Uint32Array {
    return Uint32Array.of(...this.#address, ...this.#command);
  }

  restore(image: Uint32Array): void {
    this.#address.set(image.subarray(0, 2));
    this.#command.set(image.subarray(2));
  }

  #setCommand(half: number, written: number): void {
    this.#command[half] = written;
  }

  #setAddress(half: number, written: number): void {
    this.#address[half] = written;
  }

  get #queueOn(): boolean {
    return this.#registers.get("GSTS", "QIES") !== 0;
  }

  #context(): void {
    const { words } = this.#registers;
    const at = this.#ccmd;
    const requested = CCMD.f.CIRG.get(words, at);
    const did = CCMD.f.DID.get(words, at);
    const done = this.#queueOn ? 0 : requested;
    if (done === GLOBAL) this.#caches.contextAll();
    if (done === DOMAIN) this.#caches.contextDomain(did);
    if (done === SELECTIVE) {
      const command = this.#command;
      this.#caches.contextDevice(did, CCMD.f.SID.get(command, 0), functionMask(CCMD.f.FM.get(command, 0)));
    }
    CCMD.f.CAIG.set(words, at, done);
    CCMD.f.ICC.set(words, at, 0);
  }

  #translations(): void {
    const { words } = this.#registers;
    const at = this.#iotlb;
    const done = this.#queueOn ? 0 : this.#granularity(IOTLB.f.IIRG.get(words, at));
    const did = IOTLB.f.DID.get(words, at);
    if (done === GLOBAL) this.#caches.iotlbAll();
    if (done === DOMAIN) this.#caches.iotlbDomain(did);
    if (done === SELECTIVE) {
      this.#caches.iotlbPages(did, {
        hi: IVA.f.ADDR.addressHi(this.#address, 0),
        lo: IVA.f.ADDR.addressLo(this.#address, 0),
        maskLg2: IVA.f.AM.get(this.#address, 0),
        leafOnly: IVA.f.IH.get(this.#address, 0) !== 0,
      });
    }
    IOTLB.f.IAIG.set(words, at, done);
    IOTLB.f.IVT.set(words, at, 0);
  }

  /** What is done where `requested` is asked for: coarser without CAP.PSI, nothing where AM is too large. */
  #granularity(requested: number): number {
    if (requested !== SELECTIVE) return requested;
    if (!this.#offers.psi) return DOMAIN;
    return IVA.f.AM.get(this.#address, 0) > this.#offers.mamv ? 0 : SELECTIVE;
  }
}
