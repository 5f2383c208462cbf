/**
 * The test device of the recordings and the memory that plays guest. The device copies 8 bytes between a buffer of its
 * own and an IOVA; the program sees what it read by having it written to a page that is set aside for that.
 */
import type { HostDevice } from "../host/drivers/driver.ts";
import type { EventFile, HostKernel } from "../host/kernel.ts";
import type { Process } from "../host/process.ts";
import type { AccessResult, Hardware } from "./play_uapi_hardware.ts";
import { type Json, type JsonObject, type Line, numberOf } from "./play_uapi_lines.ts";

/** The page set aside: where a guest's stage 1 leads to it, and where plain mappings do. */
const PROBE = {
  guest: { iova: 0x80_0000_8000n, va: 0x4001_8000n },
  plain: { iova: 0x10_3000n, va: 0x4000_3000n },
} as const;

/** First page of guest memory that is data; tables and descriptors lie below. */
const GUEST_DATA = 0x4001_0000n;
const GUEST_END = 0x4020_0000n;
const PLAIN_DATA = 0x4000_0000n;
const PLAIN_END = 0x4004_0000n;
const PAGE = 0x1000n;

/** Where the guest keeps its context descriptor and tables. */
const GUEST_CD = 0x4000_0000n;
const TABLES = [0x4000_1000n, 0x4000_2000n, 0x4000_3000n, 0x4000_4000n] as const;
/** Tables for the doorbell's window, below the first one. */
const DOORBELL_TABLES = [0x4000_5000n, 0x4000_6000n, 0x4000_7000n] as const;
/** A page for a table that a machine needs to show what it does otherwise. */
const SPARE_TABLE = 0x4000_8000n;
const TABLE = 3n;
/** A page for reading and writing by anybody, accessed. */
const PAGE_ENTRY = 0x743n;
/** Levels of the guest's tables, from the root: bits that index each. */
const SHIFTS = [39n, 30n, 21n, 12n] as const;

const LENGTH = 8;
const PART = 4;
/** What the program leaves where the device is to write, and what it has it write elsewhere. */
const UNTOUCHED = 0x6d61_726b_6d61_726bn;
const WRITTEN = 0x7772_6f74_7772_6f74n;

/**
 * What the program did to its tables without a line for it, by the words of the line that follows: entry of the last
 * table, and what it says.
 */
const UNRECORDED: readonly { readonly about: RegExp; readonly index: bigint; readonly entry: bigint }[] = [
  { about: /^entry made valid/, index: 7n, entry: 0x4001_0743n },
  { about: /^entry changed without invalidation/, index: 7n, entry: 0x4001_6743n },
];

export class DeviceProbe {
  readonly #hardware: Hardware;
  readonly #process: Process;
  readonly #probe: { readonly iova: bigint; readonly va: bigint };
  #buffer: Uint8Array = new Uint8Array(LENGTH);

  /** @param earlier what cases before wrote into guest memory, which outlives a case */
  constructor(hardware: Hardware, process: Process, guest: boolean, earlier: readonly JsonObject[]) {
    this.#hardware = hardware;
    this.#process = process;
    this.#probe = guest ? PROBE.guest : PROBE.plain;
    const [from, end] = guest ? [GUEST_DATA, GUEST_END] : [PLAIN_DATA, PLAIN_END];
    for (let va = from; va < end; va += PAGE) this.#put(va, patternOf(va));
    if (guest) for (const given of earlier) this.guestMemory(given);
  }

  /** Have the device read or write: what the program says of it. */
  dma(line: Line): string {
    const device = this.#hardware.devices[Number(line.in.device)];
    const iova = numberOf(line.in.iova);
    if (device === undefined || iova === null) return "no such device";
    const silent = UNRECORDED.find((u) => u.about.test(line.about));
    if (silent !== undefined) this.#put(TABLES[3] + 8n * silent.index, silent.entry);
    const expected = silent === undefined ? null : patternOf(silent.entry & ~(PAGE - 1n));
    return line.in.access === "write" ? this.#write(device, iova) : this.#read(device, iova, expected);
  }

  /** Raise the device's interrupt: how often the event counter says that it arrived. */
  message(kernel: HostKernel, line: Line, events: EventFile): number {
    const device = this.#hardware.devices[Number(line.in.device)];
    const message = device === undefined ? null : kernel.messageOf(device);
    if (device === undefined || message === null) return 0;
    const data = new Uint8Array(new Uint32Array([message.data]).buffer);
    const result = this.#hardware.access(device, { iova: message.address, data, length: PART });
    const arrived = result !== null && (result.pa === null || result.pa === kernel.config.doorbell);
    if (arrived) kernel.interrupt(device.sid, message.data, result.pa === null ? message.address : null);
    const count = events.read(LENGTH);
    return typeof count === "string" ? -1 : Number(new BigUint64Array(count.slice().buffer)[0]);
  }

  /** Write what a line shows into the memory that plays guest. */
  guestMemory(given: JsonObject): void {
    if (Array.isArray(given.cd))
      this.#putWords(numberOf(given.at) ?? GUEST_CD, this.#hardware.guestContext(given.cd.map(big)));
    if (Array.isArray(given.l3)) this.#putTables(given);
    if (given.entry !== undefined) {
      const table = TABLES[Number(given.level)] ?? TABLES[3];
      const { entry, below } = this.#hardware.guestEntry(Number(given.level), big(given.entry), SPARE_TABLE);
      this.#putWords(SPARE_TABLE, below);
      this.#put(table + 8n * (numberOf(given.index) ?? 0n), entry);
    }
    if (typeof given.stage1 === "string") this.#mapOneToOne(given.stage1);
  }

  #putTables(given: JsonObject): void {
    const at = (key: string, otherwise: bigint): bigint => numberOf(given[key]) ?? otherwise;
    const [l0, l1, l2, l3] = [
      at("l0_at", TABLES[0]),
      at("l1_at", TABLES[1]),
      at("l2_at", TABLES[2]),
      at("l3_at", TABLES[3]),
    ];
    this.#put(l0 + 8n * at("l0_index", 0n), l1 | TABLE);
    this.#put(l1, l2 | TABLE);
    this.#put(l2, l3 | TABLE);
    this.#putWords(l3, (given.l3 as readonly Json[]).map(big));
    for (const [key, value] of Object.entries(given)) {
      const entry = /^l([0-3])\[(\d+)\]$/.exec(key);
      if (entry !== null) this.#put([l0, l1, l2, l3][Number(entry[1])]! + 8n * BigInt(entry[2]!), big(value));
    }
  }

  /** Map a range to itself, page by page, by tables of its own. */
  #mapOneToOne(range: string): void {
    const bounds = [...range.matchAll(/0x[0-9a-f]+/gi)].map((m) => BigInt(m[0]));
    const [first, last] = [bounds[0] ?? 0n, bounds[1] ?? -1n];
    const [l1, l2, l3] = DOORBELL_TABLES;
    for (const [table, to, shift] of [
      [TABLES[0], l1, SHIFTS[0]],
      [l1, l2, SHIFTS[1]],
      [l2, l3, SHIFTS[2]],
    ] as const) {
      this.#put(table + 8n * ((first >> shift) & 0x1ffn), to | TABLE);
    }
    for (let at = first; at <= last; at += PAGE) this.#put(l3 + 8n * ((at >> SHIFTS[3]) & 0x1ffn), at | PAGE_ENTRY);
  }

  #read(device: HostDevice, iova: bigint, expected: bigint | null): string {
    this.#put(this.#probe.va, 0n);
    this.#load(device, this.#probe.iova);
    this.#load(device, iova);
    this.#put(this.#probe.va, UNTOUCHED);
    this.#store(device, this.#probe.iova);
    const arrived = this.#get(this.#probe.va);
    this.#put(this.#probe.va, patternOf(this.#probe.va));
    if (arrived === UNTOUCHED) return "probe page unreachable";
    if (arrived === 0n) return "no data, read as zero";
    return expected === null || arrived === expected ? "data arrived" : "other data";
  }

  #write(device: HostDevice, iova: bigint): string {
    this.#put(this.#probe.va, WRITTEN);
    this.#load(device, this.#probe.iova);
    this.#put(this.#probe.va, patternOf(this.#probe.va));
    const where = this.#store(device, iova);
    if (where === null || where.pa === null) return "memory unchanged";
    const now = new Uint8Array(PART);
    this.#hardware.memory.readBytes(Number(where.pa), now);
    return now.every((byte, i) => byte === this.#buffer[LENGTH - PART + i]) ? "memory changed" : "memory unchanged";
  }

  /** The device reads into its buffer; what does not arrive reads as zero. */
  #load(device: HostDevice, iova: bigint): void {
    for (let at = 0; at < LENGTH; at += PART) {
      const result = this.#hardware.access(device, { iova: iova + BigInt(at), data: null, length: PART });
      this.#buffer.set(result?.data ?? new Uint8Array(PART), at);
    }
  }

  /** The device writes its buffer. @returns where its last part went */
  #store(device: HostDevice, iova: bigint): AccessResult {
    let result: AccessResult = null;
    for (let at = 0; at < LENGTH; at += PART) {
      const data = this.#buffer.slice(at, at + PART);
      result = this.#hardware.access(device, { iova: iova + BigInt(at), data, length: PART });
    }
    return result;
  }

  #put(va: bigint, word: bigint): void {
    this.#putWords(va, [word]);
  }

  #putWords(va: bigint, words: readonly bigint[]): void {
    this.#process.write(va, new Uint8Array(new BigUint64Array(words).buffer));
  }

  #get(va: bigint): bigint {
    const bytes = this.#process.read(va, LENGTH);
    return bytes === null ? 0n : new BigUint64Array(bytes.buffer)[0]!;
  }
}

/** What the program keeps at the start of a page, so that it knows it when it sees it. */
const patternOf = (va: bigint): bigint => 0x5eed_0000_0000_0000n | va;

const big = (value: Json): bigint => BigInt.asUintN(64, numberOf(value) ?? 0n);
