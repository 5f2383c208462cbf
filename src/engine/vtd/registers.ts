/**
 * The register file of a VT-d remapping unit: what its registers do beyond storing bits (VT-d §11.4).
 *
 * Registers and fields that the capability registers do not offer read as zero and ignore writes.
 */
import { CAP, ECAP, VER } from "../../arch/vtd/capability_registers.ts";
import { frcdName, registersAt } from "../../arch/vtd/registers.ts";
import { type FieldRule, type RegisterEntry, RegisterFile, type WriteEffect } from "../common/register_file.ts";

/** A register's value: high and low half. */
export interface RegisterValue {
  readonly hi: number;
  readonly lo: number;
}

/** What a unit is: its version and capability registers. */
export interface Identity {
  readonly ver: number;
  readonly cap: RegisterValue;
  readonly ecap: RegisterValue;
  /** VCCAP and ECCAP; absent: nothing offered. */
  readonly vccap?: RegisterValue;
  readonly eccap?: RegisterValue;
  /**
   * The unit is as QEMU makes it: GCMD.CFI does nothing and interrupts of compatibility format always pass, those that
   * devices write carry no requester id (0 is taken), page request events are not held back at reset, and IRTA and
   * GCMD.SIRTP are there without interrupt remapping too.
   */
  readonly asQemu?: boolean;
}

/** Offers of a unit that only its registers and queues depend on. */
export interface Offers {
  readonly qi: boolean;
  readonly ir: boolean;
  readonly eim: boolean;
  readonly pi: boolean;
  readonly dt: boolean;
  readonly dit: boolean;
  readonly prs: boolean;
  readonly pds: boolean;
  readonly smts: boolean;
  readonly psi: boolean;
  readonly cm: boolean;
  readonly esrtps: boolean;
  readonly esirtps: boolean;
  readonly translates: boolean;
  readonly mamv: number;
  readonly mhmv: number;
  readonly nfr: number;
  readonly pasidBits: number;
  /** Protected regions. */
  readonly plmr: boolean;
  readonly phmr: boolean;
  /** Virtual and enhanced commands. */
  readonly vcs: boolean;
  readonly ecmds: boolean;
  /** CHOICE(queue-error-codes): a unit of major version 1 has none; IQERCD reads 0 there. */
  readonly queueErrors: boolean;
  readonly asQemu: boolean;
}

export function readOffers(identity: Identity): Offers {
  const { ver, cap, ecap } = identity;
  const capWords = [cap.lo, cap.hi];
  const ecapWords = [ecap.lo, ecap.hi];
  const c = (field: keyof typeof CAP.f): number => CAP.f[field].get(capWords, 0);
  const e = (field: keyof typeof ECAP.f): number => ECAP.f[field].get(ecapWords, 0);
  return {
    qi: e("QI") !== 0,
    ir: e("IR") !== 0,
    eim: e("EIM") !== 0,
    pi: c("PI") !== 0,
    dt: e("DT") !== 0,
    dit: e("DIT") !== 0,
    prs: e("PRS") !== 0,
    pds: e("PDS") !== 0,
    smts: e("SMTS") !== 0,
    psi: c("PSI") !== 0,
    cm: c("CM") !== 0,
    esrtps: c("ESRTPS") !== 0,
    esirtps: c("ESIRTPS") !== 0,
    translates: c("SAGAW") !== 0,
    mamv: c("MAMV"),
    mhmv: e("MHMV"),
    nfr: c("NFR"),
    pasidBits: e("PASID") === 0 ? 0 : Math.min(e("PSS") + 1, 20),
    plmr: c("PLMR") !== 0,
    phmr: c("PHMR") !== 0,
    vcs: e("VCS") !== 0,
    ecmds: c("ECMDS") !== 0,
    queueErrors: VER.f.MAX.get([ver], 0) > 1,
    asQemu: identity.asQemu === true,
  };
}

/** What a register is besides its place and layout; absent registers are those that are not offered. */
type Behaviour = Pick<RegisterEntry, "write" | "fields" | "lockedBy">;

const READ_ONLY: Behaviour = { write: "RO" };
const STORED: Behaviour = { write: "RW" };
const readOnly = (...names: string[]): Record<string, FieldRule> =>
  Object.fromEntries(names.map((name) => [name, { write: "RO" satisfies WriteEffect }]));

/** The four registers of an event's message. CHOICE(message-data): only IEDATA has more than 16 bits of data. */
function event(prefix: "FE" | "IE" | "PE", eim: boolean, held = true): Record<string, Behaviour> {
  return {
    [`${prefix}CTL`]: { write: "RO", fields: { IM: { write: "RW", reset: held ? 1 : 0 } } },
    [`${prefix}DATA`]: { write: "RW", fields: prefix === "IE" ? {} : readOnly("EIMD") },
    [`${prefix}ADDR`]: STORED,
    [`${prefix}UADDR`]: eim ? STORED : READ_ONLY,
  };
}

/** Behaviour by name, of what a unit offers. */
function behaviours(o: Offers): Record<string, Behaviour> {
  const some = (offered: boolean, registers: Record<string, Behaviour>): Record<string, Behaviour> =>
    offered ? registers : {};
  const region: Behaviour = { write: "RW", lockedBy: ["PMEN.PRS"] };
  return {
    VER: READ_ONLY,
    CAP: READ_ONLY,
    ECAP: READ_ONLY,
    GCMD: { write: "WO" },
    GSTS: READ_ONLY,
    RTADDR: STORED,
    CCMD: { write: "RW", fields: { ...readOnly("CAIG"), SID: { write: "WO" }, FM: { write: "WO" } } },
    IVA: { write: "WO" },
    IOTLB: { write: "RW", fields: readOnly("IAIG") },
    FSTS: {
      write: "RO",
      fields: { PFO: { write: "W1C" }, IQE: { write: "W1C" }, ICE: { write: "W1C" }, ITE: { write: "W1C" } },
    },
    ...event("FE", o.eim),
    ...some(o.plmr || o.phmr, { PMEN: { write: "RW", fields: readOnly("PRS") } }),
    ...some(o.plmr, { PLMBASE: region, PLMLIMIT: region }),
    ...some(o.phmr, { PHMBASE: region, PHMLIMIT: region }),
    ...some(o.qi, {
      IQH: READ_ONLY,
      IQT: STORED,
      IQA: { write: "RW", fields: o.smts ? {} : readOnly("DW") },
      ICS: { write: "W1C" },
      ...event("IE", o.eim),
      IQERCD: READ_ONLY,
    }),
    ...some(o.ir || o.asQemu, { IRTA: { write: "RW", fields: o.eim || o.asQemu ? {} : readOnly("EIME") } }),
    ...some(o.prs, {
      PQH: STORED,
      PQT: STORED,
      PQA: STORED,
      PRS: { write: "W1C" },
      ...event("PE", o.eim, !o.asQemu),
    }),
    ...some(o.vcs, { VCCAP: READ_ONLY, VCMD: STORED, VCMD_EO: STORED, VCRSP: READ_ONLY }),
    ...some(o.ecmds, { ECCAP: READ_ONLY, ECMD: STORED, ECEO: STORED, ECRSP: READ_ONLY }),
  };
}

/** Make the register file of a unit, reset, with its identity in place. */
export function makeRegisters(identity: Identity): RegisterFile {
  const offers = readOffers(identity);
  const known = behaviours(offers);
  const iro = ECAP.f.IRO.get([identity.ecap.lo, identity.ecap.hi], 0);
  const fro = CAP.f.FRO.get([identity.cap.lo, identity.cap.hi], 0);
  const table = registersAt(iro, fro, offers.nfr, (name) => known[name] !== undefined).map(
    (definition): RegisterEntry => ({ ...definition, ...(known[definition.name] ?? FRCD_BEHAVIOUR) }),
  );
  const file = new RegisterFile(table);
  file.load("VER", 0, identity.ver);
  file.load("CAP", identity.cap.hi, identity.cap.lo);
  file.load("ECAP", identity.ecap.hi, identity.ecap.lo);
  if (offers.vcs && identity.vccap !== undefined) file.load("VCCAP", identity.vccap.hi, identity.vccap.lo);
  if (offers.ecmds && identity.eccap !== undefined) file.load("ECCAP", identity.eccap.hi, identity.eccap.lo);
  return file;
}

const FRCD_BEHAVIOUR: Behaviour = { write: "RO", fields: { F: { write: "W1C" } } };

/** Names of the fault recording registers that a register file has. */
export function frcdNames(file: RegisterFile, nfr: number): string[] {
  return Array.from({ length: nfr + 1 }, (_, i) => frcdName(i)).filter((name) => file.has(name));
}
