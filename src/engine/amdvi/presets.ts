/**
 * AMD IOMMUs to start a session with, as fields of their feature and capability registers (48882 revision 3.10, chapter
 * 3).
 *
 * A preset says what an implementation offers, not how it is made. What no public source tells of real parts is chosen
 * within what the architecture allows.
 */
import { registerByName } from "../../arch/amdvi/registers.ts";
import type { FieldAccess } from "../../base/layout.ts";
import type { InitialRegisters } from "./programming_interface.ts";

type Fields = Readonly<Record<string, number>>;

/** One AMD IOMMU to choose. */
export interface Preset {
  readonly id: string;
  /** A few words for a list. */
  readonly title: string;
  /** One plain sentence. */
  readonly about: string;
  /** Fields that are not zero, by register. */
  readonly registers: Readonly<Record<string, Fields>>;
}

/** Codes of multi-bit fields. */
const SIX_LEVELS = 2;
const FIVE_LEVELS = 1;
const THREE_CR3_LEVELS = 2;
const PASID_20 = 19;
const GUEST_APIC = 1;
const SWAPPING_LOGS = 2;
const EIGHT_SEGMENTS = 3;
const INTERRUPTS_2048 = 1;
const VA_57 = 3;
const VA_48 = 2;

const HEADER: Fields = { CapId: 15, CapType: 3, CapRev: 1, IotlbSup: 1, EFRSup: 1, CapExt: 1 };
const MSI: Fields = { MsiCapId: 5, MsiMultMessCap: 2, Msi64En: 1 };

/** Presets, the one to start with first. */
export const PRESETS: readonly Preset[] = [
  {
    id: "qemu-11.1",
    title: "QEMU 11.1",
    about: "The amd-iommu device of QEMU: host tables of six levels, no dirty tracking, no second logs.",
    registers: {
      EFR: {
        PreFSup: 1,
        PPRSup: 1,
        GTSup: 1,
        IASup: 1,
        GASup: 1,
        HESup: 1,
        HATS: SIX_LEVELS,
        GATS: 2,
      },
      PCICAP_HEADER: { ...HEADER, HtTunnel: 1, NpCache: 1 },
      PCICAP_RANGE: { LastDevice: 0xff },
      PCICAP_MISC0: { GVAsize: VA_48, PAsize: 40, VAsize: 48 },
      PCI_RID: { Device: 1 },
    },
  },
  {
    id: "full",
    title: "Everything",
    about: "Guest tables of five levels over host tables, dirty tracking, ATS, page requests, virtualized IOMMUs.",
    registers: {
      EFR: {
        PreFSup: 1,
        PPRSup: 1,
        XTSup: 1,
        NXSup: 1,
        GTSup: 1,
        IASup: 1,
        GASup: 1,
        HESup: 1,
        HATS: SIX_LEVELS,
        GATS: FIVE_LEVELS,
        GLXSup: THREE_CR3_LEVELS,
        GAMSup: GUEST_APIC,
        DualPprLogSup: SWAPPING_LOGS,
        DualEventLogSup: SWAPPING_LOGS,
        PASmax: PASID_20,
        USSup: 1,
        DevTblSegSup: EIGHT_SEGMENTS,
        PprOvrflwEarlySup: 1,
        PPRAutoRspSup: 1,
        BlkStopMrkSup: 1,
        MsiCapMmioSup: 1,
        GIoSup: 1,
        HASup: 1,
        EPHSup: 1,
        HDSup: 1,
        InvIotlbTypeSup: 1,
        vIommuSup: 1,
        GAUpdateDisSup: 1,
      },
      EFR2: { GCR3TRPModeSup: 1, NumIntRemapSup: INTERRUPTS_2048 },
      PCICAP_HEADER: HEADER,
      PCICAP_RANGE: { LastDevice: 0xff },
      PCICAP_MISC0: { GVAsize: VA_57, PAsize: 52, VAsize: 64, MsiNumPPR: 1 },
      MSI_HEADER: MSI,
      PCI_RID: { Device: 0, Function: 2 },
    },
  },
  {
    id: "minimal",
    title: "Minimal",
    about: "Host tables of four levels, one log of each kind, commands; nothing that an IOMMU may leave out.",
    registers: {
      PCICAP_HEADER: { CapId: 15, CapType: 3, CapRev: 1, EFRSup: 1 },
      PCICAP_RANGE: { LastDevice: 0xff },
      PCICAP_MISC0: { GVAsize: VA_48, PAsize: 48, VAsize: 64 },
      MSI_HEADER: MSI,
      PCI_RID: { Device: 0, Function: 2 },
    },
  },
];

/**
 * Values of a preset's registers.
 * @throws when there is no such preset, or it names what is not there: a mistake of the caller or of the table
 */
export function presetRegisters(id: string): InitialRegisters {
  const preset = PRESETS.find((p) => p.id === id);
  if (preset === undefined) throw new Error(`no preset ${id}`);
  return new Map(Object.entries(preset.registers).map(([name, fields]) => [name, encode(name, fields)]));
}

function encode(name: string, fields: Fields): { hi: number; lo: number } {
  const words = new Uint32Array(2);
  const layout = registerByName(name)!.layout;
  for (const [field, value] of Object.entries(fields)) {
    (layout.f as Readonly<Record<string, FieldAccess>>)[field]!.set(words, 0, value);
  }
  return { hi: words[1]!, lo: words[0]! };
}
