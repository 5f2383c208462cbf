/**
 * Session documents for tests, made from a world of the engine's tests, and actions that happen to it by chance.
 */
import { REGISTERS } from "../../arch/smmuv3/registers.ts";
import { chooser, type RandomWorld } from "../../engine/smmuv3/testing/random_world.ts";
import type { World } from "../../engine/smmuv3/testing/world.ts";
import type { Access, HardwareAction, MachineDescription, SessionDocument } from "../../protocol/machine.ts";

const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** The machine that a world is: its registers, and its memory as segments. */
export function describeWorld(world: World): MachineDescription {
  const { words } = world.registers;
  const value = (offset: number, wide: boolean): bigint =>
    join(wide ? words[(offset >>> 2) + 1]! : 0, words[offset >>> 2]!);
  return {
    arch: "smmuv3",
    registers: Object.fromEntries(REGISTERS.map((r) => [r.name.slice(5), value(r.offset, r.widthBytes === 8)])),
    memory: {
      outside: world.memory.outside,
      zero: world.zero.map(([at, bytes]) => [BigInt(at), BigInt(bytes)]),
      segments: world.memory.segments().map(({ at, bytes }) => ({ at: BigInt(at), bytes })),
    },
    devices: [],
  };
}

/** A document of a world, without actions. */
export function documentOf(world: World): SessionDocument {
  const recorded = { accesses: [], events: [] };
  return { title: "A world", about: "", machine: describeWorld(world), actions: [], recorded };
}

/** Draw accesses and actions that a random world may meet. */
export function randomActions({ world, request }: RandomWorld, seed: number) {
  const { next, one, pick } = chooser(seed);
  const segments = world.memory.segments();
  const somewhere = (): bigint => {
    const { at, bytes } = pick(segments);
    return BigInt(at + (next() % (bytes.length / 8)) * 8);
  };
  const access = (): Access => {
    const { sid = 1, ssid = null, va, write = false, privileged = false, instruction = false } = request();
    const iova = typeof va === "number" ? BigInt(va) : join(va[0], va[1]);
    return { sid, ssid, iova, write, privileged, instruction };
  };
  const registers = ["CR0", "CR2", "GBPA", "EVENTQ_CONS", "EVENTQ_BASE", "STRTAB_BASE", "STRTAB_BASE_CFG", "GERRORN"];
  const action = (): HardwareAction => {
    const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => next() & 0xff);
    switch (next() % 8) {
      case 0:
        return { do: "toggle", at: somewhere(), bit: next() % 64 };
      case 1:
        return { do: "write", at: somewhere() + BigInt(next() % 8), bytes: bytes(1 + (next() % 24)) };
      case 2: {
        // Translation and events mostly stay on.
        const name = pick(registers);
        const value = name === "CR0" ? 4n + BigInt(1 - one(3)) : join(one(2) === 1 ? 0 : next(), next());
        return { do: "register", name, value };
      }
      default:
        return { do: "dma", length: pick([1, 4, 64, 4096, 6000]), ...access() };
    }
  };
  return { access, action };
}
