/** How the IOMMUs of a machine with several are told apart. */
import type { DeviceDescription } from "./machine.ts";

/** Which of several IOMMUs a requester is behind; one that is no device's is behind the first. */
export type Behind = (sid: number) => number;

/** Numbers of the IOMMUs that devices are behind, from 0 on. */
export const unitNumbers = (devices: readonly DeviceDescription[]): number[] =>
  Array.from({ length: 1 + devices.reduce((most, { iommu = 0 }) => Math.max(most, iommu), 0) }, (_, i) => i);

/** Name of what is an IOMMU's, such as a queue or a block of registers; empty for the IOMMU itself. The first's is as it is. */
export const ofUnit = (unit: number, name = ""): string => (unit === 0 ? name : `iommu${unit} ${name}`.trimEnd());
