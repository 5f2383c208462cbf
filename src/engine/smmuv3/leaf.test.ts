import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { REASONS } from "../../arch/smmuv3/reasons.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { descriptor, TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { Event } from "./event_record.ts";
import { HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, World } from "./testing/world.ts";
import { Want } from "./translation.ts";

const FMT = vmsav8Format(12, false);
const VA = 0x1000;
const OUT = 0x5000_0000;

/** Ways to access, by their letter. */
const WAYS = {
  r: { write: false, instruction: false },
  w: { write: true, instruction: false },
  x: { write: false, instruction: true },
} as const;
type Way = keyof typeof WAYS;

/** The ways that pass, as letters; a refusal must be a permission fault of `stage`. */
function passing(world: World, privileged: boolean, stage: 1 | 2): string {
  return (Object.keys(WAYS) as Way[])
    .filter((way) => {
      const t = world.translate({ va: VA, privileged, ...WAYS[way] });
      if (t.end === 0) return true;
      expect([t.event, t.stage]).toEqual([Event.F_PERMISSION, stage]);
      return false;
    })
    .join("");
}

/** Stage 1 alone: a page at VA, with what its CD, leaf and the tables above it say. */
class Stage1Page {
  readonly world: World;
  readonly #store: HostStore;
  readonly #tables: TableBuilder;
  readonly #cd: number;

  constructor(ste: Fields = {}, registers: Readonly<Record<string, Fields>> = {}) {
    this.world = new World(registers);
    this.#store = new HostStore(this.world);
    this.#tables = new TableBuilder(FMT, this.#store, 1, 3, 48);
    this.#tables.map(VA, 0, OUT, OPEN[1]);
    this.#cd = this.world.cd(PLAIN_CD);
    this.world.ste(1, { ...NESTED_STE, Config: 5, S1ContextPtr: this.#cd, ...ste });
  }

  set(leaf: Fields, tables: Fields = {}, cd: Fields = {}): World {
    this.#tables.map(VA, 0, OUT, { AF: 1, ...leaf });
    const above = this.#tables.place(VA, 1);
    this.#tables.put(above, descriptor(FMT, 1, "table", this.#tables.nextTable(this.#store.read(above)), tables));
    this.world.put(CD, this.#cd, { ...PLAIN_CD, ...stage1Fields(this.#tables, 0), ...cd });
    return this.world;
  }
}

/** DDI 0487 §D8.4.1.2, two privilege levels: UXN, PXN, AP[2:1], WXN, then what privileged and unprivileged may do. */
const TWO_LEVELS = [
  [0, 0, 0, 0, "rwx", "x"],
  [0, 0, 0, 1, "rw", "x"],
  [0, 0, 1, 0, "rw", "rwx"],
  [0, 0, 1, 1, "rw", "rw"],
  [0, 0, 2, 0, "rx", "x"],
  [0, 0, 2, 1, "rx", "x"],
  [0, 0, 3, 0, "rx", "rx"],
  [0, 0, 3, 1, "rx", "rx"],
  [0, 1, 0, 0, "rw", "x"],
  [0, 1, 0, 1, "rw", "x"],
  [0, 1, 1, 0, "rw", "rwx"],
  [0, 1, 1, 1, "rw", "rw"],
  [0, 1, 2, 0, "r", "x"],
  [0, 1, 2, 1, "r", "x"],
  [0, 1, 3, 0, "r", "rx"],
  [0, 1, 3, 1, "r", "rx"],
  [1, 0, 0, 0, "rwx", ""],
  [1, 0, 0, 1, "rw", ""],
  [1, 0, 1, 0, "rw", "rw"],
  [1, 0, 1, 1, "rw", "rw"],
  [1, 0, 2, 0, "rx", ""],
  [1, 0, 2, 1, "rx", ""],
  [1, 0, 3, 0, "rx", "r"],
  [1, 0, 3, 1, "rx", "r"],
  [1, 1, 0, 0, "rw", ""],
  [1, 1, 0, 1, "rw", ""],
  [1, 1, 1, 0, "rw", "rw"],
  [1, 1, 1, 1, "rw", "rw"],
  [1, 1, 2, 0, "r", ""],
  [1, 1, 2, 1, "r", ""],
  [1, 1, 3, 0, "r", "r"],
  [1, 1, 3, 1, "r", "r"],
] as const;

const allowed = (UXN: number, PXN: number, AP: number, WXN: number): readonly [string, string] => {
  const row = TWO_LEVELS.find((r) => r[0] === UXN && r[1] === PXN && r[2] === AP && r[3] === WXN)!;
  return [row[4], row[5]];
};

describe("what a stage-1 leaf allows, DDI 0487 §D8.4.1.2", () => {
  it.each(TWO_LEVELS)(
    "UXN %i PXN %i AP %i WXN %i: privileged %s, unprivileged %s",
    (UXN, PXN, AP, WXN, priv, unpriv) => {
      const world = new Stage1Page().set({ UXN, PXN, AP }, {}, { WXN });
      expect([passing(world, true, 1), passing(world, false, 1)]).toEqual([priv, unpriv]);
    },
  );

  it("tables take away by APTable, UXNTable and PXNTable what the leaf allows, §D8.4.1.1", () => {
    const page = new Stage1Page();
    const wrong: unknown[] = [];
    for (let bits = 0; bits < 2 ** 9; bits++) {
      const [AP, APTable, WXN] = [bits & 3, (bits >> 2) & 3, (bits >> 4) & 1];
      const [UXN, PXN, UXNTable, PXNTable] = [(bits >> 5) & 1, (bits >> 6) & 1, (bits >> 7) & 1, (bits >> 8) & 1];
      const world = page.set({ AP, UXN, PXN }, { APTable, UXNTable, PXNTable }, { WXN });
      // APTable[0] keeps the unprivileged out, APTable[1] makes read-only.
      const effective = (AP & ((APTable & 1) === 1 ? 2 : 3)) | (APTable & 2);
      const expected = allowed(UXN | UXNTable, PXN | PXNTable, effective, WXN);
      const got = [passing(world, true, 1), passing(world, false, 1)];
      if (got[0] !== expected[0] || got[1] !== expected[1]) wrong.push({ AP, APTable, WXN, UXN, PXN, got, expected });
    }
    expect(wrong).toEqual([]);
  });

  it("HAD0 switches off what tables take away, where IDR3.HAD offers it, IHI 0070 §5.4", () => {
    const limits = { APTable: 3, UXNTable: 1, PXNTable: 1 };
    const open = { AP: 1 };
    for (const [HAD, HAD0, expected] of [
      [1, 1, "rwx"],
      [1, 0, ""],
      [0, 1, ""],
    ] as const) {
      const world = new Stage1Page({}, { IDR3: { HAD } }).set(open, limits, { HAD0 });
      expect([HAD, HAD0, passing(world, false, 1)]).toEqual([HAD, HAD0, expected]);
    }
  });

  it("PAN keeps privileged data accesses from pages open to unprivileged ones; EPAN from executable ones too, §D8.4.6", () => {
    const page = new Stage1Page();
    const wrong: unknown[] = [];
    for (const [UXN, , AP] of TWO_LEVELS) {
      for (const EPAN of [0, 1]) {
        const [priv, unpriv] = allowed(UXN, 0, AP, 0);
        const world = page.set({ AP, UXN }, {}, { PAN: 1, EPAN });
        const kept = unpriv.includes("r") || (EPAN === 1 && unpriv.includes("x"));
        const expected = kept ? priv.replace(/[rw]/g, "") : priv;
        const got = [passing(world, true, 1), passing(world, false, 1)];
        if (got[0] !== expected || got[1] !== unpriv) wrong.push({ AP, UXN, EPAN, got, expected, unpriv });
      }
    }
    expect(wrong).toEqual([]);
    const without = new Stage1Page({}, { IDR3: { EPAN: 0 } }).set({ AP: 0 }, {}, { PAN: 1, EPAN: 1 });
    expect(passing(without, true, 1)).toBe("rwx");
  });

  it.each([
    [0, 0, 0, "rwx"],
    [0, 0, 1, "rw"],
    [0, 2, 0, "rx"],
    [0, 2, 1, "rx"],
    [1, 0, 0, "rw"],
    [1, 0, 1, "rw"],
    [1, 2, 0, "r"],
    [1, 2, 1, "r"],
  ])("with one privilege level XN %i, AP %i, WXN %i: %s; PXN, AP[1] and PAN do not count", (UXN, AP, WXN, expected) => {
    const el2 = new Stage1Page({ STRW: 2 });
    for (const noise of [
      { AP, PXN: 0 },
      { AP: AP | 1, PXN: 1 },
    ]) {
      for (const privileged of [false, true]) {
        const world = el2.set({ UXN, ...noise }, { APTable: 1, PXNTable: 1 }, { WXN, PAN: 1, EPAN: 1, EPD1: 0 });
        expect(passing(world, privileged, 1)).toBe(expected);
      }
    }
    const e2h = new Stage1Page({ STRW: 2 }, { CR2: { E2H: 1 } }).set({ UXN, AP, PXN: 1 });
    expect(passing(e2h, false, 1)).toBe(allowed(UXN, 1, AP, 0)[1]);
  });

  it("tells why an access was refused", () => {
    const page = new Stage1Page();
    const why = (leaf: Fields, cd: Fields, way: Way, privileged: boolean): string => {
      const world = page.set({ UXN: 1, PXN: 1, ...leaf }, {}, cd);
      return REASONS[world.translate({ va: VA, privileged, ...WAYS[way] }).reason]!.id;
    };
    expect(why({ AP: 0 }, {}, "r", false)).toBe("S1_UNPRIVILEGED");
    expect(why({ AP: 0 }, {}, "w", false)).toBe("S1_UNPRIVILEGED");
    expect(why({ AP: 3 }, {}, "w", false)).toBe("S1_READ_ONLY");
    expect(why({ AP: 2 }, {}, "w", true)).toBe("S1_READ_ONLY");
    expect(why({ AP: 1 }, {}, "x", false)).toBe("S1_EXECUTE");
    expect(why({ AP: 1 }, { PAN: 1 }, "w", true)).toBe("S1_PAN");
  });
});

/** XN[1:0], then who may execute: privileged, unprivileged; DDI 0487 §D8.4.2. */
const XN = [
  [0, "x", "x"],
  [1, "", "x"],
  [2, "", ""],
  [3, "x", ""],
] as const;
/** Without IDR3.XNX only XN[1] counts. */
const XN_PLAIN = [
  [0, "x", "x"],
  [1, "x", "x"],
  [2, "", ""],
  [3, "", ""],
] as const;
const S2AP = ["", "r", "w", "rw"] as const;

/** Stage 2 alone: a page at VA. */
function stage2Page(leaf: Fields, registers: Readonly<Record<string, Fields>> = {}, ste: Fields = {}): World {
  const world = new World(registers);
  const tables = new TableBuilder(FMT, new HostStore(world), 2, 2, 39);
  tables.map(VA, 0, OUT, { AF: 1, ...leaf });
  world.ste(1, { ...NESTED_STE, ...stage2Fields(tables), Config: 6, ...ste });
  return world;
}

describe("what a stage-2 leaf allows, DDI 0487 §D8.4.2", () => {
  it.each(S2AP.map((data, code) => ({ data, code })))(
    "S2AP $code: data $data, executing as XN says",
    ({ data, code }) => {
      for (const [XNX, table] of [
        [1, XN],
        [0, XN_PLAIN],
      ] as const) {
        for (const [xn, priv, unpriv] of table) {
          const world = stage2Page({ S2AP: code, XN: xn }, { IDR3: { XNX } });
          const got = [passing(world, true, 2), passing(world, false, 2)];
          expect([XNX, xn, ...got]).toEqual([XNX, xn, data + priv, data + unpriv]);
        }
      }
    },
  );

  it("tells why an access was refused", () => {
    const world = stage2Page({ S2AP: 0, XN: 2 });
    const why = (way: Way): string => REASONS[world.translate({ va: VA, ...WAYS[way] }).reason]!.id;
    expect([why("r"), why("w"), why("x")]).toEqual(["S2_READ", "S2_WRITE", "S2_EXECUTE"]);
  });

  it("the answer holds what either stage allows, and how much each leaf maps", () => {
    const t = stage2Page({ S2AP: 3, XN: 2 }).translate({ va: VA });
    const { permissions1, permissions2, sizeLg2Stage1, sizeLg2Stage2 } = t;
    expect([permissions1, permissions2]).toEqual([Want.Read | Want.Write | Want.Execute, Want.Read | Want.Write]);
    expect([sizeLg2Stage1, sizeLg2Stage2]).toEqual([64, 12]);
  });
});

describe("the Access flag", () => {
  it.each([0, 1])("clear in a stage-2 leaf faults unless S2AFFD %i is set, IHI 0070 §5.2", (S2AFFD) => {
    const t = stage2Page({ AF: 0, S2AP: 3 }, {}, { S2AFFD }).translate({ va: VA });
    expect(t.event).toBe(S2AFFD === 1 ? 0 : Event.F_ACCESS);
  });

  it.each([0, 1])("clear in a stage-1 leaf faults unless AFFD %i is set, before permissions are looked at", (AFFD) => {
    const t = new Stage1Page().set({ AF: 0, AP: 0 }, {}, { AFFD }).translate({ va: VA });
    expect(t.event).toBe(AFFD === 1 ? Event.F_PERMISSION : Event.F_ACCESS);
  });
});

describe("S2PTW, IHI 0070 §5.2", () => {
  it.each([
    [0, 0, [0, 1, 2, 3]],
    [1, 0, [0, 1, 2, 3]],
    // With S2FWB a Device type is MemAttr[2] == 0, whatever bit 3 is.
    [1, 1, [0, 1, 2, 3, 8, 9, 10, 11]],
  ] as const)("keeps table walks from Device memory: IDR3.FWB %i, S2FWB %i", (FWB, S2FWB, device) => {
    const world = new World({ IDR3: { FWB } });
    const tables = new TableBuilder(FMT, new HostStore(world), 2, 2, 39);
    const cd = world.cd({ ...PLAIN_CD, EPD0: 1 });
    const page = cd - (cd % 4096);
    for (const S2PTW of [0, 1]) {
      world.ste(1, { ...NESTED_STE, ...stage2Fields(tables), S1ContextPtr: 0x4000 + (cd % 4096), S2PTW, S2FWB });
      for (let MemAttr = 0; MemAttr < 16; MemAttr++) {
        tables.map(0x4000, 0, page, { AF: 1, S2AP: 3, MemAttr });
        const t = world.translate({ va: VA });
        const refused = S2PTW === 1 && (device as readonly number[]).includes(MemAttr);
        expect([S2PTW, MemAttr, REASONS[t.reason]!.id]).toEqual([S2PTW, MemAttr, refused ? "S2PTW" : "EPD"]);
      }
    }
  });

  it("does not keep the transaction itself from Device memory", () => {
    expect(stage2Page({ S2AP: 3, MemAttr: 0 }, {}, { S2PTW: 1 }).translate({ va: VA }).end).toBe(0);
  });
});
