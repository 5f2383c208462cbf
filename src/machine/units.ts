/**
 * The architectures a machine can be made of, each a part of its own that is loaded when it is first needed.
 *
 * A new architecture is a line here and a folder beside this file.
 */
import type { Arch } from "../protocol/machine.ts";
import type { Architecture } from "./unit.ts";

const LOADERS: Readonly<Record<Arch, () => Promise<Architecture>>> = {
  smmuv3: async () => (await import("./smmuv3/architecture.ts")).SMMUV3,
  vtd: async () => (await import("./vtd/architecture.ts")).VTD,
  amdvi: async () => (await import("./amdvi/architecture.ts")).AMDVI,
};

/** The architecture of that name. */
export function loadArchitecture(arch: Arch): Promise<Architecture> {
  return LOADERS[arch]();
}
