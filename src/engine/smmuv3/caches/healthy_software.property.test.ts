/**
 * Software that invalidates as it must never sees its caches: every answer is that of an SMMU without any, and no entry
 * is stale (IHI 0070 §3.21, §4.3, §4.4; break-before-make in DDI 0487 §D8.16).
 */
import { describe, expect, it } from "vitest";
import { CD } from "../../../arch/smmuv3/cd.ts";
import { Digest } from "../../../base/digest.ts";
import { vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import { type Attributes, descriptor, TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import { CacheCount } from "../../common/tagged_cache.ts";
import { Smmuv3 } from "../smmu.ts";
import { ControlWorld } from "../testing/control_world.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "../testing/nested_world.ts";
import { chooser } from "../testing/random_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request } from "../testing/world.ts";
import { Translation, Updates } from "../translation.ts";
import { type CacheOptions, EVERY_CACHE } from "./options.ts";

const FMT = vmsav8Format(12, false);
const PAGE = 4096;
const BLOCK = 2 ** 21;

/** Small caches, so that entries are replaced, too. */
const SMALL: CacheOptions = {
  ...EVERY_CACHE,
  ste: { entries: 2, ways: 2 },
  tlb: { entries: 8, ways: 2 },
  stage1: { entries: 4, ways: 4 },
  fetches: { entries: 4, ways: 1 },
  walk2: { entries: 2, ways: 1 },
};

interface Mapping {
  readonly va: number;
  readonly level: 0 | 1;
  readonly global: boolean;
  out: number;
  leaf: Attributes;
}

/** An address space of a guest: one stream, one CD, one ASID. */
class Space {
  readonly vm: Vm;
  readonly sid: number;
  asid: number;
  readonly tables: TableBuilder;
  readonly cd: number;
  readonly mappings: Mapping[] = [];

  constructor(vm: Vm, sid: number, asid: number) {
    this.vm = vm;
    this.sid = sid;
    this.asid = asid;
    this.tables = new TableBuilder(FMT, vm.guest, 1, 3, 48);
    this.cd = vm.guest.allocate(PAGE);
    this.writeCd();
    this.writeSte();
  }

  writeSte(fields: Fields = {}): void {
    const { world, stage2, vmid } = this.vm;
    const all = { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: this.cd, S2VMID: vmid, ...fields };
    world.ste(this.sid, all);
  }

  writeCd(fields: Fields = {}): void {
    const all = { ...PLAIN_CD, ...stage1Fields(this.tables, 0), ASID: this.asid, ...fields };
    this.vm.world.put(CD, this.vm.guest.physical(this.cd), all);
  }

  /** Make a mapping of memory that nothing mapped before: nothing has to be invalidated for it. */
  map(va: number, level: 0 | 1, global: boolean, leaf: Attributes): void {
    const at = this.tables.place(va, level);
    if ((this.tables.store.read(at)[0] & 1) !== 0) return;
    const out = this.vm.guest.allocate(level === 0 ? PAGE : BLOCK);
    const mapping = { va, level, global, out, leaf };
    this.mappings.push(mapping);
    this.write(mapping);
  }

  write({ va, level, out, leaf, global }: Mapping): void {
    const kind = level === 0 ? "page" : "block";
    const entry = descriptor(FMT, 1, kind, out, { ...OPEN[1], nG: global ? 0 : 1, ...leaf });
    this.tables.put(this.tables.place(va, level), entry);
  }

  /** Break: the entry is invalid, and the command that makes sure of it. */
  break({ va, level, global }: Mapping): void {
    this.tables.put(this.tables.place(va, level), [0, 0]);
    const { vmid } = this.vm;
    if (global) this.vm.send("CMD_TLBI_NH_VAA", { VMID: vmid, Address: va, Leaf: 1 });
    else this.vm.send("CMD_TLBI_NH_VA", { VMID: vmid, ASID: this.asid, Address: va, Leaf: 1 });
  }
}

/** A guest: stage 2 of its own, and address spaces. */
class Vm {
  readonly world: ControlWorld;
  readonly vmid: number;
  readonly stage2: TableBuilder;
  readonly guest: GuestStore;
  readonly spaces: Space[] = [];

  constructor(world: ControlWorld, vmid: number) {
    this.world = world;
    this.vmid = vmid;
    const host = new HostStore(world);
    this.stage2 = new TableBuilder(FMT, host, 2, 2, 39);
    this.guest = new GuestStore(this.stage2, host, 0x8_0000_0000);
  }

  /** Issue a command and wait for it, as the architecture asks before its effect may be relied on. */
  send(name: string, fields: Fields): void {
    this.world.enqueue(name, fields);
    if (this.world.issue("CMD_SYNC") !== 0) throw new Error(`${name} is refused`);
  }

  /** Stage 2 puts a page elsewhere, with the same contents: break, invalidate both stages, make. */
  move(ipa: number, leaf: Attributes): void {
    const at = this.stage2.place(ipa, 0);
    const from = this.stage2.nextTable(this.stage2.store.read(at));
    const to = this.world.allocate(PAGE);
    const bytes = new Uint8Array(PAGE);
    this.world.memory.readBytes(from, bytes);
    this.world.memory.writeBytes(to, bytes);
    this.stage2.put(at, [0, 0]);
    this.send("CMD_TLBI_S2_IPA", { VMID: this.vmid, Address: ipa, Leaf: 1 });
    this.send("CMD_TLBI_NH_ALL", { VMID: this.vmid });
    this.stage2.put(at, descriptor(FMT, 2, "page", to, { ...OPEN[2], ...leaf }));
    this.guest.moved(ipa, to);
  }
}

/** Two guests with three address spaces, whose software keeps to the rules; an SMMU without caches beside it. */
class Healthy {
  readonly world: ControlWorld;
  readonly plain: Smmuv3;
  readonly vms: readonly Vm[];
  readonly spaces: readonly Space[];
  readonly #choose: ReturnType<typeof chooser>;
  readonly #t = new Translation();

  constructor(seed: number, caches: CacheOptions) {
    this.#choose = chooser(seed);
    this.world = new ControlWorld({}, {}, caches);
    this.plain = new Smmuv3(this.world.memory, this.world.registers);
    this.vms = [new Vm(this.world, 5), new Vm(this.world, 6)];
    const [a, b] = this.vms as [Vm, Vm];
    // The same ASID in two guests, and two ASIDs in one.
    this.spaces = [new Space(a, 1, 7), new Space(a, 2, 8), new Space(b, 3, 7)];
    for (const s of this.spaces) for (let i = 0; i < 6; i++) this.#map(s);
  }

  #map(space: Space): void {
    const { one, below, next } = this.#choose;
    const level = one(5) as 0 | 1;
    const va = (below(4) * 512 + (level === 1 ? 0 : next() % 12)) * PAGE + 0x12_3400_0000;
    // What is global is the same in every address space of a guest; each has addresses of its own for it here.
    const global = one(4) === 1;
    const own = global ? va + 2 ** 40 + space.sid * 2 ** 32 : va;
    space.map(level === 1 ? own - (own % BLOCK) : own, level, global, { AP: next() % 2 === 0 ? 1 : 3 });
  }

  /** Change something, and invalidate what that asks for. */
  change(): void {
    const { pick, one, next } = this.#choose;
    const space = pick(this.spaces);
    const { vm, sid } = space;
    const mapping = pick(space.mappings);
    switch (next() % 9) {
      case 0:
        this.#map(space);
        break;
      case 1: {
        space.break(mapping);
        space.mappings.splice(space.mappings.indexOf(mapping), 1);
        if (space.mappings.length < 3) for (let i = 0; i < 3; i++) this.#map(space);
        break;
      }
      case 2:
        space.break(mapping);
        mapping.out = vm.guest.allocate(mapping.level === 0 ? PAGE : BLOCK);
        mapping.leaf = { AP: next() % 4, UXN: one(2), AttrIndx: next() % 8 };
        space.write(mapping);
        break;
      case 3:
        // Fewer permissions need no break, but an invalidation after.
        mapping.leaf = { ...mapping.leaf, AP: 3 };
        space.write(mapping);
        vm.send("CMD_TLBI_NH_VAA", { VMID: vm.vmid, Address: mapping.va, Leaf: 1 });
        break;
      case 4: {
        // A whole last-level table goes: its pages were mapped, so that tables go, too.
        const link = space.tables.place(mapping.va, 1);
        if ((space.tables.store.read(link)[0] & 3) !== 3) break;
        space.tables.put(link, [0, 0]);
        const span = mapping.va - (mapping.va % BLOCK);
        const gone = space.mappings.filter((m) => m.va - (m.va % BLOCK) === span);
        for (const m of gone) {
          space.mappings.splice(space.mappings.indexOf(m), 1);
          const command = m.global ? "CMD_TLBI_NH_VAA" : "CMD_TLBI_NH_VA";
          const asid = m.global ? {} : { ASID: space.asid };
          vm.send(command, { VMID: vm.vmid, ...asid, Address: m.va });
        }
        vm.send("CMD_TLBI_NH_VA", { VMID: vm.vmid, ASID: space.asid, Address: span });
        for (let i = 0; i < 3; i++) this.#map(space);
        break;
      }
      case 5:
        if (mapping.level === 0) vm.move(mapping.out, { S2AP: pick([3, 3, 1]) });
        break;
      case 6:
        // The page of a stage-1 table.
        vm.move(pageOf(space.tables.place(mapping.va, 0)), {});
        break;
      case 7:
        // Another ASID, while nothing of it may be cached any longer.
        vm.send("CMD_TLBI_NH_ASID", { VMID: vm.vmid, ASID: space.asid });
        space.asid = 16 * sid + (next() % 16);
        vm.send("CMD_TLBI_NH_ASID", { VMID: vm.vmid, ASID: space.asid });
        space.writeCd({ WXN: one(3), A: one(2) });
        vm.send("CMD_CFGI_CD", { StreamID: sid, SubstreamID: 0, Leaf: 1 });
        vm.send("CMD_TLBI_NH_ALL", { VMID: vm.vmid });
        break;
      default:
        // The stream is switched off, and on again with other attributes.
        space.writeSte({ Config: 0 });
        vm.send("CMD_CFGI_STE", { StreamID: sid, Leaf: 1 });
        for (let i = 0; i < 4; i++) this.ask();
        space.writeSte({ PRIVCFG: pick([0, 2, 3]), INSTCFG: pick([0, 2, 3]) });
        vm.send("CMD_CFGI_STE", { StreamID: sid, Leaf: 1 });
    }
  }

  /** A transaction, mostly to something mapped: what it comes to with caches and without. */
  ask(): [cached: unknown, plain: unknown] {
    const { pick, one, next } = this.#choose;
    const space = pick(this.spaces);
    const { va } = pick(space.mappings);
    const at = one(8) === 1 ? va + BLOCK * (1 + (next() % 3)) : va + (next() % PAGE);
    const kind = { write: one(3) === 1, privileged: one(2) === 1, instruction: one(6) === 1 };
    return this.both({ sid: space.sid, va: at, ...kind });
  }

  both(request: Request): [cached: unknown, plain: unknown] {
    const { world, plain } = this;
    const t = this.#t;
    const outcome = (smmu: Smmuv3): unknown => {
      const { sid, iovaHi, iovaLo, write, privileged, instruction } = world.request(request);
      Object.assign(t, { sid, iovaHi, iovaLo, write, privileged, instruction, updates: Updates.Make });
      smmu.translate(t, null);
      smmu.details(t);
      const { end, reason, paHi, paLo, sizeLg2Stage1, sizeLg2Stage2, permissions1, permissions2 } = t;
      const [leaf1, leaf2] = [
        [t.leaf1Hi, t.leaf1Lo],
        [t.leaf2Hi, t.leaf2Lo],
      ];
      const passed = [paHi, paLo | 0, sizeLg2Stage1, sizeLg2Stage2, permissions1, permissions2, leaf1, leaf2];
      return end === 0 ? passed : [end, reason, t.event, t.stage];
    };
    return [outcome(world.smmu), outcome(plain)];
  }

  digest(): string {
    const digest = new Digest();
    this.world.memory.digest(digest);
    this.world.smmu.caches!.digest(digest);
    return digest.hex();
  }
}

const pageOf = (at: number): number => at - (at % PAGE);

const SEEDS = [1, 4, 9, 16, 8128, 65537, 99991, 524287];

describe.each([
  ["of every kind", EVERY_CACHE],
  ["that are small", SMALL],
] as const)("caches %s, under software that invalidates as it must", (_name, options) => {
  it.each(SEEDS)("are never seen, and never stale, seed %i", (seed) => {
    const healthy = new Healthy(seed, options);
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 16; i++) {
        const [cached, plain] = healthy.ask();
        expect(cached, `round ${round}`).toEqual(plain);
      }
      healthy.change();
      expect({ round, stale: healthy.world.smmu.staleEntries() }).toEqual({ round, stale: [] });
    }
    const { all } = healthy.world.smmu.caches!.stages;
    expect(all.reduce((hits, cache) => hits + cache.table.counts[CacheCount.Hits]!, 0)).toBeGreaterThan(200);
  });

  it.each(SEEDS.slice(0, 3))("come to the same state from the same actions, seed %i", (seed) => {
    const [one, two] = [new Healthy(seed, options), new Healthy(seed, options)];
    for (let round = 0; round < 20; round++) {
      for (const each of [one, two]) {
        for (let i = 0; i < 8; i++) each.ask();
        each.change();
      }
      expect(one.digest()).toBe(two.digest());
    }
  });
});
