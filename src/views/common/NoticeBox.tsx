/** A message in place: the consequence, where, what was found there, and a way on. */
import type { ReactNode } from "react";
import type { Notice } from "../../app/state.ts";
import { Glyph } from "./Glyph.tsx";

interface NoticeBoxProps {
  readonly tone: Notice["tone"];
  readonly title: string;
  readonly place?: string;
  readonly detail?: ReactNode;
  /** Buttons, right of the text. */
  readonly children?: ReactNode;
}

export function NoticeBox({ tone, title, place, detail, children }: NoticeBoxProps) {
  return (
    <div className="nw-notice" data-tone={tone}>
      {tone === "plain" ? <span /> : <Glyph name={tone === "fault" ? "fault" : "stale"} />}
      <div>
        <span className="nw-strong">{title}</span>
        {place !== undefined && place !== "" && (
          <>
            {" "}
            <span className="place">{place}</span>
          </>
        )}
        {detail !== undefined && detail !== "" && <span className="nw-2"> {detail}</span>}
      </div>
      <div>{children}</div>
    </div>
  );
}
