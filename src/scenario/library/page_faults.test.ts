import { describe, expect, it } from "vitest";
import { openLesson } from "../testing/lessons.ts";
import { PAGE_FAULTS } from "./page_faults.ts";

/** What came of each step but the first, which binds the process. */
async function outcomes(id: string): Promise<unknown[]> {
  const { rows } = (await openLesson(id)).log(0, 100);
  return rows.slice(1).map(({ result }) => {
    if (result?.type === "device") return result.turn;
    return result?.type === "software" ? result.about : result?.type;
  });
}

const SERVED = "0 faults logged, 1 of 1 waiting accesses served";
const NOT_SERVED = "0 faults logged, 0 of 1 waiting accesses served";

describe("What the remarks on page faults say", () => {
  it("comes true of a stall: the write waits, goes through, and beyond the process is aborted", async () => {
    expect(await outcomes("stall-served")).toEqual(["stalled", SERVED, "went", "stalled", NOT_SERVED]);
  });

  it("comes true of a stall that a guest serves", async () => {
    expect(await outcomes("stall-served-by-a-guest")).toEqual(["stalled", SERVED, "went", "stalled", NOT_SERVED]);
  });

  it.each(["pri-served-by-a-guest", "pri-served-by-a-guest-amd", "pri-served-by-amd-viommu"])(
    "comes true of a page request: %s",
    async (id) => {
      expect(await outcomes(id)).toEqual(["waiting", SERVED, "translated", "waiting", NOT_SERVED]);
    },
  );

  it("comes true of a request that has to be made again", async () => {
    const twice = "0 faults logged, 2 of 2 waiting accesses served";
    const [, ...after] = await outcomes("pri-asked-again-amd");
    expect(after).toEqual(["waiting", "1 page unmapped", "waiting", twice, "translated"]);
  });

  it("comes true of a request that leaves no trace with the VMM", async () => {
    const session = await openLesson("pri-served-by-amd-viommu");
    const exits = (step: number): readonly (number | undefined)[] => {
      session.seek(step);
      const { counts } = session.software()!;
      return [counts["trapped write"], counts["trapped read"], counts.ioctl];
    };
    expect(exits(session.summary().actionCount)).toEqual(exits(1));
  });

  it("comes true of requests that find no room", async () => {
    const session = await openLesson("pri-overflow-vtd");
    const { rows } = session.log(0, 1000);
    expect(rows.filter(({ result }) => result?.type === "page" && result.queued)).toHaveLength(127 + 1);
    const abouts = rows.flatMap(({ result }) => (result?.type === "software" ? [result.about] : []));
    expect(abouts.slice(1)).toEqual(["1 fault logged, 127 of 127 waiting accesses served", SERVED]);
    expect(session.software()!.guestLog).toEqual(["DMAR: PRQ overflow detected"]);
  });

  it.each(PAGE_FAULTS.filter(({ id }) => id.startsWith("pri-")).map(({ id }) => id))(
    "comes true of page requests: %s",
    async (id) => {
      expect(await outcomes(id)).toEqual(["waiting", SERVED, "translated", "waiting", NOT_SERVED]);
    },
  );
});
