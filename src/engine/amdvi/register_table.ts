/**
 * The registers that an AMD IOMMU has, and what writes to them do, from what it offers (48882 revision 3.10, chapter 3).
 *
 * Fields of CONTROL that belong to a feature which is not offered are read-only zeros, and so are its registers.
 */
import { CONTROL } from "../../arch/amdvi/control_registers.ts";
import { EFR, EFR2 } from "../../arch/amdvi/feature_registers.ts";
import { PCICAP_HEADER } from "../../arch/amdvi/pci_registers.ts";
import { REGISTERS } from "../../arch/amdvi/registers.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import type { FieldRule, RegisterEntry, WriteEffect } from "../common/register_file.ts";

/** What tells of features: registers that software cannot change, as words `[lo, hi]`. */
export interface FeatureWords {
  readonly efr: ArrayLike<number>;
  readonly efr2: ArrayLike<number>;
  readonly capability: ArrayLike<number>;
}

/** A feature: a field of EFR, of EFR2 ("EFR2.x") or of the capability header ("CAP.x") that is not zero. */
type Feature = string;

/** Features that fields of CONTROL need; any one of a list will do. */
const CONTROL_NEEDS: Readonly<Record<string, readonly Feature[]>> = {
  HtTunEn: ["CAP.HtTunnel"],
  PPRLogEn: ["PPRSup"],
  PprIntEn: ["PPRSup"],
  PPREn: ["PPRSup"],
  GTEn: ["GTSup"],
  GAEn: ["GASup"],
  SmiFEn: ["SmiFSup"],
  SmiFLogEn: ["SmiFSup"],
  GAMEn: ["GAMSup"],
  GALogEn: ["GAMSup"],
  GAIntEn: ["GAMSup"],
  DualPprLogEn: ["DualPprLogSup"],
  DualEventLogEn: ["DualEventLogSup"],
  DevTblSegEn: ["DevTblSegSup"],
  PrivAbrtEn: ["USSup"],
  PprAutoRspEn: ["PPRAutoRspSup"],
  PprAutoRspAon: ["PPRAutoRspSup"],
  MarcEn: ["MarcSup"],
  BlkStopMrkEn: ["BlkStopMrkSup"],
  NumIntRemapMode: ["EFR2.NumIntRemapSup"],
  EPHEn: ["EPHSup"],
  HADUpdate: ["HASup", "HDSup"],
  GDUpdateDis: ["GTSup"],
  XTEn: ["XTSup"],
  IntCapXTEn: ["XTSup"],
  vCmdEn: ["vIommuSup"],
  vIommuEn: ["vIommuSup"],
  GAUpdateDis: ["GAUpdateDisSup"],
  GAPPIEn: ["GAPPISup"],
  TMPMEn: ["EFR2.TMPMSup"],
  GCR3TRPMode: ["EFR2.GCR3TRPModeSup"],
  GstBufferTRPMode: ["vIommuSup"],
  SNPAVICEn: ["EFR2.SNPAVICSup"],
};

/** Features that whole registers need. */
const REGISTER_NEEDS: Readonly<Record<string, Feature>> = {
  PPR_BASE: "PPRSup",
  PPR_HEAD: "PPRSup",
  PPR_TAIL: "PPRSup",
  HW_EVT_UPPER: "HESup",
  HW_EVT_LOWER: "HESup",
  HW_EVT_STATUS: "HESup",
  PPR_BASE_B: "DualPprLogSup",
  PPR_HEAD_B: "DualPprLogSup",
  PPR_TAIL_B: "DualPprLogSup",
  EVT_BASE_B: "DualEventLogSup",
  EVT_HEAD_B: "DualEventLogSup",
  EVT_TAIL_B: "DualEventLogSup",
  PERF_OPT: "PerfOptSup",
  XT_GEN_INT: "XTSup",
  XT_PPR_INT: "XTSup",
  XT_GA_INT: "XTSup",
  PPR_AUTO_RSP: "PPRAutoRspSup",
  PPR_EARLY: "PprOvrflwEarlySup",
  PPR_EARLY_B: "PprOvrflwEarlySup",
};

const RO: FieldRule = { write: "RO" };

/** Registers that software cannot change, and what is special about others. */
const SPECIAL: Readonly<Record<string, Pick<RegisterEntry, "fields" | "lockedBy"> & { readonly write?: WriteEffect }>> =
  {
    EFR: { write: "RO" },
    EFR2: { write: "RO" },
    VIOMMU_STATUS: { write: "RO" },
    HW_EVT_STATUS: { write: "W1C" },
    STATUS: {
      write: "W1C",
      fields: { EventLogRun: RO, CmdBufRun: RO, PPRLogRun: RO, GALogRun: RO, PprLogActive: RO, EventLogActive: RO },
    },
    // CHOICE(pointer-while-running): writes to a pointer that the hardware moves are ignored while it may move it.
    CMD_HEAD: { lockedBy: ["STATUS.CmdBufRun"] },
    EVT_TAIL: { lockedBy: ["STATUS.EventLogRun"] },
    EVT_TAIL_B: { lockedBy: ["STATUS.EventLogRun"] },
    PPR_TAIL: { lockedBy: ["STATUS.PPRLogRun"] },
    PPR_TAIL_B: { lockedBy: ["STATUS.PPRLogRun"] },
    PCICAP_HEADER: { write: "RO" },
    PCICAP_BASE_LOW: { write: "RO" },
    PCICAP_BASE_HIGH: { write: "RO" },
    PCICAP_RANGE: { write: "RO" },
    PCICAP_MISC0: { write: "RO" },
    PCICAP_MISC1: { write: "RO" },
    MSI_HEADER: { write: "RO", fields: { MsiEn: { write: "RW" }, MsiMultMessEn: { write: "RW" } } },
    PCI_RID: { write: "RO" },
  };

/** Make the table of registers of an IOMMU with these features. */
export function registerTable(features: FeatureWords): RegisterEntry[] {
  const offers = (feature: Feature): boolean => featureOf(features, feature) !== 0;
  return REGISTERS.map(({ name, offset, layout }) => {
    const entry = { name, offset, layout, write: "RW" as const, ...SPECIAL[name] };
    if (name === "CONTROL") return { ...entry, fields: controlFields(offers) };
    const segment = /^DEVTAB_SEG(\d)_BASE$/.exec(name)?.[1];
    const present =
      segment === undefined
        ? REGISTER_NEEDS[name] === undefined || offers(REGISTER_NEEDS[name])
        : Number(segment) < 1 << featureOf(features, "DevTblSegSup");
    return present ? entry : { name, offset, layout, write: "RO" };
  });
}

function controlFields(offers: (feature: Feature) => boolean): Record<string, FieldRule> {
  const fields: Record<string, FieldRule> = {};
  for (const { name } of CONTROL.fields) {
    const needs = CONTROL_NEEDS[name];
    if (needs !== undefined && !needs.some(offers)) fields[name] = RO;
  }
  return fields;
}

/** Value of a feature's field. */
export function featureOf(features: FeatureWords, feature: Feature): number {
  const [register, field] = feature.includes(".") ? feature.split(".") : ["EFR", feature];
  const [layout, words] =
    register === "EFR2"
      ? [EFR2, features.efr2]
      : register === "CAP"
        ? [PCICAP_HEADER, features.capability]
        : [EFR, features.efr];
  return access(layout)[field!]!.get(words as ArrayLike<number> & Record<number, number>, 0);
}

const access = (layout: Layout): Readonly<Record<string, FieldAccess>> =>
  layout.f as Readonly<Record<string, FieldAccess>>;
