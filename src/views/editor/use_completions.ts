/** What may stand at the caret of the scenario's text, a moment after it got there. */
import { useEffect, useMemo, useState } from "react";
import { type KnownValues, type TextCompletion, texts } from "../../app/texts.ts";
import type { MachineDescription } from "../../protocol/machine.ts";
import { useEngineQuery } from "../common/use_app.ts";
import type { Reading } from "./use_scenario_text.ts";

const NONE: readonly TextCompletion[] = [];
/** Milliseconds without a key press after which is looked. */
const PAUSE_MS = 60;

/** @param caret where to look; null where nothing is to be offered */
export function useCompletions(text: string, caret: number | null, known: KnownValues): readonly TextCompletion[] {
  const [offered, setOffered] = useState<{ readonly at: string; readonly offers: readonly TextCompletion[] } | null>(
    null,
  );
  // The text's length tells states of one typing apart well enough to never show an old list.
  const at = `${caret} ${text.length}`;
  useEffect(() => {
    if (caret === null) return;
    let newest = true;
    const timer = setTimeout(() => {
      void texts()
        .complete(text, caret, known)
        .then((offers) => newest && setOffered({ at, offers }));
    }, PAUSE_MS);
    return () => {
      newest = false;
      clearTimeout(timer);
    };
  }, [text, caret, known, at]);
  return caret === null || offered?.at !== at ? NONE : offered.offers;
}

const quoted = (names: readonly string[]): string[] => names.map((name) => JSON.stringify(name));

/** Ids of the document as it was last whole, and names that its architecture has for what may be chosen. */
export function useKnownValues(reading: Reading | null): KnownValues {
  const [machine, setMachine] = useState<MachineDescription | null>(null);
  // A text that is being typed is mostly not whole.
  const whole = reading?.of.scenario?.machine ?? null;
  if (whole !== null && whole !== machine) setMachine(whole);
  const arch = machine?.arch ?? null;
  const { answer } = useEngineQuery(arch === null ? null : `choices of ${arch}`, (engine) => engine.choices(arch!));
  return useMemo(() => {
    const devices = machine?.devices ?? [];
    const assigned = machine?.software?.assigned ?? [];
    const sids = devices.map(({ sid }) => `${sid}`);
    return {
      sid: sids,
      device: machine?.software?.kind === "kernel" ? sids : assigned.map(({ virtualId }) => `${virtualId}`),
      bdf: quoted(devices.map(({ bdf }) => bdf)),
      preset: quoted((answer?.presets ?? []).map(({ id }) => id)),
    };
  }, [machine, answer]);
}
