/**
 * Packing what is open for somebody else: the chosen walk as a link or a small file, the whole session as a file.
 */
import type { SessionDocument } from "../protocol/machine.ts";
import type { Core } from "./core.ts";
import { STOPPED } from "./engine_client.ts";
import { type LinkView, writeLink } from "./link_view.ts";
import { Newest } from "./newest.ts";
import { recordCount } from "./records.ts";
import type { AppActions, AppState } from "./state.ts";

type ShareActions = Pick<AppActions, "openShare" | "closeShare" | "wholeSession">;

/** Longest link that mail and chat programs can be expected to carry; a longer case travels as a file. */
export const LONGEST_LINK = 8000;

/** What a reader of the link should see first; a whole walk with its last record selected goes without saying. */
function viewOf({ preset, walk, shown, selected }: AppState): Partial<LinkView> {
  const count = recordCount(walk?.trace ?? new Uint32Array(0));
  return {
    preset: preset === "walk" ? null : preset,
    shown: shown === count ? null : shown,
    record: selected,
  };
}

/** What came along of a session that was cut down to one walk. */
function holdsOf({ about, actions, machine }: SessionDocument): string {
  if (machine.software === undefined) return `It holds the memory this walk touches and nothing else. ${about}`.trim();
  const steps = actions.length === 1 ? "the step" : `the ${actions.length} steps`;
  return `It holds the machine with its software, and ${steps} that led here.`;
}

/** What writes documents is fetched when somebody shares one. */
async function writers() {
  const [{ formatScenario }, { encodeFragment }] = await Promise.all([
    import("../scenario/document.ts"),
    import("../scenario/url_codec.ts"),
  ]);
  return { formatScenario, encodeFragment };
}

export function shareSlice(core: Core): ShareActions {
  const { get, set, engine } = core;
  const packings = new Newest();
  return {
    openShare: async () => {
      const { access } = get();
      if (access === null) return;
      const mine = packings.begin();
      set({ share: { state: "packing" } });
      const shared = await engine.ask("packing the case", (api) => api.share(access));
      if (!mine()) return;
      if (shared === STOPPED) return set({ share: { state: "closed" } });
      if (!shared.ok) return set({ share: { state: "failed", problem: shared.error } });
      const { formatScenario, encodeFragment } = await writers();
      const document = { ...shared.value.document, view: { access } };
      const packed = await encodeFragment(document);
      const link = core.address.withFragment(writeLink(packed, viewOf(get())));
      if (!mine()) return;
      const { walkDigest } = shared.value;
      const { title } = document;
      const holds = holdsOf(document);
      set({ share: { state: "packed", title, holds, link, file: formatScenario(document), walkDigest } });
    },
    closeShare: () => {
      packings.begin();
      set({ share: { state: "closed" } });
    },
    wholeSession: async () => {
      const { access } = get();
      const document = await engine.ask("reading the session", (api) => api.document());
      const { formatScenario } = await writers();
      return document === STOPPED ? null : formatScenario({ ...document, view: access === null ? null : { access } });
    },
  };
}
