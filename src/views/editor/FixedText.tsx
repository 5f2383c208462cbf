/** A scenario's text that is too long to be edited. */
import { useMemo } from "react";
import { LongText } from "../common/LongText.tsx";
import { MOST_EDITED } from "./use_scenario_text.ts";

export function FixedText({ text }: { readonly text: string }) {
  const lines = useMemo(() => text.split("\n"), [text]);
  return (
    <>
      <p className="editor-fixed nw-small nw-2">
        This text is longer than {MOST_EDITED / 1_000_000} million characters, so it can only be read here. Save the
        session as a file to edit it.
      </p>
      <LongText label="Scenario as text" lines={lines} />
    </>
  );
}
