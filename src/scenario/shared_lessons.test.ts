import { describe, expect, it } from "vitest";
import type { Session } from "../machine/session.ts";
import { openSession } from "../machine/testing/open_session.ts";
import type { Access, Action, SessionDocument } from "../protocol/machine.ts";
import { LIBRARY } from "./library/library.ts";
import { decodeFragment, encodeFragment } from "./url_codec.ts";

/** The last transaction of a document; null where it has none. */
function lastAccess({ actions }: SessionDocument): Access | null {
  const action = actions.findLast((a) => a.do === "dma" || a.do === "access");
  if (action === undefined) return null;
  const { sid, ssid, iova, write, privileged, instruction } = action as Access;
  return { sid, ssid, iova, write, privileged, instruction };
}

/** Memory that no table stands in. */
const NOTHING: Action = { do: "toggle", at: 0x1_00ff_fff8n, bit: 0 };

/** Share a walk by link and open the link. */
async function byLink(session: Session, access: Access) {
  const shared = session.share(access);
  if (!shared.ok) throw new Error(shared.error.detail);
  const link = await encodeFragment({ ...shared.value.document, view: { access } });
  const read = await decodeFragment(link);
  if (!read.ok) throw new Error(read.error.detail);
  return { link, copy: await openSession(read.value), walkDigest: shared.value.walkDigest };
}

const LESSONS = LIBRARY.flatMap(({ id, document }) => {
  const access = lastAccess(document());
  return access === null ? [] : [{ id, document: document(), access }];
});

describe("a walk of a lesson, shared", { timeout: 60_000 }, () => {
  it.each(LESSONS)("is the same at the other end of a short link: $id", async ({ document, access }) => {
    const session = await openSession(document);
    const { link, copy, walkDigest } = await byLink(session, access);
    expect(copy.walk(access).digest).toBe(walkDigest);
    expect(link.length).toBeLessThan(2000);
    // Whoever opens it can step back through what the guest did.
    const acted = copy.software() === null ? null : copy.summary().actionCount;
    expect(acted).toBe(document.machine.software === undefined ? null : document.actions.length);
  });

  const { document, access } = LESSONS.find(({ document: d }) => d.machine.software !== undefined)!;

  it("holds the actions up to the current step only", async () => {
    const session = await openSession(document);
    const step = document.actions.length - 1;
    session.seek(step);
    const before = session.summary();
    const { copy, walkDigest } = await byLink(session, access);
    expect([copy.summary().actionCount, copy.walk(access).digest]).toEqual([step, walkDigest]);
    expect(session.summary()).toEqual(before);
  });

  it("comes without software where too much was done, and says so", async () => {
    const { caches: _, ...machine } = document.machine;
    const session = await openSession({ ...document, machine });
    expect(session.applyAll(Array<Action>(300).fill(NOTHING)).ok).toBe(true);
    const { copy, link, walkDigest } = await byLink(session, access);
    expect(copy.walk(access).digest).toBe(walkDigest);
    expect(copy.software()).toBeNull();
    expect(copy.summary().about).toMatch(/the software itself was left out\.$/);
    expect(link.length).toBeLessThan(2000);
  });

  it("comes with all that was done where caches remember it", async () => {
    const cached = LESSONS.find(({ id }) => id === "invalidate-lazily")!;
    const session = await openSession(cached.document);
    expect(session.applyAll(Array<Action>(300).fill(NOTHING)).ok).toBe(true);
    const { copy, walkDigest } = await byLink(session, cached.access);
    expect([copy.walk(cached.access).digest, copy.summary().actionCount]).toEqual([
      walkDigest,
      cached.document.actions.length + 300,
    ]);
  });
});
