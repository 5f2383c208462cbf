/**
 * What a link says about the page besides the case it may hold: `#c=…&preset=tables&step=3`. Each part may be missing;
 * parts nobody knows are left alone, so that links of later programs still open.
 *
 * - `preset`: name of a preset; `pane`: name of the pane that has all the room
 * - `embed=1`: nothing but that pane, for a page within a page
 * - `step`: applied actions; `shown`: records of the walk that are shown; `record`: the selected one, from 0
 * - `left`, `right`: what is compared: actions applied, or those of an entry of the library, as in `nested-dma@3`
 * - `decode`: text for the decoder, percent-encoded
 * - `bench`: measuring the engine in this browser is open
 * - `eras`: the table of what differs between kernels of the host is open
 * - `library`: name of a scenario that comes with the page; it opens for teaching, before its first action
 */
import { isPane, isPreset, type PaneId, type Preset } from "./layout.ts";

/** A side of a comparison: a step of the session, or of an entry of the library. */
interface LinkSide {
  readonly lesson: string | null;
  readonly step: number;
}

export interface LinkView {
  readonly preset: Preset | null;
  readonly pane: PaneId | null;
  readonly embed: boolean;
  readonly step: number | null;
  readonly shown: number | null;
  readonly record: number | null;
  readonly left: LinkSide | null;
  readonly right: LinkSide | null;
  readonly decode: string | null;
  readonly library: string | null;
  readonly bench: boolean;
  readonly eras: boolean;
}

export const NO_VIEW: LinkView = {
  preset: null,
  pane: null,
  embed: false,
  step: null,
  shown: null,
  record: null,
  left: null,
  right: null,
  decode: null,
  library: null,
  bench: false,
  eras: false,
};

/** A link taken apart: the packed case (empty for none) and what to show. */
interface Link {
  readonly packed: string;
  readonly view: LinkView;
}

/** Whether a link says what to open, be it a case of its own or an entry of the library. */
export const namesCase = ({ packed, view }: Link): boolean => packed !== "" || view.library !== null;

/** Take a fragment, with or without `#`, apart. */
export function readLink(fragment: string): Link {
  const parts = fragment.replace(/^#/, "").split("&");
  const packed = parts.find((part) => part.startsWith("c=")) ?? "";
  const said = new Map(
    parts.map((part) => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    }),
  );
  const get = (name: string): string | null => said.get(name) ?? null;
  const count = (name: string): number | null => (/^\d{1,9}$/.test(get(name) ?? "") ? Number(get(name)) : null);
  const preset = get("preset");
  const pane = get("pane");
  const decode = decoded(get("decode"));
  const library = get("library");
  return {
    packed,
    view: {
      preset: isPreset(preset) ? preset : decode !== null ? "decode" : library !== null ? "teach" : null,
      pane: isPane(pane) ? pane : null,
      embed: get("embed") === "1",
      step: count("step") ?? (library === null ? null : 0),
      shown: count("shown"),
      record: count("record"),
      left: readSide(get("left")),
      right: readSide(get("right")),
      decode,
      library,
      bench: said.has("bench"),
      eras: said.has("eras"),
    },
  };
}

function readSide(text: string | null): LinkSide | null {
  const [, lesson = null, step = ""] = /^(?:([a-z0-9-]+)@)?(\d{1,9})$/.exec(text ?? "") ?? [];
  return step === "" ? null : { lesson, step: Number(step) };
}

const sideText = ({ lesson, step }: LinkSide): string => (lesson === null ? `${step}` : `${lesson}@${step}`);

/** Percent-decoded, with `+` as the space that forms write; text that is not well encoded is taken as it stands. */
function decoded(text: string | null): string | null {
  if (text === null) return null;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** The fragment, without `#`, for a packed case (empty for none) and what to show. */
export function writeLink(packed: string, view: Partial<LinkView>): string {
  const parts = packed === "" ? [] : [packed];
  const put = (name: string, value: string | number | null | undefined): void => {
    if (value !== null && value !== undefined) parts.push(`${name}=${value}`);
  };
  put("library", view.library);
  put("preset", view.preset);
  put("pane", view.pane);
  put("embed", view.embed === true ? 1 : null);
  put("bench", view.bench === true ? 1 : null);
  put("eras", view.eras === true ? 1 : null);
  put("step", view.step);
  put("shown", view.shown);
  put("record", view.record);
  put("left", view.left && sideText(view.left));
  put("right", view.right && sideText(view.right));
  put("decode", view.decode === undefined || view.decode === null ? null : encodeURIComponent(view.decode));
  return parts.join("&");
}
