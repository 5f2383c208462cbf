/** What an action of the log did, in a few words. */
import type { Action } from "../../protocol/machine.ts";

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export function actionText(action: Action): string {
  switch (action.do) {
    case "toggle":
      return `bit ${action.bit} of ${hex(action.at)} flipped`;
    case "write":
      return `${action.bytes.length} bytes written at ${hex(action.at)}`;
    case "register":
      return `SMMU_${action.name} = ${hex(action.value)}`;
    case "dma":
      return `DMA ${action.write ? "write" : "read"} of ${action.length} bytes at IOVA ${hex(action.iova)}`;
  }
}
