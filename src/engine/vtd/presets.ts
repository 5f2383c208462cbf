/**
 * VT-d units to start a session with, as fields of their version and capability registers (VT-d §11.4).
 *
 * A preset says what a unit offers. Those of real parts are as public kernel logs print the registers of such machines.
 */
import { CAP, ECAP, VCCAP, VER } from "../../arch/vtd/capability_registers.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import type { Identity, RegisterValue } from "./registers.ts";

type Fields = Readonly<Record<string, number>>;

/** One unit to choose. */
export interface Preset {
  readonly id: string;
  /** A few words for a list. */
  readonly title: string;
  /** One plain sentence. */
  readonly about: string;
  /** Fields that are not zero. */
  readonly registers: { readonly VER: Fields; readonly CAP: Fields; readonly ECAP: Fields; readonly VCCAP?: Fields };
  /** Bits of a host physical address, as the DMAR table of ACPI says. */
  readonly hostAddressWidth: number;
  /** See {@link Identity.asQemu}. */
  readonly asQemu?: boolean;
}

/** Codes: bits of SAGAW and of SSLPS, domains, page masks. */
const WIDTH_39 = 2;
const WIDTH_48 = 4;
const WIDTH_57 = 8;
const LARGE_2M_1G = 3;
const DOMAINS_64K = 6;

/** Where QEMU and most parts have their fault recording and IOTLB registers, in units of 16 bytes. */
const QEMU_FRO = 0x22;
const QEMU_IRO = 0xf;

const QEMU_CAP: Fields = {
  ND: DOMAINS_64K,
  SAGAW: WIDTH_39 | WIDTH_48,
  MGAW: 47,
  FRO: QEMU_FRO,
  SSLPS: LARGE_2M_1G,
  PSI: 1,
  MAMV: 18,
  DWD: 1,
  DRD: 1,
  ESRTPS: 1,
};
const QEMU_ECAP: Fields = { QI: 1, IR: 1, PT: 1, IRO: QEMU_IRO, MHMV: 15 };

const qemu = (id: string, title: string, about: string, cap: Fields, ecap: Fields): Preset => ({
  id: `qemu-11.1-${id}`,
  title: `QEMU 11.1, ${title}`,
  about,
  registers: { VER: { MAX: 1 }, CAP: { ...QEMU_CAP, ...cap }, ECAP: { ...QEMU_ECAP, ...ecap } },
  hostAddressWidth: 48,
  asQemu: true,
});

/** What a unit of a current server offers. */
const SERVER_CAP: Fields = {
  ND: DOMAINS_64K,
  PLMR: 1,
  PHMR: 1,
  SAGAW: WIDTH_48 | WIDTH_57,
  MGAW: 56,
  ZLR: 1,
  FRO: 0x40,
  SSLPS: LARGE_2M_1G,
  PSI: 1,
  MAMV: 45,
  DWD: 1,
  DRD: 1,
  FS1GP: 1,
  PI: 1,
  FS5LP: 1,
};
const SERVER_ECAP: Fields = {
  C: 1,
  QI: 1,
  DT: 1,
  IR: 1,
  EIM: 1,
  PT: 1,
  SC: 1,
  IRO: 0x50,
  MHMV: 15,
  MTS: 1,
  NEST: 1,
  PRS: 1,
  SRS: 1,
  NWFS: 1,
  EAFS: 1,
  PSS: 19,
  PASID: 1,
  DIT: 1,
  PDS: 1,
  SMTS: 1,
  SSADS: 1,
  SSTS: 1,
  FSTS: 1,
  SMPWCS: 1,
  RPS: 1,
};

/** Every preset, the plainest emulator first. */
export const PRESETS: readonly Preset[] = [
  qemu(
    "legacy",
    "legacy mode",
    "QEMU's intel-iommu as it is by default: second stage only, one fault register.",
    {},
    {},
  ),
  qemu(
    "second-stage",
    "scalable mode, second stage",
    "QEMU's intel-iommu with x-scalable-mode: PASID tables that hold second-stage tables.",
    {},
    { SMTS: 1, SSTS: 1 },
  ),
  qemu(
    "first-stage",
    "scalable mode, first stage",
    "QEMU's intel-iommu with x-scalable-mode and x-flts: first-stage tables of 4 levels.",
    { FS1GP: 1 },
    { SMTS: 1, FSTS: 1 },
  ),
  {
    id: "skylake-sp",
    title: "Skylake-SP class",
    about:
      "Legacy mode, 48 bits, large pages, device TLBs, posted interrupts: ver 1:0 cap 8d2078c106f0466 ecap f020df.",
    registers: {
      VER: { MAX: 1 },
      CAP: {
        ND: DOMAINS_64K,
        PLMR: 1,
        PHMR: 1,
        SAGAW: WIDTH_48,
        MGAW: 47,
        ZLR: 1,
        FRO: 0x10,
        SSLPS: LARGE_2M_1G,
        PSI: 1,
        NFR: 7,
        MAMV: 18,
        DWD: 1,
        DRD: 1,
        PI: 1,
      },
      ECAP: { C: 1, QI: 1, DT: 1, IR: 1, EIM: 1, PT: 1, SC: 1, IRO: 0x20, MHMV: 15 },
    },
    hostAddressWidth: 46,
  },
  {
    id: "sapphire-rapids",
    title: "Sapphire Rapids class",
    about: "Scalable mode with nesting, 5 levels, PASIDs, page requests; ver 6:0 cap 19ed008c40780c66.",
    registers: { VER: { MAX: 6 }, CAP: SERVER_CAP, ECAP: SERVER_ECAP },
    hostAddressWidth: 52,
  },
  {
    id: "virtual-nested",
    title: "Virtual unit for nesting",
    about: "What a VMM shows a guest that shall own the first stage: caching mode, PASIDs from virtual commands.",
    registers: {
      VER: { MAX: 6 },
      CAP: { ...SERVER_CAP, CM: 1, PLMR: 0, PHMR: 0 },
      ECAP: { ...SERVER_ECAP, NEST: 0, SSTS: 0, SSADS: 0, VCS: 1 },
      VCCAP: { PAS: 1 },
    },
    hostAddressWidth: 52,
  },
];

/** The preset of that name. */
export function presetById(id: string): Preset | undefined {
  return PRESETS.find((preset) => preset.id === id);
}

/** The version and capability registers of a preset. */
export function presetIdentity({ registers, asQemu = false }: Preset): Identity {
  const { VCCAP: virtualCommands = {} } = registers;
  return {
    ver: encode(VER, registers.VER).lo,
    cap: encode(CAP, registers.CAP),
    ecap: encode(ECAP, registers.ECAP),
    vccap: encode(VCCAP, virtualCommands),
    asQemu,
  };
}

function encode(layout: Layout, fields: Fields): RegisterValue {
  const words = new Uint32Array(2);
  for (const [name, value] of Object.entries(fields)) {
    const access = (layout.f as Readonly<Record<string, FieldAccess>>)[name];
    if (access === undefined) throw new Error(`no field ${layout.name}.${name}`);
    access.set(words, 0, value);
  }
  return { hi: words[1]!, lo: words[0]! };
}
