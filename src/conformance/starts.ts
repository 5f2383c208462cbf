/** Sound states of machines, from recorded cases: what their software wrote, and the accesses they made. */
import type { Start } from "../machine/robustness/chance.ts";
import type { Access, HardwareAction } from "../protocol/machine.ts";
import { readVectorCase, readVectorFile, type Step } from "./vectors.ts";

/** A state for each case of an `iommu-vectors/1` file that makes a transaction. @throws for a file of another form */
export function startsOf(json: unknown): Start[] {
  const file = readVectorFile(json);
  return file.cases.flatMap((raw) => {
    const { caps, steps } = readVectorCase(raw);
    const accesses = steps.flatMap((step) => (step.type === "dma" ? [accessOf(step)] : []));
    const actions = steps.flatMap(actionsOf);
    return accesses.length === 0 ? [] : [{ registers: caps, zero: file.ram, actions, accesses }];
  });
}

function accessOf({ dma }: Step & { readonly type: "dma" }): Access {
  const { sid, ssid, iova, write, privileged, instruction } = dma;
  return { sid, ssid, iova, write, privileged, instruction };
}

function actionsOf(step: Step): HardwareAction[] {
  if (step.type === "mem") return step.writes.map(([at, bytes]) => ({ do: "write", at, bytes }));
  if (step.type !== "write") return [];
  const { offset, width, value } = step.register;
  return [{ do: "mmio", offset, width, value }];
}
