/**
 * Machines of every architecture with nested tables, made at random by the engines' own test worlds: for laws that hold
 * whatever the architecture.
 */

import { join } from "../../base/halves.ts";
import { presetRegisters } from "../../engine/amdvi/presets.ts";
import * as amdvi from "../../engine/amdvi/testing/built_world.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { randomNested } from "../../engine/smmuv3/testing/random_nested.ts";
import { chooser } from "../../engine/smmuv3/testing/random_world.ts";
import { presetById, presetIdentity } from "../../engine/vtd/presets.ts";
import * as vtd from "../../engine/vtd/testing/nested_world.ts";
import type { Access, Arch, MachineDescription } from "../../protocol/machine.ts";
import { describeWorld, randomActions } from "./documents.ts";

/** A machine, accesses that it may well meet, and where its tables' entries lie. */
export interface MadeWorld {
  readonly machine: MachineDescription;
  access(): Access;
  /** Physical address of a word worth changing. */
  entry(): bigint;
}

const PAGE = 4096;
const LOGS = 0x3f00_0000;
/** log2 of a log's entries in bits [59:56] of a base register: 2^15, so that it does not fill up. */
const LARGEST_LOG = 15n << 56n;

const segmentsOf = (memory: PhysicalMemory): MachineDescription["memory"] => ({
  outside: memory.outside,
  zero: [
    [0n, 1n << 26n],
    [BigInt(LOGS), 1n << 20n],
  ],
  segments: memory.segments().map(({ at, bytes }) => ({ at: BigInt(at), bytes })),
});

/** Draw accesses of one requester and its PASID: mostly to a mapped page. */
function accesses(seed: number, sid: number, pasid: number, pages: readonly number[]): () => Access {
  const { next, one, pick } = chooser(seed);
  return () => ({
    sid: one(24) === 1 ? next() & 0xffff : sid,
    ssid: one(12) === 1 ? null : one(24) === 1 ? next() % 2 ** 20 : pasid,
    iova: BigInt(pick(pages) + (next() % PAGE)) + (one(16) === 1 ? 0x1000n : 0n) + (one(32) === 1 ? 1n << 60n : 0n),
    write: one(2) === 1,
    privileged: one(3) === 1,
    instruction: one(8) === 1,
  });
}

function smmuv3(seed: number): MadeWorld {
  const random = randomNested(seed);
  random.world.load("EVENTQ_BASE", { ADDR: LOGS, LOG2SIZE: 15 });
  const { access } = randomActions(random, seed);
  const { next, pick } = chooser(seed);
  const segments = random.world.memory.segments();
  const entry = (): bigint => {
    const { at, bytes } = pick(segments);
    return BigInt(at + (next() % (bytes.length / 8)) * 8);
  };
  return { machine: describeWorld(random.world), access, entry };
}

/** Rights of a page, drawn at random: mostly all. */
const rights = (one: (n: number) => number) => ({
  read: true,
  write: one(4) === 0,
  execute: one(2) === 0,
  user: one(6) === 0,
});

/** Map some pages at random. @returns their addresses */
function mapped(seed: number, bits: number, map: (va: number) => void): number[] {
  const { next, below } = chooser(seed);
  const base = below(2 ** (bits - 14)) * PAGE;
  const pages = Array.from({ length: 12 }, () => base + (next() % 2048) * PAGE);
  for (const va of new Set(pages)) map(va);
  return pages;
}

function intel(seed: number): MadeWorld {
  const { one, pick } = chooser(seed + 1);
  const firstLevels = pick([4, 4, 5] as const);
  const world = new vtd.NestedWorld({ aw: pick([1, 2, 2, 3] as const), firstLevels });
  const pages = mapped(seed, 12 + 9 * firstLevels, (va) => world.map(va, rights(one)));
  const { cap, ecap } = presetIdentity(presetById("sapphire-rapids")!);
  const registers = {
    CAP: join(cap.hi, cap.lo),
    ECAP: join(ecap.hi, ecap.lo),
    // Translation and the root pointer are in force; scalable mode.
    RTADDR: BigInt(world.state.rootLo) | (1n << 10n),
    GSTS: 0xc000_0000n,
  };
  const machine = { arch: "vtd", registers, memory: segmentsOf(world.memory), devices: [] } as const;
  return {
    machine,
    access: accesses(seed, vtd.SID, vtd.PASID, pages),
    entry: () => BigInt(pick(world.entries)),
  };
}

function amd(seed: number): MadeWorld {
  const { next, one, pick } = chooser(seed + 1);
  const guestLevels = pick([4, 4, 5] as const);
  const world = new amdvi.BuiltWorld({
    mode: pick([0, 3, 4, 4, 5, 6] as const),
    guestLevels,
    glx: (next() % 3) as 0 | 1 | 2,
    entry: { HAD: pick([0, 1, 3]), SE: one(4), GIoV: one(4) },
  });
  const pages = mapped(seed, 12 + 9 * guestLevels, (va) => world.map(va, rights(one)));
  const features = [...presetRegisters("full")].map(([name, { hi, lo }]) => [name, join(hi, lo)] as const);
  const { segmentLo, segmentEntries } = world.controls;
  const registers = {
    ...Object.fromEntries(features),
    DEVTAB_BASE: BigInt(segmentLo[0]! + (segmentEntries[0]! * 32) / PAGE - 1),
    EVT_BASE: BigInt(LOGS) | LARGEST_LOG,
    // IommuEn, EventLogEn, GTEn, GCR3TRPMode; EventLogRun.
    CONTROL: 0x1_0005n | (1n << 58n),
    STATUS: 8n,
  };
  const machine = { arch: "amdvi", registers, memory: segmentsOf(world.memory), devices: [] } as const;
  return {
    machine,
    access: accesses(seed, amdvi.DEVICE, amdvi.PASID, pages),
    entry: () => BigInt(pick(world.entries)),
  };
}

/** A world of an architecture, from a seed. */
export const WORLDS: Readonly<Record<Arch, (seed: number) => MadeWorld>> = { smmuv3, vtd: intel, amdvi: amd };
