/**
 * How both stages of an SMMUv3 combine: rights by who asks (IHI 0070 §3.3.2, DDI 0487 §D8.4), memory type and shareability
 * with what overrides them (IHI 0070 §13).
 */
import { type Attributes, attributesWords } from "../../../engine/smmuv3/attributes.ts";
import type { Smmuv3 } from "../../../engine/smmuv3/smmu.ts";
import type { Translation } from "../../../engine/smmuv3/translation.ts";
import type { CombinedProperty } from "../../../protocol/engine.ts";

export const RIGHTS_SECTION = "DDI 0487 §D8.4";

/** Who had the last word on a property, in words. */
const LAST_WORD = {
  incoming: "",
  override: "overrides of the stream replace what the device sends",
  "stage 1": "stage 1 replaces what the device sends",
  "stage 2": "stage 2 changes what came before it",
  No_snoop: "No_snoop makes it Non-cacheable",
} as const;
type Step = keyof typeof LAST_WORD;

interface Said {
  readonly what: Step;
  readonly now: ReturnType<typeof attributesWords>;
  readonly own: ReturnType<typeof attributesWords> | null;
}

/** Memory type and shareability of a transaction that has just passed. */
export function attributesOf(smmu: Smmuv3, t: Translation): CombinedProperty[] {
  const said: Said[] = [];
  smmu.attributes(t, {
    step: (what, now: Attributes, own) => said.push({ what, now: attributesWords(now), own }),
  });
  return [property("Memory type", said, "type"), property("Shareability", said, "shareability")];
}

function property(name: string, said: readonly Said[], key: "type" | "shareability"): CombinedProperty {
  const own = (what: Step): string | null => said.find((s) => s.what === what)?.own?.[key] ?? null;
  const changes = said.filter(({ now }, i) => i > 0 && now[key] !== said[i - 1]!.now[key]);
  return {
    name,
    asked: said[0]!.now[key],
    stage1: own("stage 1"),
    stage2: own("stage 2"),
    together: said.at(-1)!.now[key],
    why: changes.map(({ what }) => LAST_WORD[what]).join("; "),
    section: "IHI 0070 §13.1",
  };
}
