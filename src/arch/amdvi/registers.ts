/**
 * The registers of an AMD IOMMU by name and offset. 48882 revision 3.10, chapter 3.
 *
 * Three windows of one space of offsets: the MMIO registers, and beyond their end what the architecture places
 * elsewhere, so that one pair of read and write serves all: the IOMMU's PCI configuration space, and the registers of
 * virtualized IOMMUs, which have base addresses of their own.
 */
import type { Layout } from "../../base/layout.ts";
import * as buffers from "./buffer_registers.ts";
import * as control from "./control_registers.ts";
import * as features from "./feature_registers.ts";
import * as pci from "./pci_registers.ts";
import { MAX_GUESTS, VF_BYTES, VF_CONTROL_BYTES, VF_CONTROL_REGISTERS, VF_REGISTERS } from "./viommu.ts";

/** Where PCI configuration space stands in the space of offsets: behind the MMIO registers. */
const PCI_CONFIG = 0x80000;

/** Where the VF registers of guest 0 stand, and where its VF control registers. */
export const VF_BASE = 0x10000000;
export const VF_CONTROL_BASE = VF_BASE + MAX_GUESTS * VF_BYTES;

/** Where the MSI capability stands among the MMIO registers (EFR.MsiCapMmioSup), and in PCI configuration space. */
export const MSI_MMIO = { from: 0x158, to: 0x168, config: PCI_CONFIG + 0x64 } as const;

/** One register. */
export interface RegisterDefinition {
  readonly name: string;
  /** Byte offset. */
  readonly offset: number;
  /** 4 or 8. */
  readonly widthBytes: 4 | 8;
  readonly layout: Layout;
}

const register = (offset: number, layout: Layout): RegisterDefinition => ({
  name: layout.name,
  offset,
  widthBytes: layout.bits === 64 ? 8 : 4,
  layout,
});

/** Every declared register, by rising offset, but those of virtualized IOMMUs. */
export const REGISTERS: readonly RegisterDefinition[] = [
  register(0x0000, buffers.DEVTAB_BASE),
  register(0x0008, buffers.CMD_BASE),
  register(0x0010, buffers.EVT_BASE),
  register(0x0018, control.CONTROL),
  register(0x0020, control.EXCL_BASE),
  register(0x0028, control.EXCL_LIMIT),
  register(0x0030, features.EFR),
  register(0x0038, buffers.PPR_BASE),
  register(0x0040, control.HW_EVT_UPPER),
  register(0x0048, control.HW_EVT_LOWER),
  register(0x0050, control.HW_EVT_STATUS),
  register(0x00f0, buffers.PPR_BASE_B),
  register(0x00f8, buffers.EVT_BASE_B),
  ...buffers.DEVTAB_SEGMENTS.map((layout, i) => register(0x0100 + 8 * i, layout)),
  register(0x016c, control.PERF_OPT),
  register(0x0170, control.XT_GEN_INT),
  register(0x0178, control.XT_PPR_INT),
  register(0x0180, control.XT_GA_INT),
  register(0x0190, control.VIOMMU_STATUS),
  register(0x01a0, features.EFR2),
  register(0x2000, buffers.CMD_HEAD),
  register(0x2008, buffers.CMD_TAIL),
  register(0x2010, buffers.EVT_HEAD),
  register(0x2018, buffers.EVT_TAIL),
  register(0x2020, control.STATUS),
  register(0x2030, buffers.PPR_HEAD),
  register(0x2038, buffers.PPR_TAIL),
  register(0x2050, buffers.PPR_HEAD_B),
  register(0x2058, buffers.PPR_TAIL_B),
  register(0x2070, buffers.EVT_HEAD_B),
  register(0x2078, buffers.EVT_TAIL_B),
  register(0x2080, buffers.PPR_AUTO_RSP),
  register(0x2088, buffers.PPR_EARLY),
  register(0x2090, buffers.PPR_EARLY_B),
  register(PCI_CONFIG + 0x40, pci.PCICAP_HEADER),
  register(PCI_CONFIG + 0x44, pci.PCICAP_BASE_LOW),
  register(PCI_CONFIG + 0x48, pci.PCICAP_BASE_HIGH),
  register(PCI_CONFIG + 0x4c, pci.PCICAP_RANGE),
  register(PCI_CONFIG + 0x50, pci.PCICAP_MISC0),
  register(PCI_CONFIG + 0x54, pci.PCICAP_MISC1),
  register(PCI_CONFIG + 0x64, pci.MSI_HEADER),
  register(PCI_CONFIG + 0x68, pci.MSI_ADDR_LO),
  register(PCI_CONFIG + 0x6c, pci.MSI_ADDR_HI),
  register(PCI_CONFIG + 0x70, pci.MSI_DATA),
  register(PCI_CONFIG + 0x100, pci.PCI_RID),
];

const byName = new Map(REGISTERS.map((r) => [r.name, r]));

/** Registers of a guest's virtualized IOMMU, those that the guest reaches first: "VF1_CMD_TAIL". */
export function guestRegisters(guestId: number): RegisterDefinition[] {
  const named = (base: number, { offset, layout }: { readonly offset: number; readonly layout: Layout }) => ({
    ...register(base + offset, layout),
    name: `VF${guestId}_${layout.name}`,
  });
  return [
    ...VF_REGISTERS.map((r) => named(VF_BASE + guestId * VF_BYTES, r)),
    ...VF_CONTROL_REGISTERS.map((r) => named(VF_CONTROL_BASE + guestId * VF_CONTROL_BYTES, r)),
  ];
}

/** Register by name, those of {@link guestRegisters} included; undefined for an unknown name. */
export function registerByName(name: string): RegisterDefinition | undefined {
  const guestId = Number(/^VF(\d{1,5})_/.exec(name)?.[1] ?? MAX_GUESTS);
  return guestId < MAX_GUESTS ? guestRegisters(guestId).find((r) => r.name === name) : byName.get(name);
}
