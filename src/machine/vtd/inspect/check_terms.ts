/** The checks of a VT-d unit's translation in words (VT-d §3.4 to §3.8, §7.1.3). */
import { R, REASONS } from "../../../arch/vtd/reasons.ts";
import { TraceKind, TracePhase } from "../../../protocol/trace.ts";
import type { CheckTerms, LastRecord, Plan, Rule } from "../../inspect/checks.ts";

const CONTEXT: Rule = { text: "Context entry fetch and its checks", section: "VT-d §3.4.1" };
const PASID: Rule = { text: "PASID directory and table entry and their checks", section: "VT-d §3.4.3" };
const ADDRESS: Rule = { text: "Translation of the address", section: "VT-d §3.5" };
const FINAL: Rule = { text: "Second stage for the final address", section: "VT-d §3.8" };

export const CHECK_TERMS: CheckTerms = {
  structures: {
    [TraceKind.RootEntry]: { text: "Root entry is present, with nothing reserved set", section: "VT-d §9.1, §9.2" },
    [TraceKind.ContextEntry]: { text: "Context entry is present and serves the request", section: "VT-d §9.3, §9.4" },
    [TraceKind.PasidDirectoryEntry]: { text: "PASID directory entry is present", section: "VT-d §9.5" },
    [TraceKind.PasidEntry]: { text: "PASID table entry is present and serves the request", section: "VT-d §9.6" },
  },
  output: { text: "The output address is one of memory, outside the interrupt range", section: "VT-d §3.14" },
  configBeneath: { text: "Second stage reaches the structure", section: "VT-d §3.8" },
  finalBeneath: { text: "Second stage maps the final address and allows the access", section: "VT-d §3.7" },
  tables: (levels) => ({
    text: `First-stage tables, ${levels} ${levels === 1 ? "level" : "levels"}, give a leaf that allows the access`,
    section: "VT-d §3.6",
  }),
  reasons: REASONS,
  later,
};

/** Reasons of checks that come before any structure is read, or that end a request for good. */
const FINAL_REASONS: ReadonlySet<number> = new Set([R.ABORT_DMA, R.TRANSLATION_OFF, R.PROTECTED_REGION]);

function later({ kind, phase, reason }: LastRecord, { stage2 }: Plan): Rule[] {
  const rules: Rule[] = [];
  if (phase === TracePhase.Config && !FINAL_REASONS.has(reason)) {
    if (kind === TraceKind.RootEntry) rules.push(CONTEXT);
    const scalable = REASONS[reason]!.code >= REASONS[R.RTA_1]!.code;
    if (scalable && (kind === TraceKind.RootEntry || kind === TraceKind.ContextEntry)) rules.push(PASID);
    rules.push(ADDRESS);
  }
  if (phase === TracePhase.Table && stage2 !== null) rules.push(FINAL);
  return rules;
}
