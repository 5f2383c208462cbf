/**
 * Machines made by chance, and what may happen to them. Some hold any value in any register and memory full of pointers
 * and noise, so that structures, tables and commands are noise, too; others start from a sound state, which chance then
 * damages. Whatever it is, nothing may throw, hang or grow without bound.
 */
import { xorshift32 } from "../../base/rng.ts";
import type { Access, CacheSize, HardwareAction, MachineDescription } from "../../protocol/machine.ts";
import type { MapChange } from "../../protocol/map_edit.ts";
import { planMapEdit } from "../inspect/plan_map_edit.ts";
import { Machine } from "../machine.ts";
import type { Architecture, Unit } from "../unit.ts";

/** Where the noise lies: pointers lead back into it. */
const REGION = 0x1000_0000;
const REGION_PAGES = 24;
const PAGE = 4096;
/** Requesters that have something in the noise, and devices with ATS. */
const REQUESTERS = 64;

/** The last address. */
const TOP = 2n ** 64n - 1n;

const NOTHING = { zero: [], segments: [] } as const;

/** A sound state to start from. */
export interface Start {
  readonly registers: MachineDescription["registers"];
  readonly zero: MachineDescription["memory"]["zero"];
  /** What makes it, done in order, and accesses that mean something then. */
  readonly actions: readonly HardwareAction[];
  readonly accesses: readonly Access[];
}

/** A machine, and what to do to it. */
export interface Chance {
  readonly description: MachineDescription;
  readonly machine: Machine;
  /** What happens next; it may be one that cannot be done: see `actionProblem`. */
  readonly action: () => HardwareAction;
  /** Ask the unit something a page might ask. */
  readonly look: () => void;
}

type Rows = ReturnType<Unit["inspect"]["registers"]>;
type RegisterPlace = Pick<Rows[number], "offset" | "width" | "block">;

/** Registers of an architecture, by name: those of a unit that offers nothing. */
function registersOf({ arch, make }: Architecture): Rows {
  const none: MachineDescription = { arch, registers: {}, memory: { outside: "abort", ...NOTHING }, devices: [] };
  return new Machine(none, make).unit.inspect.registers();
}

/** Choices from a seed. */
function chooser(seed: number) {
  const next = xorshift32(seed);
  const one = (n: number): boolean => next() % n === 0;
  const pick = <T>(of: readonly T[]): T => of[next() % of.length]!;
  const noise = (): bigint => (BigInt(next()) << 32n) | BigInt(next());
  /** An address in the noise with anything in its low bits, as pointers of tables and queues have it. */
  const pointer = (): bigint => BigInt(REGION + PAGE * (next() % REGION_PAGES)) | BigInt(next() % pick([1, 64, PAGE]));
  const value = (): bigint => pick([pointer, pointer, noise, () => BigInt(next() % 64), () => 0n])();
  return { next, one, pick, noise, pointer, value };
}

/** Make a machine of an architecture from a seed; `starts` are sound states that it may start from. */
export function chance(architecture: Architecture, seed: number, starts: readonly Start[] = []): Chance {
  const { next, one, pick, noise, pointer, value } = chooser(seed);
  const { arch, make } = architecture;
  const registers = registersOf(architecture);
  const start = starts.length > 0 && !one(4) ? pick(starts) : null;
  const description = describe();
  const machine = new Machine(description, make);
  const { unit } = machine;
  for (const done of start?.actions ?? []) machine.apply(done);
  const written = (start?.actions ?? []).flatMap((a) => (a.do === "write" ? [a.at] : []));

  function describe(): MachineDescription {
    const presets = architecture.choices.presets.map(({ id }) => id);
    const caches = architecture.choices.caches.map(({ name }) => name);
    const options = architecture.choices.options.map(({ name }) => name);
    const size = (): CacheSize => {
      const ways = pick([1, 2, 4]);
      return { ways, entries: ways * pick([1, 4, 16]) };
    };
    const some = (): boolean => one(2);
    const preset = pick([undefined, pick(presets)]);
    const given = registers.filter(({ access }) => (preset === undefined || access !== "RO" ? some() : false));
    const words = BigUint64Array.from({ length: (REGION_PAGES * PAGE) / 8 }, value);
    const noisy = { at: BigInt(REGION), bytes: new Uint8Array(words.buffer) };
    const chosen = Object.fromEntries(given.map(({ name }) => [name, value()]));
    return {
      arch,
      ...(preset === undefined || start !== null ? {} : { preset }),
      registers: start === null ? chosen : start.registers,
      memory: {
        outside: pick(["abort", "unknown"] as const),
        zero: start === null ? [[0n, 0x100_0000n]] : start.zero,
        segments: start === null ? [noisy] : [],
      },
      devices: Array.from({ length: next() % 4 }, (_, i) => ({
        sid: i,
        bdf: `0000:00:0${i}.0`,
        label: "device",
        ats: { capacity: 8, pageRequests: next() % 4, responsePasidRequired: some(), answersInvalidations: some() },
      })),
      caches: some() ? Object.fromEntries(caches.filter(some).map((name) => [name, size()])) : {},
      options: Object.fromEntries(options.map((name) => [name, one(4)])),
    };
  }

  const anything = (): Access => ({
    sid: one(20) ? next() : next() % REQUESTERS,
    ssid: one(3) ? pick([0, 1, next() % 64, next() % 2 ** 20]) : null,
    iova: pick([pointer, noise, () => BigInt(next()), () => noise() & 0xffff_ffff_ffffn, () => TOP - pointer()])(),
    write: one(3),
    privileged: one(3),
    instruction: one(6),
  });
  /** Mostly one that means something, or nearly does. */
  const access = (): Access => {
    if (start === null || start.accesses.length === 0 || one(8)) return anything();
    const known = pick(start.accesses);
    const beside = pick([0n, 0n, BigInt(next() % PAGE), 1n << BigInt(next() % 64)]);
    return {
      ...known,
      iova: known.iova ^ beside,
      write: known.write !== one(4),
      privileged: known.privileged !== one(8),
    };
  };
  /** An address where something is. */
  const place = (): bigint =>
    written.length === 0 || one(8) ? pointer() : pick(written) + BigInt(8 * (one(2) ? 0 : next() % 64));
  /** A value for a register: its own with a bit flipped, or any. */
  const valueFor = ({ offset, width, block }: RegisterPlace): bigint => {
    if (start === null || block !== "" || one(3)) return value();
    return unit.read(offset, width) ^ (1n << BigInt(next() % (8 * width)));
  };
  const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => next() & 0xff);
  const transfer = (): Access & { length: number } => ({ ...access(), length: pick([1, 4, 64, 64, PAGE, 70_000]) });

  const action = (): HardwareAction => {
    const kind = next() % 32;
    if (kind < 20) return { do: "dma", ...transfer() };
    if (kind < 21) return { do: "write", at: place(), bytes: bytes(1 + (next() % 63)) };
    if (kind < 24) return { do: "toggle", at: place() & ~7n, bit: next() % 64 };
    if (kind < 26 && registers.length > 0) {
      const register = pick(registers);
      return { do: "register", name: register.name, value: valueFor(register) };
    }
    if (kind < 28) {
      const width = pick([4, 8] as const);
      const offset = (one(2) && registers.length > 0 ? pick(registers).offset : next() % 0x4_0000) & -width;
      return { do: "mmio", offset, width, value: value() };
    }
    if (kind < 29) return { do: "translated", ...transfer() };
    if (kind < 30) return { do: "translation request", ...access() };
    if (kind < 31) return { do: "access", ...transfer() };
    const { sid, ssid, iova, write, privileged, instruction } = access();
    const request = { sid, ssid, address: iova, prgIndex: next() % 512, write, execute: instruction, privileged };
    return { do: "page request", ...request, read: one(2), last: one(2) };
  };

  const change = (from: bigint): MapChange => {
    const bytes = 0x1000n << BigInt(next() % 16);
    switch (next() % 5) {
      case 0:
        return { do: "map", from: from & -0x1000n, to: place() & -0x1000n, bytes, rights: next() % 8 };
      case 1:
        return { do: "unmap", from: from & -0x1000n, bytes };
      case 2:
        return { do: "flip", from, bit: next() % 64 };
      default:
        return { do: pick(["split", "merge"] as const), from };
    }
  };

  const look = (): void => {
    const { inspect } = unit;
    const a = access();
    const { sid, ssid } = a;
    switch (next() % 11) {
      case 0:
        inspect.leaves(a.sid, a.ssid, 0);
        break;
      case 1:
        inspect.tableMap(a.sid, a.ssid, pick([1, 2]), 0);
        break;
      case 2:
        inspect.registers();
        break;
      case 3:
        for (const { id } of inspect.queues()) inspect.queueEntries(id, next() % 64, 16);
        break;
      case 4:
        inspect.caches();
        break;
      case 5:
        firstOf(inspect.owners(), 1000);
        break;
      case 6:
        for (const words of unit.records(unit.recordCount - 4)) inspect.record(words);
        break;
      case 7:
        unit.reach(a);
        break;
      case 8:
        planMapEdit(inspect, machine.memory, { sid, ssid, stage: pick([1, 2]), change: change(a.iova) });
        break;
      case 9: {
        const space = pick(["PA", "IPA"] as const);
        const query = { sid, ssid, space, all: one(2), bypassing: one(2), at: one(2) ? null : place() };
        firstOf(inspect.overlaps(query, inspect.streams([], new Map()).slice(0, 4)), 64);
        break;
      }
      default:
        inspect.walk(a, 0);
    }
  };
  return { description, machine, action, look };
}

function firstOf(all: Iterable<unknown>, most: number): void {
  let n = 0;
  for (const _ of all) if (++n >= most) return;
}
