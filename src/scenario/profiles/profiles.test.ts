import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Access, Action } from "../../protocol/machine.ts";
import { PROFILE_IDS } from "../../protocol/profiles.ts";
import { PAGE, READ, WRITE } from "./ground.ts";
import { freeWindow, guestGround } from "./guest_ground.ts";
import { mappedGround, type Run, type Space } from "./mapped_ground.ts";
import { deviceStream } from "./profiles.ts";

const MOVER = { sid: 0x28, ats: false };

/** Runs of whole pages that do not overlap, in ascending order, each readable or writable. */
const runs = fc
  .array(
    fc.record({
      gap: fc.nat(64),
      pages: fc.integer({ min: 1, max: 600 }),
      permissions: fc.integer({ min: 1, max: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => {
    let at = 0x1_0000n;
    return parts.map(({ gap, pages, permissions }): Run => {
      const iova = at + BigInt(gap * PAGE);
      at = iova + BigInt(pages * PAGE);
      return { iova, bytes: pages * PAGE, permissions };
    });
  });

const spaces: fc.Arbitrary<Space[]> = fc
  .array(runs, { minLength: 1, maxLength: 4 })
  .map((all) => all.map((own, i) => ({ ssid: i === 0 ? null : i, runs: own })));

const seed = fc.integer({ min: 1, max: 0xffff_ffff });

type Move = Access & { readonly length: number };
const isMove = (action: Action): action is Action & Move => action.do === "dma" || action.do === "access";

const covers = (run: Run, { iova, length, write }: Move): boolean =>
  iova >= run.iova &&
  iova + BigInt(length) <= run.iova + BigInt(run.bytes) &&
  (run.permissions & (write ? WRITE : READ)) !== 0;

type Range = Pick<Run, "iova" | "bytes">;
const overlap = (a: Range, b: Range): boolean => a.iova < b.iova + BigInt(b.bytes) && b.iova < a.iova + BigInt(a.bytes);

describe.each(PROFILE_IDS)("The %s", (profile) => {
  it("does the same for the same seed, however its actions are asked for", () => {
    fc.assert(
      fc.property(spaces, seed, fc.integer({ min: 1, max: 99 }), (over, of, by) => {
        const [one, other] = [0, 1].map(() => deviceStream(profile, MOVER, mappedGround(over), of));
        const whole = one!.next(100);
        expect([...other!.next(by), ...other!.next(100 - by)]).toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });

  it("moves only what is mapped, as it is permitted, and always something", () => {
    fc.assert(
      fc.property(spaces, seed, (over, of) => {
        const stream = deviceStream(profile, MOVER, mappedGround(over), of);
        const actions = stream.next(400);
        expect(actions.length).toBe(400);
        const stray = actions.filter((action) => {
          const own = isMove(action) ? over.find(({ ssid }) => ssid === action.ssid) : undefined;
          return !isMove(action) || action.length < 1 || !own?.runs.some((run) => covers(run, action));
        });
        expect(stray).toEqual([]);
        expect(stream.end()).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it("has its kernel map whatever it moves, within its window, and unmap all of it", () => {
    fc.assert(
      fc.property(runs, seed, fc.integer({ min: 1, max: 300 }), (taken, of, count) => {
        const window = freeWindow(taken)!;
        const ssids = profile === "accelerator" ? [1, 2] : [null];
        const stream = deviceStream(profile, { ...MOVER, ats: true }, guestGround(7, ssids, window), of);
        const mapped = new Map<string, Run>();
        const stray = [...stream.next(count), ...stream.end()].filter((action) => {
          if (action.do === "guest map") {
            const { device, pasid, iova, bytes, write } = action;
            const key = `${pasid} ${iova}`;
            const again = mapped.has(key) || taken.some((t) => overlap(t, { iova, bytes }));
            mapped.set(key, { iova, bytes, permissions: write ? READ | WRITE : READ });
            return again || device !== 7;
          }
          if (action.do === "guest unmap") {
            const key = `${action.pasid} ${action.iova}`;
            const same = mapped.get(key)?.bytes === action.bytes;
            mapped.delete(key);
            return !same;
          }
          const under = isMove(action) ? `${action.ssid} ` : "";
          return (
            action.do !== "access" || ![...mapped].some(([key, run]) => key.startsWith(under) && covers(run, action))
          );
        });
        expect(stray).toEqual([]);
        expect(mapped.size).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe("An NVMe disk", () => {
  it("moves data page by page, and reads a list of what the command has no room for", () => {
    const over = [{ ssid: null, runs: [{ iova: 0n, bytes: 256 * PAGE, permissions: READ | WRITE }] }];
    const moves = deviceStream("nvme", MOVER, mappedGround(over), 5).next(1000).filter(isMove);
    let command: Move[] = [];
    expect(moves.length).toBe(1000);
    for (const move of moves) {
      command.push(move);
      if (!move.write || move.length !== 16) continue;
      const pages = command.filter(({ length }) => length === PAGE).length;
      const list = command.filter(({ iova, length }) => iova === BigInt(2 * PAGE) && length !== PAGE);
      expect(command[0]).toMatchObject({ write: false, length: 64 });
      expect(list.map(({ length }) => length)).toEqual(pages > 2 ? [8 * (pages - 1)] : []);
      command = [];
    }
  });
});

describe("A window for new mappings", () => {
  it("is where nothing is mapped, and null where there is no room", () => {
    const run = (iova: bigint, bytes: number): Run => ({ iova, bytes, permissions: READ });
    expect(freeWindow([])).toBe(0x1000_0000n);
    expect(freeWindow([run(0x1000_0000n, PAGE)])).toBe(0x1040_0000n);
    expect(freeWindow([run(0n, 2 ** 40)])).toBeNull();
  });
});
