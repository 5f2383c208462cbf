/**
 * SMMUs to start a session with, as fields of their identification registers (IHI 0070 §6.3.1 to §6.3.8).
 *
 * A preset says what an implementation offers, not how it is made. What no public source tells of the real parts is
 * chosen within what the architecture allows.
 */
import { registerByName } from "../../arch/smmuv3/registers.ts";
import type { FieldAccess } from "../../base/layout.ts";

type Fields = Readonly<Record<string, number>>;

/** One SMMU to choose. */
export interface Preset {
  readonly id: string;
  /** A few words for a list. */
  readonly title: string;
  /** One plain sentence. */
  readonly about: string;
  /** Fields that are not zero, by register without `SMMU_`. */
  readonly registers: Readonly<Record<string, Fields>>;
  /** NVIDIA's Command queue virtualization stands beside it. */
  readonly cmdqv: boolean;
}

/** Codes of multi-bit fields (§6.3.1, §6.3.4, §6.3.6). */
const TTF_AARCH64 = 2;
const LITTLE_ENDIAN = 2;
const TERMINATE_ONLY = 1;
const ABORT_ONLY = 1;
const TWO_LEVELS = 1;
const HTTU_DIRTY = 2;
const OAS_44 = 4;
const OAS_48 = 5;

const QEMU_IDR0: Fields = {
  TTF: TTF_AARCH64,
  COHACC: 1,
  ASID16: 1,
  VMID16: 1,
  TTENDIAN: LITTLE_ENDIAN,
  STALL_MODEL: TERMINATE_ONLY,
  TERM_MODEL: ABORT_ONLY,
  ST_LEVEL: TWO_LEVELS,
};
const QEMU_IDR3: Fields = { HAD: 1, RIL: 1, BBML: 2 };

const qemu = (stage: string, title: string, idr0: Fields, idr3: Fields): Preset => ({
  id: `qemu-11.1-${stage}`,
  title: `QEMU 11.1, ${title}`,
  about: `The SMMUv3 of QEMU's virt machine with stage=${stage}: 44-bit addresses, no substreams, faults terminate.`,
  registers: {
    IDR0: { ...QEMU_IDR0, ...idr0 },
    IDR1: { SIDSIZE: 16, EVENTQS: 19, CMDQS: 19 },
    IDR3: { ...QEMU_IDR3, ...idr3 },
    IDR5: { OAS: OAS_44, GRAN4K: 1, GRAN16K: 1, GRAN64K: 1 },
    AIDR: { ArchMinorRev: 1 },
  },
  cmdqv: false,
});

/** Both stages, substreams, ATS and PRI, stalls: what a server's SMMU offers. */
const SERVER_IDR0: Fields = {
  S2P: 1,
  S1P: 1,
  TTF: TTF_AARCH64,
  COHACC: 1,
  HTTU: HTTU_DIRTY,
  Hyp: 1,
  ATS: 1,
  ASID16: 1,
  MSI: 1,
  SEV: 1,
  PRI: 1,
  VMW: 1,
  VMID16: 1,
  CD2L: 1,
  TTENDIAN: LITTLE_ENDIAN,
  ATSRECERR: 1,
  ST_LEVEL: TWO_LEVELS,
};
const ALL_GRANULES: Fields = { GRAN4K: 1, GRAN16K: 1, GRAN64K: 1 };

const NEOVERSE = {
  IDR0: SERVER_IDR0,
  IDR1: { SIDSIZE: 24, SSIDSIZE: 20, PRIQS: 19, EVENTQS: 19, CMDQS: 19, ATTR_PERMS_OVR: 1, ATTR_TYPES_OVR: 1 },
  IDR3: { HAD: 1, XNX: 1, FWB: 1, STT: 1, RIL: 1, BBML: 2, E0PD: 1 },
  IDR5: { OAS: OAS_48, ...ALL_GRANULES, STALL_MAX: 64 },
  IIDR: { Implementer: 0x43b, ProductID: 0x487 },
  AIDR: { ArchMinorRev: 2 },
};

/** Every preset, the plainest emulator first. */
export const PRESETS: readonly Preset[] = [
  qemu("nested", "both stages", { S1P: 1, S2P: 1 }, { XNX: 1 }),
  qemu("1", "stage 1", { S1P: 1 }, {}),
  qemu("2", "stage 2", { S2P: 1 }, { XNX: 1 }),
  {
    id: "neoverse",
    title: "Neoverse class",
    about: "In the manner of Arm's MMU-700: SMMUv3.2 with substreams, hardware updates, ATS, PRI, stalls and ranges.",
    registers: NEOVERSE,
    cmdqv: false,
  },
  {
    id: "neoverse-dvm-mpam",
    title: "Neoverse class with DVM and MPAM",
    about: "The same where TLBI instructions of processors reach the SMMU, and transactions carry one of 512 PARTIDs.",
    registers: {
      ...NEOVERSE,
      IDR0: { ...NEOVERSE.IDR0, BTM: 1 },
      IDR3: { ...NEOVERSE.IDR3, MPAM: 1 },
      MPAMIDR: { PARTID_MAX: 511, PMG_MAX: 1 },
    },
    cmdqv: false,
  },
  {
    id: "grace",
    title: "NVIDIA Grace",
    about: "48-bit addresses, 20 SubstreamID bits, ATS, no range invalidation, and virtual Command queues beside it.",
    registers: {
      IDR0: { ...SERVER_IDR0, STALL_MODEL: TERMINATE_ONLY },
      IDR1: { SIDSIZE: 32, SSIDSIZE: 20, PRIQS: 19, EVENTQS: 19, CMDQS: 19, ATTR_PERMS_OVR: 1, ATTR_TYPES_OVR: 1 },
      IDR3: { HAD: 1, XNX: 1, FWB: 1, STT: 1, BBML: 2 },
      IDR5: { OAS: OAS_48, GRAN4K: 1, GRAN64K: 1 },
      AIDR: { ArchMinorRev: 1 },
    },
    cmdqv: true,
  },
  {
    id: "minimal",
    title: "Minimal",
    about: "One stage, one granule, a linear stream table, 32-bit addresses, 8-bit ASIDs: the least there can be.",
    registers: {
      IDR0: { S1P: 1, TTF: TTF_AARCH64, TTENDIAN: LITTLE_ENDIAN, STALL_MODEL: TERMINATE_ONLY, TERM_MODEL: ABORT_ONLY },
      IDR1: { SIDSIZE: 6, EVENTQS: 7, CMDQS: 7 },
      IDR5: { GRAN4K: 1 },
    },
    cmdqv: false,
  },
];

/** The preset of that name. */
export function presetById(id: string): Preset | undefined {
  return PRESETS.find((preset) => preset.id === id);
}

/** Values of a preset's registers, by name without `SMMU_`: what a machine description holds. */
export function presetRegisters(preset: Preset): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, fields] of Object.entries(preset.registers)) {
    const register = registerByName(name);
    if (register === undefined) throw new Error(`no register ${name}`);
    const words = new Uint32Array(1);
    const access = register.layout.f as Readonly<Record<string, FieldAccess>>;
    for (const [field, value] of Object.entries(fields)) {
      const f = access[field];
      if (f === undefined) throw new Error(`no field ${name}.${field}`);
      f.set(words, 0, value);
    }
    values[name] = words[0]!;
  }
  return values;
}
