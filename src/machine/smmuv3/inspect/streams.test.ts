import { describe, expect, it } from "vitest";
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { NESTED_STE, PLAIN_CD, STREAM_TABLE, World } from "../../../engine/smmuv3/testing/world.ts";
import { Machine } from "../../machine.ts";
import { describeWorld } from "../../testing/documents.ts";
import { SMMUV3 } from "../architecture.ts";
import { listStreams } from "./streams.ts";

/** List the streams of a world, and count the words of memory that were read for it. */
function list(world: World): { rows: ReturnType<typeof listStreams>; reads: number } {
  const machine = new Machine(describeWorld(world), SMMUV3.make);
  const { memory } = machine;
  const read = memory.read64.bind(memory);
  let reads = 0;
  memory.read64 = (hi, lo) => {
    reads++;
    return read(hi, lo);
  };
  return { rows: listStreams(machine.unit, [], new Map()), reads };
}

describe("the list of streams", () => {
  it("has what is valid and does more than abort, known devices, and streams of events, in ascending order", () => {
    const world = new World();
    world.ste(9, { V: 1, Config: 4 });
    world.ste(3, { ...NESTED_STE, S2TG: 3 });
    world.ste(4, { V: 1, Config: 0 });
    world.ste(5, { V: 0, Config: 7 });
    world.ste(200, { ...NESTED_STE, Config: 5, S1ContextPtr: world.cd({ ...PLAIN_CD, ASID: 77 }) });
    const machine = new Machine(describeWorld(world), SMMUV3.make);
    const rows = listStreams(
      machine.unit,
      [
        { sid: 4, bdf: "0000:00:00.4", label: "quiet" },
        { sid: 0x1_0000, bdf: "0000:01:00.0", label: "far" },
      ],
      new Map([[5, 2]]),
    );
    expect(rows.map(({ sid, state, tags, label, events }) => ({ sid, state, tags, label, events }))).toEqual([
      { sid: 3, state: "invalid", tags: [], label: null, events: 0 },
      { sid: 4, state: "abort", tags: [], label: "quiet", events: 0 },
      { sid: 5, state: "invalid", tags: [], label: null, events: 2 },
      { sid: 9, state: "bypass", tags: [], label: null, events: 0 },
      { sid: 200, state: "stage 1", tags: [{ name: "ASID", value: 77 }], label: null, events: 0 },
      { sid: 0x1_0000, state: "invalid", tags: [], label: "far", events: 0 },
    ]);
  });

  it("names the contexts of a stream with substreams", () => {
    const world = new World();
    const table = world.allocate(64 * 16);
    world.ste(1, { ...NESTED_STE, Config: 5, S1CDMax: 4, S1DSS: 2, S1ContextPtr: table });
    for (const ssid of [0, 3, 15]) world.write(table + 64 * ssid, 0, 0);
    for (const ssid of [0, 3, 15]) {
      const cd = world.cd(PLAIN_CD);
      const bytes = new Uint8Array(64);
      world.memory.readBytes(cd, bytes);
      world.memory.writeBytes(table + 64 * ssid, bytes);
    }
    // Number 0 is for traffic without a SubstreamID (S1DSS 0b10).
    expect(list(world).rows[0]!.ssids).toEqual([3, 15]);
  });

  it("does the same for a two-level table", () => {
    const world = new World({ STRTAB_BASE_CFG: { LOG2SIZE: 12, FMT: 1, SPLIT: 8 } });
    for (const [i, Span] of [3, 0, 12, 9].entries()) {
      world.put(L1STD, STREAM_TABLE + 8 * i, { Span, L2Ptr: 2 ** 33 + i * 2 ** 16 });
      for (const n of [1, 5]) world.put(STE, 2 ** 33 + i * 2 ** 16 + 64 * n, { V: 1, Config: 4 });
    }
    expect(list(world).rows.map((row) => row.sid)).toEqual([1, 0x301, 0x305]);
  });

  it("looks at no more than its share of contexts, however many streams ask for how many substreams", () => {
    const world = new World({ STRTAB_BASE_CFG: { LOG2SIZE: 8 } });
    for (let sid = 0; sid < 32; sid++) {
      world.ste(sid, { ...NESTED_STE, Config: 5, S1CDMax: 20, S1DSS: 2, S1ContextPtr: 0x2800_0000 });
    }
    const { rows, reads } = list(world);
    expect(rows).toHaveLength(32);
    // 32 streams with 2^20 substreams each: a bound for the list, not for each row.
    expect(reads).toBeLessThan(1 << 19);
  });

  it("of a table of 2^32 entries looks at the first 2^20", () => {
    const world = new World({ IDR1: { SIDSIZE: 32 }, STRTAB_BASE: { ADDR: 0 }, STRTAB_BASE_CFG: { LOG2SIZE: 32 } });
    const { rows, reads } = list(world);
    expect(rows).toEqual([]);
    expect(reads).toBeLessThanOrEqual(1 << 20);
    const two = new World({ IDR1: { SIDSIZE: 32 }, STRTAB_BASE_CFG: { LOG2SIZE: 32, FMT: 1, SPLIT: 6 } });
    expect(list(two).reads).toBeLessThanOrEqual(1 << 20);
  });
});
