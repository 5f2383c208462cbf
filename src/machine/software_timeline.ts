/** A timeline over a machine, with its software booted where it has some. */
import type { MachineDescription } from "../protocol/machine.ts";
import type { SoftwarePart } from "./actors.ts";
import type { Machine } from "./machine.ts";
import { Timeline } from "./timeline.ts";

/** @returns why the software does not boot, as a sentence */
export function startTimeline(
  machine: Machine,
  description: MachineDescription,
  software: SoftwarePart | null,
): Timeline | string {
  if (description.software === undefined) return new Timeline(machine);
  if (software === null) return "The software of this machine was not loaded.";
  const blank = machine.snapshot();
  const actors = software.boot(machine, description);
  if (typeof actors === "string") return actors;
  const again = () => {
    const booted = software.boot(machine, description);
    if (typeof booted === "string") throw new Error(`software that booted once does not boot again: ${booted}`);
    return booted;
  };
  return new Timeline(machine, { blank, boot: again }, actors);
}
