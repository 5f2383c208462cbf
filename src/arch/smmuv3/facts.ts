/** Arm SMMUv3 in the shape that every architecture has for views and readers. */
import type { ArchitectureFacts } from "../architecture_facts.ts";
import { CD, L1CD } from "./cd.ts";
import { descriptorKind } from "./descriptor_kind.ts";
import { descriptorLayout, type GranuleLg2 } from "./descriptors.ts";
import { eventOf, RESERVED_EVENT } from "./events.ts";
import { L1STD, STE } from "./ste.ts";
import { VMS } from "./vms.ts";
import { SMMUV3_WORDS } from "./words.ts";

const granule = (lg2: number): GranuleLg2 => (lg2 === 14 || lg2 === 16 ? lg2 : 12);

const descriptor = (stage: 1 | 2): ArchitectureFacts["structures"][string] => ({
  title: `stage-${stage} descriptor`,
  layoutOf: ({ level, granuleLg2, wide }, words) =>
    descriptorLayout(stage, descriptorKind(words[0] ?? 0, level), granule(granuleLg2), wide),
});

export const SMMUV3_FACTS: ArchitectureFacts = {
  ...SMMUV3_WORDS,
  structures: {
    L1STD: { title: "level-1 stream table descriptor", layoutOf: () => L1STD },
    STE: { title: "stream table entry", layoutOf: () => STE },
    L1CD: { title: "level-1 context descriptor", layoutOf: () => L1CD },
    CD: { title: "context descriptor", layoutOf: () => CD },
    VMS: { title: "virtual machine structure", layoutOf: () => VMS },
    "S1 descriptor": descriptor(1),
    "S2 descriptor": descriptor(2),
  },
  recordTitle: "event",
  recordOf: (words) => {
    const event = eventOf(words);
    return { layout: event?.layout ?? RESERVED_EVENT, section: event?.section ?? RESERVED_EVENT.section };
  },
};
