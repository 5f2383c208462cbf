/** What the unit of a recorded case is and its registers do not say, by the tags of the case. */
import type { Arch, MachineDescription } from "../protocol/machine.ts";

type Options = NonNullable<MachineDescription["options"]>;

/** Units of the model that was written from the VT-d specification: host addresses of 52 bits. */
const SPECIFICATION_UNITS = ["nest48", "nest57", "nest48-no1g", "nest48-ss4k", "nonest", "nofs", "noss", "nopt"];

/** Units of QEMU, which depart from the specification where `asQemu` says. */
const VTD_QEMU_UNITS =
  "legacy48 legacy39 legacy48-cm legacy48-dt legacy48-tm legacy48-sc nodma noir eim ss48 ss39 ss48-cm ss48-dt fs48 fs48-no1g fs48-pasid fs48-svm";

/** Units of the AMD-Vi recorder. They do not look at the address bits of skipped levels (48882 §2.2.3 wants them zero). */
const AMD_UNITS = ["amd", "amd-xt", "amd-dt"];

const OPTIONS: Readonly<Partial<Record<Arch, Readonly<Record<string, Options>>>>> = {
  vtd: {
    ...Object.fromEntries(VTD_QEMU_UNITS.split(" ").map((unit) => [`cfg:${unit}`, { asQemu: true }])),
    "cfg:legacy48-tm": { asQemu: true, transientMapping: true },
    "erratum:772415": { erratum772415: true },
    ...Object.fromEntries(SPECIFICATION_UNITS.map((unit) => [`cfg:${unit}`, { hostAddresses52: true }])),
  },
  amdvi: {
    ...Object.fromEntries(AMD_UNITS.map((unit) => [`cfg:${unit}`, { ignoreSkippedBits: true }])),
    // A case about this departure is compared with the specification.
    "quirk:skip-nonzero": { ignoreSkippedBits: false },
  },
};

/** Options of the unit that a case with these tags was recorded on. */
export const optionsOf = (arch: Arch, tags: readonly string[]): Options =>
  Object.assign({}, ...tags.map((tag) => OPTIONS[arch]?.[tag] ?? {}));
