/**
 * Several IOMMUs of one make in a machine: each has registers, tables, queues and caches of its own, and the devices that
 * are behind it. To whoever drives the machine they are one unit.
 *
 * The first is reached as a machine's only one would be; registers of the others are blocks: `iommu1`, and what stands
 * beside it is `iommu1 cmdqv`. Their queues have names of the same kind: `iommu1 CMDQ`.
 */

import type { Digest } from "../base/digest.ts";
import type { TaggedCache } from "../engine/common/tagged_cache.ts";
import type { Access, MachineDescription, PageRequestMessage } from "../protocol/machine.ts";
import { type Behind, ofUnit, unitNumbers } from "../protocol/unit_names.ts";
import type { Consumer } from "./consumer.ts";
import { SeveralInspections } from "./inspect/several_inspections.ts";
import type { PcieSide } from "./pcie.ts";
import type { MakeUnit, Reach, RegisterBlock, RegisterPlace, Stalls, Transfer, TransferResult, Unit } from "./unit.ts";

interface SeveralImage {
  readonly units: readonly unknown[];
  readonly records: number;
}

/** Makes as many units as devices are behind. */
export const unitsOf =
  (make: MakeUnit): MakeUnit =>
  (description, memory) => {
    const { devices } = description;
    const [, ...others] = unitNumbers(devices);
    if (others.length === 0) return make(description, memory);
    const at = new Map(devices.map(({ sid, iommu = 0 }) => [sid, iommu]));
    const first = make(only(description, 0), memory);
    const units = [first, ...others.map((unit) => make(only(description, unit), memory))] as const;
    return new SeveralUnits(units, (sid) => at.get(sid) ?? 0);
  };

/** The description of one of them. */
const only = (description: MachineDescription, unit: number): MachineDescription => ({
  ...description,
  devices: description.devices.filter(({ iommu = 0 }) => iommu === unit),
});

class SeveralUnits implements Unit {
  readonly arch: Unit["arch"];
  readonly inspect: SeveralInspections;
  readonly consumer: Unit["consumer"];
  readonly blocks: Readonly<Record<string, RegisterBlock>>;
  readonly pcie?: PcieSide;
  readonly stalls: Stalls;
  readonly onRequest: readonly string[];
  readonly #units: readonly [Unit, ...Unit[]];
  readonly #behind: Behind;
  /** Of each record so far, whose it is; and how many are each one's. */
  readonly #posters: number[] = [];
  #noted: number[];

  constructor(units: readonly [Unit, ...Unit[]], behind: Behind) {
    const [first] = units;
    this.#units = units;
    this.#noted = units.map(() => 0);
    this.#behind = behind;
    this.arch = first.arch;
    this.consumer = first.consumer;
    this.onRequest = first.onRequest ?? [];
    this.inspect = new SeveralInspections(units, behind);
    this.blocks = Object.fromEntries(blocksOf(units));
    this.stalls = {
      resultOf: (number) => this.#ofStall(number)?.resultOf(this.#ownNumber(number)) ?? null,
      tagOf: (number) => this.#ofStall(number)?.tagOf(this.#ownNumber(number)) ?? null,
    };
    if (first.pcie !== undefined) this.pcie = this.#pcie();
  }

  serving(sid: number): Unit {
    return this.#units[this.#behind(sid)]!;
  }

  consumerOf(queue: string): Consumer | null {
    for (const [i, unit] of this.#units.entries()) {
      const own = i === 0 ? queue : queue.slice(ofUnit(i).length + 1);
      if (ofUnit(i, own) !== queue) continue;
      const consumer = own === unit.consumer?.queue ? unit.consumer : unit.consumerOf?.(own);
      if (consumer != null) return consumer.named(queue);
    }
    return null;
  }

  commandedBy(queue: string): Unit | null {
    const own = (unit: Unit, i: number): boolean => unit.consumer !== null && ofUnit(i, unit.consumer.queue) === queue;
    return this.#units.find(own) ?? null;
  }

  register(name: string): RegisterPlace | null {
    return this.#units[0].register(name);
  }

  read(offset: number, width: 4 | 8): bigint {
    return this.#units[0].read(offset, width);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    this.#units[0].write(offset, value, width);
  }

  transfer(transfer: Transfer): TransferResult {
    return this.#numbered(transfer.sid, this.serving(transfer.sid).transfer(transfer));
  }

  reach(access: Access): Reach {
    return this.serving(access.sid).reach(access);
  }

  cacheTables(): TaggedCache[] {
    return this.#units.flatMap((unit) => unit.cacheTables());
  }

  takeRecords(): Uint8Array[] {
    this.#noteRecords();
    return this.#units.flatMap((unit) => unit.takeRecords());
  }

  records(from = 0): readonly Uint32Array[] {
    this.#noteRecords();
    const before = this.#tally(this.#posters.slice(0, from));
    const rest = this.#units.map((unit, i) => unit.records(before[i]));
    const taken = this.#units.map(() => 0);
    return this.#posters.slice(from).map((unit) => rest[unit]![taken[unit]!++]!);
  }

  get interrupts(): number {
    return this.#units[0].interrupts ?? 0;
  }

  posterOf(record: number): number {
    this.#noteRecords();
    return this.#posters[record] ?? 0;
  }

  get recordCount(): number {
    this.#noteRecords();
    return this.#posters.length;
  }

  snapshot(): SeveralImage {
    return { units: this.#units.map((unit) => unit.snapshot()), records: this.recordCount };
  }

  restore(image: SeveralImage): void {
    this.#units.forEach((unit, i) => {
      unit.restore(image.units[i]);
    });
    this.#posters.length = Math.min(this.#posters.length, image.records);
    this.#noted = this.#tally(this.#posters);
    this.#noteRecords();
  }

  digest(into: Digest): void {
    for (const unit of this.#units) unit.digest(into);
  }

  /** Note whose the records are that came since: of different units at a time, those of the first come first. */
  #noteRecords(): void {
    this.#units.forEach((unit, i) => {
      const count = unit.recordCount;
      for (; this.#noted[i]! < count; this.#noted[i]!++) this.#posters.push(i);
    });
  }

  #tally(posters: readonly number[]): number[] {
    const counts = this.#units.map(() => 0);
    for (const unit of posters) counts[unit]!++;
    return counts;
  }

  #pcie(): PcieSide {
    const of = (sid: number): PcieSide => this.serving(sid).pcie!;
    return {
      device: (sid) => of(sid).device(sid),
      request: (request) => of(request.sid).request(request),
      translated: (transfer) => this.#numbered(transfer.sid, of(transfer.sid).translated(transfer)),
      pageRequest: (message: PageRequestMessage) => of(message.sid).pageRequest(message),
      access: (transfer) => of(transfer.sid).access(transfer),
      takeResponses: () => this.#units.flatMap((unit) => unit.pcie!.takeResponses()),
    };
  }

  /** Stalls are numbered over all units: those of each in steps of as many as there are. */
  #numbered(sid: number, result: TransferResult): TransferResult {
    if (result.ok || result.stalled === undefined) return result;
    return { ...result, stalled: result.stalled * this.#units.length + this.#behind(sid) };
  }

  #ofStall(number: number): Stalls | undefined {
    return this.#units[number % this.#units.length]!.stalls;
  }

  #ownNumber(number: number): number {
    return Math.floor(number / this.#units.length);
  }
}

/** Blocks of all units by their names in the machine. What is a processor's is the same for all. */
function* blocksOf(units: readonly Unit[]): Generator<[string, RegisterBlock]> {
  for (const [i, unit] of units.entries()) {
    if (i > 0) yield [ofUnit(i), unit];
    for (const [name, block] of Object.entries(unit.blocks ?? {})) {
      if (block.heardByAll !== true) yield [ofUnit(i, name), block];
      else if (i === 0) yield [name, forAll(units.map(({ blocks }) => blocks![name]!))];
    }
  }
}

function forAll(blocks: readonly RegisterBlock[]): RegisterBlock {
  const first = blocks[0]!;
  return {
    register: (name) => first.register(name),
    read: (offset, width) => first.read(offset, width),
    write: (offset, value, width) => {
      for (const block of blocks) block.write(offset, value, width);
    },
  };
}
