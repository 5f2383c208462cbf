/**
 * The Virtual Machine Structure that a nested STE names: a guest's PARTIDs, and the physical ones they stand for
 * (IHI 0070 §5.6). The rest of its 4096 bytes is RES0.
 */
import { field, layout } from "../../base/layout.ts";

/** PARTIDs that a map has; CD.PARTID[4:0] says which (§5.6, §17.2). */
export const MAPPED_PARTIDS = 32;

/** VMS.PARTID_MAP, the first 64 bytes of a VMS. */
export const VMS = layout(
  "VMS",
  "IHI 0070 §5.6",
  16 * MAPPED_PARTIDS,
  Array.from({ length: MAPPED_PARTIDS }, (_, id) =>
    field(`PARTID${id}`, 16 * id + 15, 16 * id, `physical PARTID of virtual PARTID ${id}`),
  ),
);
