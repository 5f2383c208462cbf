/**
 * A device with guest tables over host tables, and a few pages to move about, for tests. Guest physical addresses are
 * system physical ones but for the data pages.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { Updates } from "../../common/request.ts";
import { AmdCaches } from "../caches/amd_caches.ts";
import type { CacheOptions } from "../caches/options.ts";
import { CachePrefetch } from "../caches/prefetch.ts";
import { readCapabilities } from "../capabilities.ts";
import { presetRegisters } from "../presets.ts";
import { Translation } from "../translation.ts";
import { Translator } from "../translator.ts";
import { type Command, InterfaceWorld, ON } from "./interface_world.ts";

export const DEVICE = 6;
export const DOMAIN = 0x77;
export const PASID = 3;
/** Guest virtual and guest physical start of the data pages, how many, and where they may lie. */
export const GVA = 0x400000;
export const GPA = 0x300000;
export const PAGES = 8;
export const SPA = 0x380000;
/** DeviceID of the IOMMU itself. */
export const OWN_ID = 2;

const TABLE = 0x100000;
const HOST = [0x110000, 0x111000, 0x112000, 0x113000] as const;
const GUEST = [0x120000, 0x121000, 0x122000, 0x123000] as const;
const GCR3 = 0x124000;
const TREE_BYTES = 0x10000;
/** Present, and host rights IR and IW in the high half; a guest entry's P, R/W and U/S. */
export const HOST_RW = 0x60000000;
const GUEST_RW = 7;

/** Commands, as four words. */
export const COMMANDS = {
  devtab: [DEVICE, (2 << 28) >>> 0, 0, 0],
  guestPage: (lo: number) => [PASID, ((3 << 28) | DOMAIN) >>> 0, lo | 4, 0],
  hostPage: (lo: number) => [0, ((3 << 28) | DOMAIN) >>> 0, lo, 0],
  guestAll: [PASID, ((3 << 28) | DOMAIN) >>> 0, 0xfffff007, 0x7fffffff],
  hostAll: [0, ((3 << 28) | DOMAIN) >>> 0, 0xfffff003, 0x7fffffff],
} as const satisfies Readonly<Record<string, readonly number[] | ((lo: number) => readonly number[])>>;

export class NestedWorld extends InterfaceWorld {
  readonly caches: AmdCaches;
  readonly cached: Translator;
  /** Reads everything afresh. */
  readonly plain: Translator;

  constructor(options: CacheOptions, hostAccess = 0) {
    const caches = new AmdCaches(options);
    const initial = presetRegisters("full");
    const [efr, efr2] = [initial.get("EFR")!, initial.get("EFR2")!];
    const caps = readCapabilities(efr.hi, efr.lo, efr2.hi, efr2.lo);
    let made: Translator | null = null;
    super(initial, (memory, controls) => {
      const translator = new Translator(memory, controls, caps, caches);
      made = translator;
      return { caches, translator, prefetch: new CachePrefetch(translator, caches) };
    });
    this.caches = caches;
    this.cached = made!;
    this.plain = new Translator(this.memory, this.controls, caps);
    this.#build(hostAccess);
    this.write("DEVTAB_BASE", TABLE);
    // GTEn, and GCR3TRPMode: the guest CR3 table lies at a guest physical address.
    this.write("CONTROL", ON | 0x10000, 1 << 26);
  }

  /** Set fields of a device table entry. */
  entry(fields: Readonly<Record<string, number>>, deviceId = DEVICE): void {
    const dte = new Uint32Array(8);
    for (let i = 0; i < 8; i += 2) {
      this.memory.read64(0, TABLE + 32 * deviceId + 4 * i);
      dte[i] = this.memory.lo;
      dte[i + 1] = this.memory.hi;
    }
    for (const [name, value] of Object.entries(fields)) DTE.f[name as keyof typeof DTE.f].set(dte, 0, value);
    for (let i = 0; i < 8; i += 2) this.memory.write64(0, TABLE + 32 * deviceId + 4 * i, dte[i + 1]!, dte[i]!);
  }

  /** Give another device the same entry, but for some fields. */
  twin(deviceId: number, fields: Readonly<Record<string, number>>): void {
    for (let at = 0; at < 32; at += 8) {
      this.memory.read64(0, TABLE + 32 * DEVICE + at);
      this.memory.write64(0, TABLE + 32 * deviceId + at, this.memory.hi, this.memory.lo);
    }
    this.entry(fields, deviceId);
  }

  /** Map a guest page to a guest physical data page, or to nothing. */
  guestPage(page: number, to: number | null, rights = GUEST_RW): void {
    const at = GUEST[3] + 8 * page;
    this.memory.write64(0, at, 0, to === null ? 0 : (GPA + 0x1000 * to) | rights);
  }

  /** Map a guest physical data page to a system physical one, or to nothing. */
  hostPage(page: number, to: number | null, rights = HOST_RW): void {
    const at = HOST[3] + 8 * (((GPA >>> 12) & 511) + page);
    this.memory.write64(0, at, to === null ? 0 : rights, to === null ? 0 : (SPA + 0x1000 * to) | 1);
  }

  /** Have the guest CR3 entry lead to the guest's tables, or to the tables of tree 1, which map nothing. */
  root(tree: 0 | 1): void {
    this.memory.write64(0, GCR3 + 8 * PASID, 0, (GUEST[0] + tree * TREE_BYTES) | 1);
  }

  /** Guest page entry, low half. */
  leafOf(page: number): number {
    this.memory.read64(0, GUEST[3] + 8 * page);
    return this.memory.lo;
  }

  /** Translate an access to a guest page; `made` false only looks. */
  access(translator: Translator, page: number, write: boolean, made: boolean): Translation {
    return this.translated(translator, { iovaLo: GVA + 0x1000 * page + 8, write }, made);
  }

  /** Translate any access; what is not said of it is as for {@link access}. */
  translated(translator: Translator, fields: Partial<Translation>, made: boolean): Translation {
    const t = new Translation();
    Object.assign(t, { deviceId: DEVICE, hasPasid: true, pasid: PASID, ...fields });
    t.updates = made ? Updates.Make : Updates.Show;
    translator.translate(t, null);
    return t;
  }

  send(...commands: readonly (readonly number[])[]): void {
    this.command(...(commands as readonly Command[]));
  }

  #build(hostAccess: number): void {
    const { memory } = this;
    this.entry({
      V: 1,
      TV: 1,
      Mode: 3,
      HAD: hostAccess,
      HostPageTableRootPtr: HOST[0] >>> 12,
      GV: 1,
      GCR3TRP_14_12: GCR3 >>> 12,
      GCR3TRP_30_15: GCR3 >>> 15,
      IR: 1,
      IW: 1,
      DomainID: DOMAIN,
    });
    memory.write64(0, HOST[0], HOST_RW, HOST[1] | 0x401);
    memory.write64(0, HOST[1], HOST_RW, HOST[2] | 0x201);
    memory.write64(0, HOST[1] + 8, HOST_RW, HOST[3] | 0x201);
    for (let page = 0; page < 1024; page++) {
      memory.write64(0, (page < 512 ? HOST[2] : HOST[3]) + 8 * (page & 511), HOST_RW, (page << 12) | 1);
    }
    memory.write64(0, GUEST[0], 0, GUEST[1] | GUEST_RW);
    memory.write64(0, GUEST[1], 0, GUEST[2] | GUEST_RW);
    memory.write64(0, GUEST[2] + 8 * (GVA >>> 21), 0, GUEST[3] | GUEST_RW);
    this.root(0);
    for (let page = 0; page < PAGES; page++) {
      this.guestPage(page, page);
      this.hostPage(page, page);
    }
  }
}
