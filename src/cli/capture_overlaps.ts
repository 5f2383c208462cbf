/** What the engine finds of memory that several streams of a capture reach: for tests of the page, which must show just that. */
import { Session } from "../machine/session.ts";
import { loadArchitecture } from "../machine/units.ts";
import type { InputFile } from "../protocol/engine.ts";
import type { OverlapAnswer } from "../protocol/overlaps.ts";
import { importFiles } from "../scenario/import_files.ts";

/** Every overlap of physical memory. @throws for files that cannot be opened: a mistake of the test */
export async function captureOverlaps(files: readonly InputFile[]): Promise<OverlapAnswer> {
  const imported = await importFiles(files);
  if (!imported.ok) throw new Error(imported.error.detail);
  const { scenario } = imported.value;
  const opened = Session.open(scenario, await loadArchitecture(scenario.machine.arch));
  if (!opened.ok) throw new Error(opened.error.detail);
  const [chosen] = opened.value.streams(0, 1).rows;
  const search = opened.value.overlaps({
    sid: chosen?.sid ?? 0,
    ssid: null,
    space: "PA",
    all: true,
    bypassing: false,
    at: null,
  });
  for (;;) {
    const { done, value } = search.next();
    if (done === true && value !== null) return value;
    if (done === true) throw new Error("nobody changes the session");
  }
}
