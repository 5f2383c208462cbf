/** Whatever software and devices do, a VT-d unit neither throws nor hangs. */
import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import { PageRequest, TranslationCompletion, TranslationRequest } from "../device/ats_port.ts";
import { DeviceSet } from "../device/device_set.ts";
import { PhysicalMemory } from "../memory/physical_memory.ts";
import { EVERY_CACHE } from "./caches/options.ts";
import { staleEntries } from "./caches/staleness.ts";
import { VtdCaches } from "./caches/vtd_caches.ts";
import { readCapabilities } from "./capabilities.ts";
import { linkTo } from "./device_link.ts";
import { PcieInterface } from "./pcie.ts";
import { PRESETS, presetIdentity } from "./presets.ts";
import { ProgrammingInterface } from "./programming_interface.ts";
import type { Identity } from "./registers.ts";
import { Remapper } from "./remapper.ts";
import { RemappingState } from "./remapping_state.ts";
import { Translation } from "./translation.ts";

const RAM = 1 << 16;

/** A unit of a preset or of chance, memory full of noise with many small numbers, and steps that may well happen. */
class Wild {
  readonly #next: () => number;
  readonly #memory: PhysicalMemory;
  readonly #unit: ProgrammingInterface;
  readonly #remapper: Remapper;
  readonly #pcie: PcieInterface;
  readonly #caches = new VtdCaches(EVERY_CACHE);
  readonly #t = new Translation();

  constructor(seed: number) {
    const next = xorshift32(seed);
    this.#next = next;
    this.#memory = new PhysicalMemory({
      outside: next() % 2 === 0 ? "abort" : "unknown",
      zero: [[0, RAM]],
      segments: [],
    });
    const identity = this.#identity();
    const state = new RemappingState();
    this.#unit = new ProgrammingInterface(identity, this.#memory, state, {
      caches: this.#caches,
      interruptCache: this.#caches,
      devices: linkTo(new DeviceSet()),
    });
    state.protects = (hi, lo) => this.#unit.protectedMemory.covers(hi, lo);
    const { cap, ecap } = identity;
    const caps = readCapabilities(cap.hi, cap.lo, ecap.hi, ecap.lo);
    this.#remapper = new Remapper(this.#memory, state, caps, this.#caches);
    this.#pcie = new PcieInterface(this.#remapper, this.#unit.pages, (t) => this.#unit.fault(t));
    for (let at = 0; at < RAM; at += 8) this.#memory.write64(0, at, this.#high(), this.#word());
  }

  step(): void {
    const next = this.#next;
    switch (next() % 8) {
      case 0:
      case 1:
        this.#writeRegister();
        break;
      case 2:
        this.#memory.write64(0, (next() % RAM) & ~7, this.#high(), this.#word());
        break;
      case 3:
        this.#unit.interrupt(next() & 0xffff, (0xfee00000 | (next() & 0xfffff)) >>> 0, next(), next() % 4 !== 0);
        break;
      case 4:
        this.#pcie.requestTranslation(this.#message(new TranslationRequest()), new TranslationCompletion());
        break;
      case 5:
        this.#pcie.page(
          Object.assign(this.#message(new PageRequest()), { prgIndex: next() & 511, last: next() % 2 === 0 }),
        );
        break;
      default:
        this.#dma();
    }
  }

  /** What a page would ask. */
  look(): void {
    staleEntries(this.#remapper, this.#unit, this.#memory);
    this.#unit.restore(this.#unit.snapshot());
    this.#unit.read((this.#next() % 0x1000) & ~3, 8);
  }

  #identity(): Identity {
    const next = this.#next;
    if (next() % 3 !== 0) return presetIdentity(PRESETS[next() % PRESETS.length]!);
    return { ver: next(), cap: { hi: next(), lo: next() }, ecap: { hi: next(), lo: next() } };
  }

  /** A low half: noise, or what looks like a pointer into memory with a few bits set, or a descriptor. */
  #word(): number {
    const next = this.#next;
    const pointer = (next() % RAM) & ~0xfff;
    return [next(), pointer | (next() & 0xfff), pointer | 0x27, next() & 0xff, 0][next() % 5]!;
  }

  #high(): number {
    return this.#next() % 4 === 0 ? this.#next() : this.#next() % 64;
  }

  #writeRegister(): void {
    const next = this.#next;
    const { entries } = this.#unit.registers;
    const { offset, layout } = entries[next() % entries.length]!;
    const wide = layout.bits > 32 && next() % 3 !== 0;
    const at = offset + (wide ? 0 : 4 * (next() % Math.min(layout.bits / 32, 2)));
    this.#unit.write(at, wide ? 8 : 4, this.#high(), this.#word());
    if (next() % 8 === 0) this.#unit.write(0x18, 4, 0, next());
  }

  #message<M extends TranslationRequest | PageRequest>(message: M): M {
    const next = this.#next;
    return Object.assign(message, {
      sid: next() & 0xffff,
      ssv: next() % 2 === 0,
      ssid: next() & 0xfffff,
      hi: this.#high(),
      lo: next(),
      execute: next() % 4 === 0,
      privileged: next() % 4 === 0,
    });
  }

  #dma(): void {
    const next = this.#next;
    const t = Object.assign(this.#t, {
      sid: next() % 4 === 0 ? next() & 0xffff : 0,
      hasPasid: next() % 2 === 0,
      pasid: next() % 64,
      iovaHi: this.#high() | 0,
      iovaLo: next() | 0,
      write: next() % 2 === 0,
      privileged: next() % 3 === 0,
      execute: next() % 4 === 0,
      addressType: next() % 8 === 0 ? 2 : 0,
      pageRequest: false,
      updates: next() % 4 === 0 ? 0 : 1,
    });
    this.#remapper.translate(t, null);
    this.#unit.fault(t);
  }
}

describe("a VT-d unit among random registers, memory and requests", () => {
  it.each([1, 2, 3, 5, 8, 13, 8128, 65537, 99991, 524287, 1234567, 7654321])("keeps going, seed %i", (seed) => {
    const wild = new Wild(seed);
    expect(() => {
      for (let i = 0; i < 4000; i++) {
        wild.step();
        if (i % 500 === 0) wild.look();
      }
    }).not.toThrow();
  });
});
