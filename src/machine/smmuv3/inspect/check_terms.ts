/** The checks of an SMMUv3's translation in words (IHI 0070 §3.4, §5; DDI 0487 §D8). */
import { R, REASONS } from "../../../arch/smmuv3/reasons.ts";
import { TraceKind, TracePhase } from "../../../protocol/trace.ts";
import type { CheckTerms, LastRecord, Plan, Rule } from "../../inspect/checks.ts";

const TABLES = "DDI 0487 §D8.2";

const CD_FETCH: Rule = { text: "CD fetch and its checks", section: "IHI 0070 §5.4" };
const ADDRESS: Rule = { text: "Translation of the address", section: TABLES };
const FINAL: Rule = { text: "Stage 2 for the final address", section: TABLES };

export const CHECK_TERMS: CheckTerms = {
  structures: {
    [TraceKind.L1STD]: { text: "Level-1 stream table descriptor covers the StreamID", section: "IHI 0070 §5.1" },
    [TraceKind.STE]: { text: "STE is there, legal, and lets traffic pass", section: "IHI 0070 §5.2.2" },
    [TraceKind.L1CD]: { text: "Level-1 context descriptor is valid", section: "IHI 0070 §5.3" },
    [TraceKind.CD]: { text: "CD is there and legal", section: "IHI 0070 §5.4.2" },
    [TraceKind.VMS]: { text: "The virtual machine structure is there", section: "IHI 0070 §5.6.1" },
  },
  output: { text: "The output address lies within the output size", section: "IHI 0070 §3.4" },
  configBeneath: { text: "Stage 2 reaches the context descriptor", section: "IHI 0070 §5.4" },
  finalBeneath: { text: "Stage 2 maps the final address and allows the access", section: TABLES },
  tables: (levels) => ({
    text: `Stage 1 tables, ${levels} ${levels === 1 ? "level" : "levels"}, give a leaf that allows the access`,
    section: TABLES,
  }),
  reasons: REASONS,
  later,
};

function later({ kind, phase, stage, reason }: LastRecord, { stage1, stage2 }: Plan): Rule[] {
  const rules: Rule[] = [];
  if (phase === TracePhase.Config && kind !== TraceKind.CD && kind !== TraceKind.VMS && kind !== TraceKind.Check) {
    if (stage1 !== null || kind === TraceKind.L1STD) rules.push(CD_FETCH);
  }
  const inConfig = phase === TracePhase.Config && !(kind === TraceKind.Check && stage > 0);
  if (inConfig && reason !== R.STE_ABORT) rules.push(ADDRESS);
  if (phase === TracePhase.Table && stage2 !== null) rules.push(FINAL);
  return rules;
}
