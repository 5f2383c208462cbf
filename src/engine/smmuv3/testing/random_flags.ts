/**
 * Nested pages for tests, with Access flags, dirty state and who updates them left to chance (IHI 0070 §3.13).
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { xorshift32 } from "../../../base/rng.ts";
import { vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import { descriptor, TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import { GuestStore, HostStore, stage1Fields, stage2Fields } from "./nested_world.ts";
import { NESTED_STE, PLAIN_CD, type Request, World } from "./world.ts";

const VA = 0x12_3456_7000;
const IPA = 0x8_0000_0000;

/** A world, what to ask of it, and where all of its descriptors lie. */
export interface RandomFlags {
  readonly world: World;
  readonly requests: readonly Request[];
  readonly tables: readonly number[];
}

/** Make a world from a seed. */
export function randomFlags(seed: number): RandomFlags {
  const next = xorshift32(seed);
  const one = (n: number): number => (next() % n === 0 ? 1 : 0);
  const world = new World({ IDR0: { HTTU: 1 + (next() % 3) }, IDR3: { XNX: one(2), HAD: 1 } });
  const host = new HostStore(world);
  const s2 = new TableBuilder(vmsav8Format(12, false), host, 2, 2, 39);
  const guest = new GuestStore(s2, host, IPA);
  const s1 = new TableBuilder(vmsav8Format(12, false), guest, 1, 3, 48);
  const httu = world.registers.field("SMMU_IDR0", "HTTU");
  const [HA, S2HA] = [1 - one(4), 1 - one(4)];
  const [HD, S2HD] = [httu > 1 ? 1 - one(3) : 0, httu > 1 ? 1 - one(3) : 0];
  // In a tidy world tables are as a guest and a host that are up and running have them.
  const tidy = one(2) === 1;
  const pages: number[] = [];
  const dataPages = new Set<number>();
  for (let i = 0; i < 16; i++) {
    const va = i < 4 ? VA + 4096 * i : Math.floor((next() / 2 ** 32) * 2 ** 36) * 4096;
    const data = guest.allocate(4096);
    dataPages.add(data);
    const flags = { AF: tidy ? 1 : one(2), AP: tidy ? 1 + 2 * one(3) : next() % 4, DBM: one(2), UXN: one(4) };
    const at = s1.place(va, 0, { AF: one(2), APTable: one(8) * 2 });
    if ((s1.store.read(at)[0] & 1) === 0) s1.put(at, descriptor(s1.fmt, 1, "page", data, { ...flags, nG: 1 }));
    pages.push(va);
  }
  const cd = guest.allocate(4096);
  for (const [ipa, frame] of guest.frames()) {
    const any = { AF: 1 - one(3), S2AP: [3, 3, 1, next() % 4][next() % 4]!, DBM: one(2) };
    const used = { AF: 1, S2AP: dataPages.has(ipa) ? 1 + 2 * one(2) : 3 - 2 * one(4), DBM: one(2) };
    const flags = { ...(tidy ? used : any), MemAttr: 15 };
    s2.map(ipa, 0, frame, flags, { AF: one(2) });
  }
  world.put(CD, guest.physical(cd), {
    ...PLAIN_CD,
    ...stage1Fields(s1, 0),
    HA,
    HD,
    HAFT: HA === 1 && !tidy ? one(2) : 0,
    AFFD: one(2),
    WXN: one(3),
    PAN: one(4),
  });
  world.ste(1, {
    ...NESTED_STE,
    ...stage2Fields(s2),
    S1ContextPtr: cd,
    S2HA,
    S2HD,
    S2HAFT: S2HA === 1 && !tidy ? one(2) : 0,
    S2AFFD: one(2),
  });
  const requests = Array.from({ length: 40 }, () => ({
    va: pages[next() % pages.length]! + (next() % 4096),
    write: one(2) === 1,
    privileged: one(2) === 1,
    instruction: one(6) === 1,
  }));
  return { world, requests, tables: [...s1.written.map((at) => guest.physical(at)), ...s2.written] };
}
