/**
 * Addresses that are not memory: interrupt messages, and the ranges that HyperTransport gives a meaning.
 * 48882 revision 3.10, §2.1.2 (special address controls), §2.5.9. They are told from memory by untranslated requests
 * without a PASID only.
 *
 * CHOICE(HT_RANGES): the ranges that the specification leaves to the page tables are translated like memory; with
 * EFR2.HtRangeIgnore all are.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { EventCode, InvalidAccess } from "../../arch/amdvi/events.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import type { Translation } from "./translation.ts";

/** What a range is for. */
const Range = { Memory: 0, Interrupt: 1, ReservedInterrupt: 2, SystemManagement: 3, PortIo: 4 } as const;
type Range = (typeof Range)[keyof typeof Range];

/** Ranges of FDh_xxxx_xxxx: use of the addresses below the low half given, in ascending order. */
const RANGES_FD: readonly (readonly [below: number, use: Range])[] = [
  [0xf800_0000, Range.ReservedInterrupt],
  [0xf900_0000, Range.Interrupt],
  [0xf910_0000, Range.Memory],
  [0xf920_0000, Range.SystemManagement],
  [0xfc00_0000, Range.Memory],
  [0xfe00_0000, Range.PortIo],
];

const FD = 0xfd * 2 ** 32;

/** Addresses at which what an address is for may be another than just below, in ascending order. */
export const RANGE_STARTS: readonly number[] = [
  0xfee0_0000,
  0xfef0_0000,
  FD,
  ...RANGES_FD.map(([below]) => FD + below),
];

/** The address is that of an interrupt message of a PCI device: FEEx_xxxxh. */
const isInterruptMessage = (hi: number, lo: number): boolean => hi === 0 && lo >>> 20 === 0xfee;

/** The address lies in none of the ranges that have a meaning of their own. */
export const isOrdinary = (hi: number, lo: number): boolean => rangeOf(hi, lo) === Range.Memory;

function rangeOf(hi: number, lo: number): Range {
  if (isInterruptMessage(hi, lo)) return Range.Interrupt;
  if (hi !== 0xfd) return Range.Memory;
  return RANGES_FD.find(([below]) => lo >>> 0 < below)?.[1] ?? Range.Memory;
}

/** Codes of IoCtl and SysMgt that have an effect here. */
const PASS = 1;
const TRANSLATE_IO = 2;
const TRANSLATE_MANAGEMENT = 3;

function refuse(t: Translation, type: number, reason: number): true {
  t.type = type;
  t.fault(EventCode.INVALID_DEVICE_REQUEST, reason);
  return true;
}

/**
 * Decide a request to a special range by its device table entry.
 * @returns false where the address is to be translated like memory; else `t` says how the request ended or passed
 */
export function specialRange(t: Translation, dte: Uint32Array, htRangeIgnore: boolean): boolean {
  if (t.hasPasid || (t.iovaHi !== 0 && htRangeIgnore)) return false;
  const range = rangeOf(t.iovaHi, t.iovaLo);
  switch (range) {
    case Range.Interrupt:
      return refuse(t, InvalidAccess.ReadOrNonPostedWriteToInterruptRange, R.INTERRUPT_READ);
    case Range.ReservedInterrupt:
      return t.write
        ? refuse(t, InvalidAccess.ReservedInterruptRange, R.INTERRUPT_RESERVED)
        : refuse(t, InvalidAccess.ReadOrNonPostedWriteToInterruptRange, R.INTERRUPT_READ);
    case Range.SystemManagement: {
      const control = DTE.f.SysMgt.get(dte, 0);
      if (control === TRANSLATE_MANAGEMENT) return false;
      if (control === PASS && t.write) return t.pass(R.SYS_MGT_PASSED);
      return refuse(t, t.write ? InvalidAccess.SystemManagement : InvalidAccess.ReadFromSystemManagement, R.SYS_MGT);
    }
    case Range.PortIo: {
      const control = DTE.f.IoCtl.get(dte, 0);
      if (control === TRANSLATE_IO) return false;
      return control === PASS ? t.pass(R.IO_PASSED) : refuse(t, InvalidAccess.PortIo, R.IO_CTL);
    }
    case Range.Memory:
      return false;
  }
}

/** A write to an interrupt address: it goes to interrupt remapping, whatever the device table entry says of memory. */
export const isInterrupt = (t: Translation, htRangeIgnore: boolean): boolean =>
  t.write && !t.hasPasid && (t.iovaHi === 0 || !htRangeIgnore) && rangeOf(t.iovaHi, t.iovaLo) === Range.Interrupt;
