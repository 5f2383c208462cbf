/**
 * One page mapped by one stage or both, for tests that look at its descriptors.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { Digest } from "../../../base/digest.ts";
import { type GranuleLg2, vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import { type Attributes, spanOf, TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import type { CacheOptions } from "../caches/options.ts";
import { type Translation, Updates } from "../translation.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, World } from "./world.ts";

/** How one stage maps the page. */
interface Stage {
  readonly granule?: GranuleLg2;
  readonly leaf?: Attributes;
  readonly tables?: Attributes;
  /** Level of the leaf. */
  readonly level?: number;
}

/** What differs from a page that both stages let through. */
export interface Setup {
  /** IDR0.HTTU; 3 when left out. */
  readonly httu?: number;
  readonly ste?: Fields;
  readonly cd?: Fields;
  readonly s1?: Stage | null;
  readonly s2?: Stage | null;
  /** What stage 2 says of the pages that hold stage-1 tables; and of the page that holds the CD. */
  readonly s1Tables?: Attributes;
  readonly cdPage?: Attributes;
  readonly registers?: Readonly<Record<string, Fields>>;
  readonly caches?: CacheOptions;
}

const VA = 0x12_3456_7000;
const IPA = 0x8_0000_0000;

/** A world with one page mapped for stream 1, and the places of its descriptors. A stage that is null is off. */
export class Mapped {
  readonly world: World;
  readonly s1: TableBuilder | null;
  readonly s2: TableBuilder | null;
  /** Physical addresses of the leaves of the page. */
  readonly leaf1: number;
  readonly leaf2: number;
  /** Stage-2 leaf over the last-level stage-1 table, and the IPA of the stage-1 leaf. */
  readonly over: number;
  readonly leafIpa: number;
  readonly cdLeaf: number;
  /** The input address. */
  readonly va: number;

  constructor(setup: Setup) {
    const stages = (setup.s1 === null ? 0 : 1) + (setup.s2 === null ? 0 : 2);
    this.world = new World({ IDR0: { HTTU: setup.httu ?? 3 }, ...setup.registers }, {}, setup.caches);
    const host = new HostStore(this.world);
    const fmt2 = vmsav8Format(setup.s2?.granule ?? 12, false);
    this.s2 = setup.s2 === null ? null : new TableBuilder(fmt2, host, 2, 2, fmt2.granuleLg2 === 12 ? 39 : 42);
    const guest = this.s2 === null ? host : new GuestStore(this.s2, host, IPA);
    const physical = (at: number): number => (guest instanceof GuestStore ? guest.physical(at) : at);
    const level1 = setup.s1?.level ?? 0;
    const level2 = setup.s2?.level ?? 0;
    const fmt1 = vmsav8Format(setup.s1?.granule ?? 12, false);
    this.s1 =
      setup.s1 === null
        ? null
        : new TableBuilder(fmt1, guest, 1, { 12: 3, 14: 2, 16: 1 }[setup.s1?.granule ?? 12]!, 42);
    this.va = stages === 2 ? 0x1_2345_6000 : VA;
    const out = 0x10_0000_0000;
    let [leaf1, leaf2, over, leafIpa] = [0, 0, 0, 0];
    const middle = stages === 3 ? 0x4_4000_0000 : out;
    if (this.s1 !== null) {
      const base = Math.floor(middle / spanOf(fmt1, level1)) * spanOf(fmt1, level1);
      leafIpa = this.s1.map(this.va, level1, base, { ...OPEN[1], ...setup.s1?.leaf }, setup.s1?.tables);
      leaf1 = physical(leafIpa);
    }
    let cd = 0;
    if (this.s1 !== null) {
      cd = guest instanceof GuestStore ? guest.allocate(4096) : this.world.allocate(64);
      this.world.put(CD, physical(cd), { ...PLAIN_CD, ...stage1Fields(this.s1, 0), ...setup.cd });
    }
    if (this.s2 !== null) {
      const ipa = this.s1 === null ? this.va : middle + (this.va % spanOf(fmt1, level1));
      const base = Math.floor(out / spanOf(fmt2, level2)) * spanOf(fmt2, level2);
      leaf2 = this.s2.map(ipa, level2, base, { ...OPEN[2], ...setup.s2?.leaf }, setup.s2?.tables);
      if (guest instanceof GuestStore) {
        for (const [at, frame] of guest.frames()) {
          const isCd = Math.floor(at / 4096) === Math.floor(cd / 4096) && this.s1 !== null;
          const fields = isCd ? setup.cdPage : setup.s1Tables;
          this.s2.map(at, 0, frame, { ...OPEN[2], ...fields });
        }
        if (this.s1 !== null) over = this.s2.place(leafIpa, 0);
      }
    }
    this.leaf1 = leaf1;
    this.leaf2 = leaf2;
    this.over = over;
    this.leafIpa = leafIpa;
    this.cdLeaf = this.s2 === null || this.s1 === null ? 0 : this.s2.place(cd, 0);
    this.world.ste(1, {
      ...NESTED_STE,
      Config: 4 + stages,
      ...(this.s2 === null ? {} : stage2Fields(this.s2)),
      S1ContextPtr: cd,
      ...setup.ste,
    });
  }

  lo(at: number): number {
    return new HostStore(this.world).read(at)[0];
  }

  /** Translate for good. */
  make(r: Omit<Request, "va"> = {}): Translation {
    this.world.t.updates = Updates.Make;
    return this.world.translate({ ...r, va: this.va });
  }

  /** Translate for somebody who looks. */
  show(r: Omit<Request, "va"> = {}, trace: TraceRecorder | null = null): Translation {
    this.world.t.updates = Updates.Show;
    return this.world.translate({ ...r, va: this.va }, trace);
  }

  inhibit(r: Omit<Request, "va"> = {}): Translation {
    this.world.t.updates = Updates.Inhibit;
    return this.world.translate({ ...r, va: this.va });
  }

  digest(): string {
    const digest = new Digest();
    this.world.memory.digest(digest);
    return digest.hex();
  }
}
