/** Whatever software and devices do: no exception, no end that does not come; and a saved state has all of it. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { guestRegisters, REGISTERS } from "../../arch/amdvi/registers.ts";
import { Digest } from "../../base/digest.ts";
import { PageRequest, TranslationCompletion, TranslationRequest } from "../device/ats_port.ts";
import { staleEntries } from "./caches/staleness.ts";
import { DeviceRequests } from "./device_requests.ts";
import { encodeEvent } from "./event_record.ts";
import { InterruptMessage, InterruptRemapper } from "./interrupt_remapping.ts";
import { GuestWorld } from "./testing/guest_world.ts";
import { PLACES } from "./testing/interface_world.ts";
import { DEVICE, GVA, OWN_ID, PASID, SPA } from "./testing/nested_world.ts";

const OFFSETS = [...REGISTERS, ...guestRegisters(0), ...guestRegisters(1)].map(({ offset }) => offset);
/** Memory that means something: structures, tables and buffers of the world. */
const PAGES = [
  PLACES.commands,
  PLACES.events,
  SPA,
  SPA + 0x1000,
  0x100000,
  0x110000,
  0x113000,
  0x120000,
  0x123000,
  0x124000,
  0x150000,
  0x160000,
  0x161000,
];

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  // Addresses inside of memory, with low bits of any kind.
  fc.integer({ min: 0, max: 0x3fffff }),
  // Commands and other small things in the high half.
  fc.tuple(fc.nat(15), fc.nat(0x1ff)).map(([code, low]) => ((code << 28) | low) >>> 0),
  fc.constantFrom(0, 1, 0xffffffff, 0x1000f405, 0x34300000, 0xfee00000),
);
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...OFFSETS) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 33 }) },
);
const deviceId = fc.constantFrom(DEVICE, OWN_ID, 0, 7, 127, 128, 0xffff);
const pasid = fc.constantFrom(PASID, 0, 511, 512, 0xfffff);

const step = fc.oneof(
  fc.record({ do: fc.constant("register" as const), offset, bytes: fc.constantFrom(4, 8), hi: word, lo: word }),
  fc.record({
    do: fc.constant("memory" as const),
    page: fc.constantFrom(...PAGES),
    entry: fc.oneof(fc.nat(7), fc.nat(511)),
    hi: word,
    lo: word,
  }),
  fc.record({ do: fc.constant("command" as const), guest: fc.boolean(), words: fc.tuple(word, word, word, word) }),
  fc.record({
    do: fc.constantFrom("access" as const, "look" as const, "ats" as const, "page" as const, "interrupt" as const),
    deviceId,
    pasid,
    flags: fc.nat(31),
    hi: fc.oneof(fc.constant(0), word),
    lo: fc.oneof(fc.constantFrom(GVA, GVA + 0x1000, 0xfee00010), word),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Driven extends GuestWorld {
  readonly requests = new DeviceRequests(this.cached, this.io);
  readonly remapper = new InterruptRemapper(this.memory, this.cached.devices, this.io, this.caches);

  take(step: Step): void {
    switch (step.do) {
      case "register":
        this.io.write(step.offset, step.bytes, step.hi, step.lo);
        this.io.read(step.offset, step.bytes);
        break;
      case "memory":
        this.memory.write64(0, step.page + 8 * step.entry, step.hi, step.lo);
        break;
      case "command":
        if (step.guest) this.guestCommand(step.words);
        else this.command(step.words);
        break;
      default:
        this.#ask(step);
    }
  }

  #ask(step: Extract<Step, { readonly deviceId: number }>): void {
    const [ssv, write, execute, privileged, last] = [1, 2, 4, 8, 16].map((bit) => (step.flags & bit) !== 0);
    const common = { ssv: ssv!, execute: execute!, privileged: privileged!, hi: step.hi | 0, lo: step.lo | 0 };
    const of = { sid: step.deviceId, ssid: step.pasid, ...common };
    if (step.do === "ats") {
      const request = Object.assign(new TranslationRequest(), { ...of, noWrite: !write });
      this.requests.requestTranslation(request, new TranslationCompletion());
    } else if (step.do === "page") {
      this.requests.page(Object.assign(new PageRequest(), { ...of, write, read: !write, last, prgIndex: 3 }));
    } else if (step.do === "interrupt") {
      const message = new InterruptMessage();
      const at = { deviceId: step.deviceId, addressHi: 0, addressLo: 0xfee00000 | (step.lo & 0xfffff) };
      this.remapper.remap(Object.assign(message, { ...at, data: step.hi & 0x7ff }));
    } else {
      const made = step.do === "access";
      const { deviceId, pasid } = step;
      const at = { iovaHi: step.hi | 0, iovaLo: step.lo | 0 };
      const access = { deviceId, hasPasid: ssv!, pasid: ssv! ? pasid : 0, write: write!, ...at };
      const t = this.translated(this.cached, { ...access, instruction: ssv! && execute! }, made);
      if (t.record && made) this.io.event(encoded(t));
    }
  }

  save() {
    const [io, caches, memory] = [this.io.snapshot(), this.caches.snapshot(), this.memory.snapshot()];
    return { io, caches, memory, faulted: [...this.cached.faulted] };
  }

  restore(image: ReturnType<Driven["save"]>): void {
    this.io.restore(image.io);
    this.caches.restore(image.caches);
    this.memory.restore(image.memory);
    this.cached.faulted.clear();
    for (const deviceId of image.faulted) this.cached.faulted.add(deviceId);
  }

  digest(): string {
    const digest = new Digest();
    this.io.digest(digest);
    this.caches.digest(digest);
    this.memory.digest(digest);
    return digest.hex();
  }
}

function encoded(t: Parameters<typeof encodeEvent>[0]): Uint32Array {
  const words = new Uint32Array(4);
  encodeEvent(t, words, 0);
  return words;
}

it("Any registers, memory, commands and messages are taken, and the same after a saved state came back", () => {
  const some = fc.array(step, { minLength: 10, maxLength: 50 });
  fc.assert(
    fc.property(some, some, (before, after) => {
      const w = new Driven();
      for (const s of before) w.take(s);
      const [image, then] = [w.save(), w.digest()];
      for (const s of after) w.take(s);
      const first = [w.digest(), staleEntries(w.cached, w.memory)];
      w.restore(image);
      expect(w.digest()).toBe(then);
      for (const s of after) w.take(s);
      expect([w.digest(), staleEntries(w.cached, w.memory)]).toEqual(first);
    }),
    { numRuns: 60 },
  );
}, 30_000);
