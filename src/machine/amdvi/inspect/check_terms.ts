/** The checks of an AMD IOMMU's translation in words (48882 §2.1, §2.2). */
import { R, REASONS } from "../../../arch/amdvi/reasons.ts";
import { TraceKind, TracePhase } from "../../../protocol/trace.ts";
import type { CheckTerms, LastRecord, Plan, Rule } from "../../inspect/checks.ts";

const GCR3: Rule = { text: "Guest CR3 table and its entries", section: "48882 §2.2.6.3" };
const ADDRESS: Rule = { text: "Translation of the address", section: "48882 §2.2" };
const FINAL: Rule = { text: "Host tables for the final address", section: "48882 §2.2.3" };

export const CHECK_TERMS: CheckTerms = {
  structures: {
    [TraceKind.DTE]: { text: "Device table entry is there, legal, and lets requests pass", section: "48882 §2.2.2.1" },
    [TraceKind.GCR3]: { text: "Guest CR3 table entry is valid", section: "48882 §2.2.6.3" },
  },
  output: { text: "The request goes to the address that was found", section: "48882 §2.1" },
  configBeneath: { text: "Host tables reach the guest CR3 table", section: "48882 §2.2.7" },
  finalBeneath: { text: "Host tables map the address and allow the access", section: "48882 §2.2.3" },
  tables: (levels) => ({
    text: `Guest tables, ${levels} ${levels === 1 ? "level" : "levels"}, give a page that allows the access`,
    section: "48882 §2.2.6.5",
  }),
  reasons: REASONS,
  later,
};

function later({ kind, phase, stage, reason }: LastRecord, { stage1, stage2 }: Plan): Rule[] {
  const rules: Rule[] = [];
  const inConfig = phase === TracePhase.Config && !(kind === TraceKind.Check && stage > 0);
  if (inConfig && kind === TraceKind.DTE && stage1 !== null) rules.push(GCR3);
  if (inConfig && reason !== R.DTE_TV0) rules.push(ADDRESS);
  if (phase === TracePhase.Table && stage2 !== null) rules.push(FINAL);
  return rules;
}
