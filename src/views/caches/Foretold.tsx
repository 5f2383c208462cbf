/** What the typed command would take out of the caches, before it is sent. */

import type { Result } from "../../protocol/engine.ts";
import type { InvalidationAnswer } from "../../protocol/inspection.ts";
import { useTypedCommand } from "../common/CommandBox.tsx";
import { commandText } from "../common/command_text.ts";
import { useEngineQuery } from "../common/use_app.ts";
import type { ListedEntry } from "./cache_rows.ts";

type Drops = Result<InvalidationAnswer> | null;

/** The engine's answer for the typed command; null while there is none. */
export function useDrops(): Drops {
  const typed = useTypedCommand();
  const command = typed?.state === "command" ? typed.command : null;
  const key = command === null ? null : `what is dropped by ${commandText(command)}`;
  return useEngineQuery(key, (engine) => engine.invalidation(command!)).answer;
}

export const DROP_SIGN = { must: "\u2212", may: "(\u2212)" } as const;
export const DROP_TEXT = {
  must: "the typed command drops it",
  may: "the typed command may drop it, and need not",
} as const;

/** What becomes of an entry. */
export function dropOf(drops: Drops, row: ListedEntry | undefined): "must" | "may" | null {
  if (drops === null || !drops.ok || row === undefined) return null;
  const { name, sid } = row.cache;
  const among = (places: InvalidationAnswer["drops"]): boolean =>
    places.some((p) => p.cache === name && p.sid === sid && p.entry === row.entry.entry);
  return among(drops.value.drops) ? "must" : among(drops.value.mayDrop) ? "may" : null;
}

/** The answer in a few words. */
export function Foretold({ drops }: { readonly drops: Drops }) {
  return (
    <span role="status" className="nw-small nw-2">
      {drops === null ? "" : drops.ok ? summary(drops.value) : drops.error.detail}
    </span>
  );
}

const entries = (n: number): string => `${n} ${n === 1 ? "entry" : "entries"}`;

const summary = ({ drops, mayDrop }: InvalidationAnswer): string =>
  `drops ${drops.length === 0 ? "nothing" : entries(drops.length)}${mayDrop.length === 0 ? "" : `, may drop ${entries(mayDrop.length)} more`}`;
