import { expect, it } from "vitest";
import { ARCHES, type Arch } from "../protocol/machine.ts";
import { LIBRARY } from "../scenario/library/library.ts";
import { Session } from "./session.ts";
import { loadArchitecture } from "./units.ts";
import { Software } from "./world/software.ts";

const LESSONS: Readonly<Record<Arch, string>> = {
  smmuv3: "nested-dma",
  vtd: "nested-vtd",
  amdvi: "amd-viommu-buffers",
};

it.each(ARCHES)("what caches count does not depend on who looks, or how a step was come to, %s", async (arch) => {
  const document = LIBRARY.find(({ id }) => id === LESSONS[arch])!.document();
  const architecture = await loadArchitecture(arch);
  const opened = Session.open({ ...document, actions: [] }, architecture, Software);
  if (!opened.ok) throw new Error(opened.error.detail);
  const session = opened.value;
  const counts = () => session.caches().caches.flatMap((cache) => (cache.sid === null ? [cache.counts] : []));
  const first = [counts()];
  for (const action of document.actions) {
    session.apply(action);
    first.push(counts());
  }
  expect(first.at(-1)!.some(({ hits }) => hits > 0)).toBe(true);

  const { sid } = document.machine.devices[0]!;
  const access = { sid, ssid: null, iova: 0x10_0000n, write: true, privileged: false, instruction: false };
  session.walk(access);
  session.walk(access, true);
  session.leaves(sid, null);
  session.streams(0, 100);
  session.owners();
  for (const { id } of session.queues().queues) session.queueEntries(id, 0, 600);
  session.structure({ kind: "S1 descriptor", pa: 0x1_0000_3000n, level: 0, granuleLg2: 12, sid });
  expect(counts()).toEqual(first.at(-1));
  for (const step of [0, 2, 1, document.actions.length]) {
    session.seek(step);
    expect([step, counts()]).toEqual([step, first[step]]);
  }
});
