/** What of a register a filter can name. */
import type { FilterField } from "../../app/filter/filter.ts";
import type { RegisterRow } from "../../protocol/inspection.ts";

export const REGISTER_FIELDS: readonly FilterField<RegisterRow>[] = [
  { name: "name", about: "as the specification spells it", read: (r) => r.name },
  { name: "offset", about: "from the first page", read: (r) => BigInt(r.offset) },
  { name: "value", about: "what it holds", read: (r) => r.value },
  { name: "access", about: "what software may do", read: (r) => r.access, values: ["RO", "RW", "WO"] },
  { name: "block", about: "beside the IOMMU's own", read: (r) => r.block },
];
