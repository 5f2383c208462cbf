/**
 * What becomes of a command in a queue of the Tegra241 CMDQV before the SMMU carries it out: which are permitted, the
 * VMID they are given, the StreamID that is replaced (Linux tegra241-cmdqv.c; QEMU tegra241-cmdqv.h).
 */
import {
  CMDQV_STRIDE,
  VINTF_AT,
  VINTF_CONFIG,
  VINTF_SID_MATCH,
  VINTF_SID_REPLACE,
} from "../../../arch/smmuv3/cmdqv.ts";
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import type { FieldAccess } from "../../../base/layout.ts";
import { Cerror } from "../commands/command.ts";

/** Errors of a VCMDQ besides those of {@link Cerror}. */
const CERROR_ILL_ACCESS = 4;

const opcode = (name: string): number => commandByName(name)!.opcode;
const access = (name: string, field: string): FieldAccess =>
  (commandByName(name)!.layout.f as Readonly<Record<string, FieldAccess>>)[field]!;

const SYNC = opcode("CMD_SYNC");
const ATC_INV = opcode("CMD_ATC_INV");
/** TLB invalidations that a guest may make: by ASID, and by address and ASID, in its own VMID. */
const GUEST_TLBI: ReadonlySet<number> = new Set([opcode("CMD_TLBI_NH_ASID"), opcode("CMD_TLBI_NH_VA")]);

const CS = access("CMD_SYNC", "CS");
const VMID = access("CMD_TLBI_NH_VA", "VMID");
const STREAM = access("CMD_ATC_INV", "StreamID");
const OPCODE_MASK = 0xff;

/** The registers of one VINTF, as words from its CONFIG on. */
export const VINTF_WORDS = CMDQV_STRIDE.VINTF / 4;

/** Index of a VINTF register among its words. */
export const vintfWord = (offset: number): number => offset >>> 2;

/**
 * Check a command of four words that lies in a queue of a VINTF, and change it as the VINTF says.
 * @param vintf words of all VINTF registers; those of this one begin at `at`
 * @param sids pairs of SID_MATCH and SID_REPLACE that a VINTF has
 * @returns the error, or Cerror.NONE for a command that the SMMU may carry out
 */
export function prepareCommand(command: Int32Array, vintf: Uint32Array, at: number, sids: number): number {
  const code = command[0]! & OPCODE_MASK;
  // The only completion signal here is none at all; CHOICE(CMDQV_SYNC): another one is an illegal command.
  if (code === SYNC) return CS.get(command, 0) === 0 ? Cerror.NONE : Cerror.ILL;
  const config = at + vintfWord(VINTF_AT.CONFIG);
  if (VINTF_CONFIG.f.HYP_OWN.get(vintf, config) === 1) return Cerror.NONE;
  if (GUEST_TLBI.has(code)) {
    VMID.set(command, 0, VINTF_CONFIG.f.VMID.get(vintf, config));
    return Cerror.NONE;
  }
  if (code !== ATC_INV) return Cerror.ILL;
  const physical = physicalStream(STREAM.get(command, 0), vintf, at, sids);
  // CHOICE(CMDQV_SID): a StreamID that the VINTF does not replace is an illegal access.
  if (physical < 0) return CERROR_ILL_ACCESS;
  STREAM.set(command, 0, physical);
  return Cerror.NONE;
}

/** The StreamID that stands for a guest's; -1 where none does. */
function physicalStream(virtual: number, vintf: Uint32Array, at: number, sids: number): number {
  for (let i = 0; i < sids; i++) {
    const match = at + vintfWord(VINTF_AT.SID_MATCH) + i;
    if (VINTF_SID_MATCH.f.ENABLE.get(vintf, match) === 0) continue;
    if (VINTF_SID_MATCH.f.VIRT_SID.get(vintf, match) !== virtual) continue;
    return VINTF_SID_REPLACE.f.PHYS_SID.get(vintf, at + vintfWord(VINTF_AT.SID_REPLACE) + i);
  }
  return -1;
}
