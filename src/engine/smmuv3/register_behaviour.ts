/**
 * How the registers of the Non-secure programming interface behave beyond storing bits, as a table (IHI 0070 §6.2, §6.3):
 * which exist, which fields exist, what may change only while something is off, what acknowledges what.
 *
 * Names are the specification's without `SMMU_`. A condition such as "IDR0.MSI" holds where that field is not zero.
 */

/** A register's field: "IDR0.MSI". */
export type FieldPath = `${string}.${string}`;

/** What is special about one field. */
interface FieldBehaviour {
  /** The field is RES0 unless all of these hold. */
  readonly needs?: readonly FieldPath[];
  /** Only as many low bits of the field exist as this field says; "OAS" limits an address to the output address size. */
  readonly bits?: FieldPath | "OAS";
  /** Only the low 8 bits exist unless this holds. */
  readonly eightUnless?: FieldPath;
  /** Writes keep the old value while one of these, or its acknowledgement, is set: Guarded fields (§6.2). */
  readonly guards?: readonly FieldPath[];
}

/** What is special about one register. */
export interface Behaviour {
  /** The register is RES0 unless all of these hold. */
  readonly needs?: readonly FieldPath[];
  /** The register is read-only where this holds: preset tables and queues (§6.3.2). */
  readonly fixedBy?: FieldPath;
  /** As {@link FieldBehaviour.guards}, for every field. */
  readonly guards?: readonly FieldPath[];
  readonly fields?: Readonly<Record<string, FieldBehaviour>>;
  /** Register that shows the value once it is in effect; here at once. */
  readonly acknowledge?: string;
  /** A write counts only with this field set, which then reads as zero: the Update handshake (§6.3.14.1). */
  readonly update?: string;
  /** A write counts only while this holds: a lookup runs with translation on only (§6.3.37). */
  readonly onlyWhile?: FieldPath;
  /** A write counts only when it clears this field, and then clears the whole register (§6.3.48). */
  readonly cleared?: string;
  /** Only index bits up to the wrap bit of this queue exist (§6.3.27): the field is the queue's size. */
  readonly queue?: "CMDQ" | "EVENTQ" | "PRIQ";
}

const ADDRESS: Readonly<Record<string, FieldBehaviour>> = { ADDR: { bits: "OAS" } };
const STRTAB: Behaviour = { guards: ["CR0.SMMUEN"], fixedBy: "IDR1.TABLES_PRESET" };
const TABLE_ATTRIBUTE: FieldBehaviour = { guards: ["CR0.SMMUEN"] };
const QUEUE_ATTRIBUTE: FieldBehaviour = { guards: ["CR0.CMDQEN", "CR0.EVENTQEN", "CR0.PRIQEN"] };

const MSI = ["IDR0.MSI"] as const;
const PRI = ["IDR0.PRI"] as const;
const MSI_AND_PRI = ["IDR0.MSI", "IDR0.PRI"] as const;
const MPAM = ["IDR3.MPAM"] as const;
const DPT = ["IDR3.DPT"] as const;
const ATOS = ["IDR0.ATOS"] as const;
const VATOS = ["IDR0.VATOS"] as const;

/** The three registers of one MSI source, Guarded by the source's enable (§6.3.21). */
function msi(source: string, needs: readonly FieldPath[]): Record<string, Behaviour> {
  const behaviour: Behaviour = { needs, guards: [`IRQ_CTRL.${source}_IRQEN`] };
  return {
    [`${source}_IRQ_CFG0`]: { ...behaviour, fields: ADDRESS },
    [`${source}_IRQ_CFG1`]: behaviour,
    [`${source}_IRQ_CFG2`]: behaviour,
  };
}

/** Which bits of a lookup's registers exist (§6.3.38). */
const LOOKUP_SID: Behaviour["fields"] = {
  STREAMID: { bits: "IDR1.SIDSIZE" },
  SUBSTREAMID: { bits: "IDR1.SSIDSIZE" },
  SSID_VALID: { needs: ["IDR1.SSIDSIZE"] },
};

const GERROR_FIELDS: Behaviour["fields"] = {
  PRIQ_ABT_ERR: { needs: PRI },
  MSI_CMDQ_ABT_ERR: { needs: MSI },
  MSI_EVENTQ_ABT_ERR: { needs: MSI },
  MSI_PRIQ_ABT_ERR: { needs: MSI_AND_PRI },
  MSI_GERROR_ABT_ERR: { needs: MSI },
  CMDQP_ERR: { needs: ["IDR1.ECMDQ"] },
  DPT_ERR: { needs: DPT },
};

/**
 * Registers that are not here store what is written to their fields, or are read-only.
 * CHOICE(AGBPA): there is no attribute beyond the architected ones, so that register has no field (§6.3.15).
 */
export const BEHAVIOUR: Readonly<Record<string, Behaviour>> = {
  CR0: {
    acknowledge: "CR0ACK",
    fields: {
      PRIQEN: { needs: PRI },
      ATSCHK: { needs: ["IDR0.ATS"] },
      VMW: { needs: ["IDR0.VMW"] },
      DPT_WALK_EN: { needs: DPT },
    },
  },
  CR1: {
    fields: {
      TABLE_SH: TABLE_ATTRIBUTE,
      TABLE_OC: TABLE_ATTRIBUTE,
      TABLE_IC: TABLE_ATTRIBUTE,
      QUEUE_SH: QUEUE_ATTRIBUTE,
      QUEUE_OC: QUEUE_ATTRIBUTE,
      QUEUE_IC: QUEUE_ATTRIBUTE,
    },
  },
  CR2: {
    guards: ["CR0.SMMUEN"],
    fields: {
      E2H: { needs: ["IDR0.Hyp"] },
      PTM: { needs: ["IDR0.BTM"] },
      REC_CFG_ATS: { needs: ["IDR0.ATSRECERR"] },
    },
  },
  S2PII: { needs: ["IDR3.S2PI"], guards: ["CR0.SMMUEN"] },
  GBPA: { update: "Update" },
  IRQ_CTRL: { acknowledge: "IRQ_CTRLACK", fields: { PRIQ_IRQEN: { needs: PRI } } },
  GERRORN: { fields: GERROR_FIELDS },
  ...msi("GERROR", MSI),
  ...msi("EVENTQ", MSI),
  ...msi("PRIQ", MSI_AND_PRI),
  STRTAB_BASE: { ...STRTAB, fields: ADDRESS },
  STRTAB_BASE_CFG: { ...STRTAB, fields: { FMT: { needs: ["IDR0.ST_LEVEL"] }, SPLIT: { needs: ["IDR0.ST_LEVEL"] } } },
  CMDQ_BASE: { guards: ["CR0.CMDQEN"], fixedBy: "IDR1.QUEUES_PRESET", fields: ADDRESS, queue: "CMDQ" },
  CMDQ_PROD: { queue: "CMDQ" },
  CMDQ_CONS: { guards: ["CR0.CMDQEN"], queue: "CMDQ" },
  EVENTQ_BASE: { guards: ["CR0.EVENTQEN"], fixedBy: "IDR1.QUEUES_PRESET", fields: ADDRESS, queue: "EVENTQ" },
  EVENTQ_PROD: { guards: ["CR0.EVENTQEN"], queue: "EVENTQ" },
  EVENTQ_CONS: { queue: "EVENTQ" },
  PRIQ_BASE: { needs: PRI, guards: ["CR0.PRIQEN"], fixedBy: "IDR1.QUEUES_PRESET", fields: ADDRESS, queue: "PRIQ" },
  PRIQ_PROD: { needs: PRI, guards: ["CR0.PRIQEN"], queue: "PRIQ" },
  PRIQ_CONS: { needs: PRI, queue: "PRIQ" },
  GATOS_CTRL: { needs: ATOS, onlyWhile: "CR0.SMMUEN" },
  GATOS_SID: { needs: ATOS, fields: LOOKUP_SID },
  GATOS_ADDR: { needs: ATOS },
  VATOS_SEL: { needs: VATOS, fields: { VMID: { eightUnless: "IDR0.VMID16" } } },
  VATOS_CTRL: { needs: VATOS, onlyWhile: "CR0.SMMUEN" },
  VATOS_SID: { needs: VATOS, fields: LOOKUP_SID },
  VATOS_ADDR: { needs: VATOS },
  GMPAM: { needs: MPAM, update: "Update" },
  GBPMPAM: { needs: MPAM, update: "Update" },
  DPT_BASE: { needs: DPT, guards: ["CR0.DPT_WALK_EN"], fields: { BADDR: { bits: "OAS" } } },
  DPT_BASE_CFG: { needs: DPT, guards: ["CR0.DPT_WALK_EN"] },
  DPT_CFG_FAR: { needs: DPT, cleared: "FAULT" },
};

/**
 * Values at reset that are not zero. What the architecture leaves UNKNOWN is zero here, but for the sizes of queues.
 * CHOICE(identification): 0xFD0 to 0xFFC name no vendor's part; the component is of class 0xF (§6.3.170).
 */
export const RESET: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // "Use incoming" (§6.3.14).
  GBPA: { SHCFG: 1 },
  PIDR0: { PART_0: 0x84 },
  PIDR1: { PART_1: 4, DES_0: 0xb },
  PIDR2: { REVISION: 0xf },
  PIDR4: { DES_2: 4 },
  CIDR0: { PRMBL: 0x0d },
  CIDR1: { CLASS: 0xf },
  CIDR2: { PRMBL: 0x05 },
  CIDR3: { PRMBL: 0xb1 },
};

/** CHOICE(queue-size-at-reset): LOG2SIZE starts as the largest size offered; the architecture leaves it UNKNOWN. */
export const RESET_QUEUE_SIZES: readonly (readonly [base: string, largest: FieldPath])[] = [
  ["CMDQ_BASE", "IDR1.CMDQS"],
  ["EVENTQ_BASE", "IDR1.EVENTQS"],
  ["PRIQ_BASE", "IDR1.PRIQS"],
];
