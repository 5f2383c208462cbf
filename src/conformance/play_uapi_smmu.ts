/**
 * The emulated Arm machine of the recordings: one or two SMMUv3 with the host's driver on them, and what is particular
 * about the emulation (see the README beside the transcripts).
 */

import type { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { SmmuDriver } from "../host/drivers/smmuv3/smmu_driver.ts";
import { ownMemory } from "../machine/kernel_memory.ts";
import { SMMUV3 } from "../machine/smmuv3/architecture.ts";
import type { Unit } from "../machine/unit.ts";
import type { MachineDescription } from "../protocol/machine.ts";
import {
  type AccessResult,
  accessThrough,
  devicesOf,
  type GuestEntry,
  type Hardware,
  KERNEL_MEMORY,
  makeMemory,
  USER_MEMORY,
} from "./play_uapi_hardware.ts";
import { type Header, type Json, numberOf } from "./play_uapi_lines.ts";

/** Identification registers by stages, where a header does not show them. */
const IDR = { "1": [0xd44101a, 0x1404], "2": [0xd441019, 0x1414], nested: [0xd44101b, 0x1414] } as const;
const IDR1 = 0x2730010;
const IDR5 = 0x74;
const AIDR = 1;

/** The emulated SMMU keeps configuration and translations. */
const CACHES = { ste: { entries: 32, ways: 4 }, cd: { entries: 32, ways: 4 }, tlb: { entries: 256, ways: 4 } };

/** First requester of the second root complex. */
const SECOND_ROOT = 0x2000;
/** Kernel memory of each SMMU's driver. */
const DRIVER_BYTES = 0x400_0000n;

/** What the emulation does otherwise than the architecture has it. */
const EMULATION = {
  /** Accesses are not checked for privilege, and records do not tell of one. */
  PnU: 1 << 1,
  /** A stage 2 fault of a stage 1 table walk has S2 clear in its record. */
  S2: 1 << 7,
  CLASS: 3 << 8,
  CLASS_TT: 1 << 8,
  /** Limits that table descriptors impose have no effect: CD.HAD0. */
  HAD0: 1n << 1n,
} as const;
/** Where the guest's memory begins, as an IPA. */
const GUEST_BASE = 0x4000_0000n;
const TABLE_ADDRESS = 0x0000_ffff_ffff_f000n;
const BLOCK = 1n;
const TABLE = 3n;
const TYPE = 3n;
const ENTRIES = 512;
/** log2 of what an entry spans at level 0 and at level 1. */
const LEVEL_0_SPAN = 39n;
const LEVEL_1_SPAN = 30n;
const RECORD_BYTES = 32;
const QUEUE_ADDRESS = 0x00ff_ffff_ffff_ffe0n;

interface Smmu {
  readonly unit: Unit;
  readonly driver: SmmuDriver;
}

function registersOf(header: Header): Record<string, bigint> {
  const given = header.info.smmuv3;
  if (typeof given === "object" && given !== null && "idr" in given) {
    const idr = (given as { idr: readonly Json[] }).idr.map((value) => numberOf(value) ?? 0n);
    const all = Object.fromEntries(idr.map((value, i) => [`IDR${i}`, value]));
    return { ...all, AIDR: numberOf((given as { aidr?: Json }).aidr) ?? BigInt(AIDR) };
  }
  const stage = /stage=(1|2)\b/.exec(header.machine)?.[1] as "1" | "2" | undefined;
  const [idr0, idr3] = IDR[stage ?? "nested"];
  const values = { IDR0: idr0, IDR1, IDR3: idr3, IDR5, AIDR };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, BigInt(value)]));
}

/** The machine. @param page bytes of the kernel's pages */
export function smmuHardware(header: Header, page: bigint): Hardware {
  const memory = makeMemory();
  const description: MachineDescription = {
    arch: "smmuv3",
    registers: registersOf(header),
    memory: { outside: "abort", zero: [], segments: [] },
    devices: [],
    caches: CACHES,
  };
  const config = {
    pageLg2: Math.log2(Number(page)),
    coherentRootComplex: /marked coherent write-back|IORT replaced as above/.test(header.machine),
    sva: false,
  };
  const smmus: Smmu[] = [];
  for (let i = 0; i < (/two SMMUv3/.test(header.machine) ? 2 : 1); i++) {
    const unit = SMMUV3.make(description, memory);
    const from = Number(KERNEL_MEMORY + BigInt(i) * DRIVER_BYTES);
    const driver = SmmuDriver.start(config, unit, ownMemory(memory, from, Number(DRIVER_BYTES)));
    if (driver === null) throw new Error("no memory for a driver");
    smmus.push({ unit, driver });
  }
  // The second SMMU stands before the second root complex.
  const devices = devicesOf(header, (sid) => smmus[sid >= SECOND_ROOT ? smmus.length - 1 : 0]!.driver);
  let base = 0n;
  return {
    memory,
    devices,
    guestContext: ([first = 0n, second = 0n, ...rest]) => {
      base = second & TABLE_ADDRESS;
      return [first, second | EMULATION.HAD0, ...rest];
    },
    guestEntry: blockAtLevel0,
    access: (device, access): AccessResult => {
      const { unit, driver } = smmus.find((s) => s.driver === device.driver)!;
      const result = accessThrough(unit, device.sid, true, access);
      emulateRecords(unit, memory, base);
      driver.interrupt();
      return result;
    },
  };
}

/** A block descriptor at level 0 is used as one: what it would map is mapped by a table of blocks below it. */
function blockAtLevel0(level: number, entry: bigint, spare: bigint): GuestEntry {
  if (level !== 0 || (entry & TYPE) !== BLOCK) return { entry, below: [] };
  const first = entry & TABLE_ADDRESS & ~((1n << LEVEL_0_SPAN) - 1n);
  const attributes = entry & ~TABLE_ADDRESS;
  const below = Array.from({ length: ENTRIES }, (_, i) => (first + (BigInt(i) << LEVEL_1_SPAN)) | attributes);
  return { entry: spare | TABLE, below };
}

/**
 * Make the records that wait in the Event queue look as the emulation writes them.
 * @param base the guest's first table, an IPA: it is translated when the context descriptor is read, so that a walk which
 * finds stage 2 empty gets as far as the next table
 */
function emulateRecords(unit: Unit, memory: PhysicalMemory, base: bigint): void {
  const read = (name: string): bigint => {
    const place = unit.register(name)!;
    return unit.read(place.offset, place.width);
  };
  const queue = read("SMMU_EVENTQ_BASE");
  const entries = 2 ** Number(queue & 0x1fn);
  const prod = Number(read("SMMU_EVENTQ_PROD")) & (2 * entries - 1);
  for (let at = Number(read("SMMU_EVENTQ_CONS")) & (2 * entries - 1); at !== prod; at = (at + 1) % (2 * entries)) {
    const where = Number(queue & QUEUE_ADDRESS) + RECORD_BYTES * (at % entries);
    const bytes = new Uint8Array(RECORD_BYTES);
    memory.readBytes(where, bytes);
    const view = new DataView(bytes.buffer);
    const flags = view.getUint32(12, true) & ~EMULATION.PnU;
    const walk = (flags & EMULATION.CLASS) === EMULATION.CLASS_TT;
    view.setUint32(12, walk ? flags & ~EMULATION.S2 : flags, true);
    if (walk && (view.getBigUint64(24, true) & TABLE_ADDRESS) === base) {
      const index = (view.getBigUint64(16, true) >> LEVEL_0_SPAN) & BigInt(ENTRIES - 1);
      const entry = new Uint8Array(8);
      memory.readBytes(Number(USER_MEMORY + (base - GUEST_BASE) + 8n * index), entry);
      view.setBigUint64(24, new DataView(entry.buffer).getBigUint64(0, true) & TABLE_ADDRESS, true);
    }
    memory.writeBytes(where, bytes);
  }
}
