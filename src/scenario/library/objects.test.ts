import { describe, expect, it } from "vitest";
import type { Session } from "../../machine/session.ts";
import { openLesson } from "../testing/lessons.ts";

/** What the kernel answered each call, "" for done; and what came of the card's writes. */
const answers = (session: Session): string[] =>
  session.log(0, 200).rows.flatMap(({ result }) => {
    if (result?.type !== "software") return [result?.type ?? ""];
    const [, errno] = / answered (\w+)$/.exec(result.about) ?? [];
    if (errno !== undefined) return [errno];
    return / is (done|closed)/.test(result.about) ? ["done"] : [];
  });

describe("What the remarks on objects say", () => {
  it("comes true of the order in which they go", async () => {
    const session = await openLesson("teardown-order");
    const busy = Array<string>(4).fill("EBUSY");
    const unwound = ["done", "refused", "done", "done", "EBUSY", "EBUSY", "done", "done", "done", "done"];
    expect(answers(session)).toEqual(["went", ...busy, "went", ...unwound, "done", "done", "done"]);
    expect(session.software()!.objects.map(({ type }) => type)).toEqual(["DEVICE"]);
  });

  it("comes true of events that nobody reads", async () => {
    const session = await openLesson("lost-events");
    const { rows } = session.log(0, 200);
    expect(rows.at(-1)!.result).toMatchObject({ about: "65 faults logged" });
    const lines = session.software()!.guestLog;
    expect(lines.filter((line) => line.includes("events lost"))).toHaveLength(1);
  });

  it("comes true of queues that hardware reads", async () => {
    const session = await openLesson("vcmdq-order");
    const refused = ["EEXIST", "EINVAL", "EINVAL", "EINVAL", "ENOENT", "EOPNOTSUPP"];
    expect(answers(session)).toEqual([...refused, "done", "EBUSY", "EBUSY", "done", "done", "EIO"]);
  });
});
