/**
 * The rules a structure breaks, each with its field and section; the fields themselves are marked where they stand.
 */
import type { LintFinding } from "../../protocol/engine.ts";
import { NoticeBox } from "../common/NoticeBox.tsx";

export function LintSummary({ lint }: { readonly lint: readonly LintFinding[] }) {
  if (lint.length === 0) return null;
  const illegal = lint.filter((l) => l.severity === "illegal");
  const warnings = lint.filter((l) => l.severity === "warning");
  return (
    <div className="inspector-part">
      <Group tone="fault" found={illegal} title={`${counted(illegal.length, "rule")} broken.`} />
      <Group tone="warning" found={warnings} title={`${counted(warnings.length, "warning")}.`} />
    </div>
  );
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

interface GroupProps {
  readonly tone: "fault" | "warning";
  readonly found: readonly LintFinding[];
  readonly title: string;
}

function Group({ tone, found, title }: GroupProps) {
  if (found.length === 0) return null;
  return (
    <NoticeBox
      tone={tone}
      title={title}
      detail={
        <ul className="inspector-lint">
          {found.map((l) => (
            <li key={`${l.field} ${l.text}`}>
              {l.text} <span className="nw-3 nw-nowrap">{l.section}</span>
            </li>
          ))}
        </ul>
      }
    />
  );
}
