/**
 * Why a translation ended as it did: one entry for each rule of the architecture that can stop an access.
 * AMD I/O Virtualization Technology (IOMMU) Specification, 48882 revision 3.10.
 *
 * Traces and answers carry an index into {@link REASONS}; the sentence and the section come from here and nowhere else.
 */
import { type Reason, reason, reasonIndex } from "../reason.ts";

/** Rules that make a device table entry illegal where V is 1, in the order in which they are looked at (§2.2.2.1, §2.5.2). */
export const DTE_REASONS = [
  reason("DTE_RSVD_6_2", "_6_2", "48882 §2.5.2", "Bits [6:2] of the device table entry are reserved and not zero."),
  reason("DTE_RSVD_63", "_63", "48882 §2.5.2", "Bit 63 of the device table entry is reserved and not zero."),
  reason(
    "DTE_RSVD_181",
    "_181_180",
    "48882 §2.5.2",
    "Bits [181:180] of the device table entry are reserved and not zero.",
  ),
  reason(
    "DTE_RSVD_206",
    "_206_192",
    "48882 §2.5.2",
    "Bits [206:192] of the device table entry are reserved and not zero.",
  ),
  reason(
    "DTE_RSVD_245",
    "_245_240",
    "48882 §2.5.2",
    "Bits [245:240] of the device table entry are reserved and not zero.",
  ),
  reason(
    "DTE_MODE",
    "Mode",
    "48882 §2.2.2.1",
    "Mode asks for more levels than there are: 7 is reserved, and EFR.HATS may allow less.",
  ),
  reason("DTE_HAD", "HAD", "48882 §2.2.2.1", "HAD is 2, which is reserved."),
  reason("DTE_GLX", "GLX", "48882 §2.2.6.3", "GLX asks for more levels of the guest CR3 table than EFR.GLXSup offers."),
  reason(
    "DTE_GUEST_PAGING",
    "GuestPagingMode",
    "48882 §2.2.6.5",
    "GuestPagingMode asks for guest tables that EFR.GATS does not offer.",
  ),
] as const;

/** Everything else, in the order in which a translation meets it. */
const WALK_REASONS = [
  reason("NONE", "", "", "Nothing is wrong."),
  reason("IOMMU_OFF", "", "48882 §3.4.1", "The IOMMU is off (CONTROL.IommuEn is 0): requests pass untranslated."),
  reason("INTERRUPT", "", "48882 §2.1.2", "The write goes to the interrupt address range: it is an interrupt message."),
  reason("DTE_V0", "V", "48882 §2.2.2.1", "The device table entry's V is 0: the device's requests pass untranslated."),
  reason("EXCLUDED", "EX", "48882 §3.4.2", "The address lies in the exclusion range: the request passes untranslated."),
  reason(
    "TRANSLATED",
    "I",
    "48882 §2.1.3",
    "The address is marked as translated already, and the device may send such.",
  ),
  reason(
    "IO_PASSED",
    "IoCtl",
    "48882 §2.2.2.1",
    "The request is in the port I/O range, which IoCtl passes untranslated.",
  ),
  reason(
    "SYS_MGT_PASSED",
    "SysMgt",
    "48882 §2.2.2.1",
    "The write is in the system management range, which SysMgt passes untranslated.",
  ),
  reason("DEVICE_ID_RANGE", "", "48882 §2.2.2", "The DeviceID lies beyond the device table (DEVTAB_BASE.Size)."),
  reason("DTE_FETCH", "", "48882 §2.5.4", "Nothing answered at the address of the device table entry."),
  reason(
    "INTERRUPT_READ",
    "",
    "48882 §2.5.9",
    "The request reads from the interrupt address range, which takes writes only.",
  ),
  reason(
    "INTERRUPT_RESERVED",
    "",
    "48882 §2.5.9",
    "The request writes to the reserved part of the interrupt address range.",
  ),
  reason("IO_CTL", "IoCtl", "48882 §2.5.9", "The request is in the port I/O range, which IoCtl does not let through."),
  reason(
    "SYS_MGT",
    "SysMgt",
    "48882 §2.5.9",
    "The request is in the system management range, which SysMgt does not let through.",
  ),
  reason(
    "PRETRANSLATED",
    "I",
    "48882 §2.5.9",
    "The address is marked as translated already, and the device may not send such: I is 0.",
  ),
  reason("ATS_DISABLED", "I", "48882 §2.5.9", "The device asks for a translation, and may not: I is 0."),
  reason(
    "DTE_TV0",
    "TV",
    "48882 §2.2.2.1",
    "The device table entry's TV is 0: requests that need translation are aborted.",
  ),
  reason(
    "PASID_NO_GUEST",
    "GV",
    "48882 §2.2.6",
    "The request has a PASID, and guest translation is off for the device.",
  ),
  reason(
    "PASID_RANGE",
    "GLX",
    "48882 §2.2.6.3",
    "The PASID has more bits than the guest CR3 table of GLX + 1 levels tells apart.",
  ),
  reason("GCR3_V", "V", "48882 §2.2.6.3", "The guest CR3 table's entry is not valid: V is 0."),
  reason("GCR3_FETCH", "", "48882 §2.5.5", "Nothing answered at the address of the guest CR3 table's entry."),
  reason("GVA_CANONICAL", "", "48882 §2.2.6", "The guest virtual address is not canonical."),
  reason("GUEST_ABSENT", "P", "48882 §2.2.6.5", "The guest entry is not present: bit 0 is 0."),
  reason("GUEST_RESERVED", "PS", "48882 §2.2.6.5", "The guest entry has a bit set that is reserved at its level."),
  reason("GUEST_WRITE", "RW", "48882 §2.2.6.5", "The request is a write; the guest tables allow reads only."),
  reason(
    "GUEST_USER",
    "US",
    "48882 §2.2.6.5",
    "The request is a user access; the guest tables allow supervisor accesses only.",
  ),
  reason("GUEST_EXECUTE", "NX", "48882 §2.2.6.5", "The request is an instruction fetch; the guest tables forbid it."),
  reason("TABLE_FETCH", "", "48882 §2.5.5", "Nothing answered at the address of the table entry."),
  reason("HOST_RANGE", "Mode", "48882 §2.2.3", "The address has bits set beyond what tables of this Mode translate."),
  reason("HOST_ABSENT", "PR", "48882 §2.2.3", "The host entry is not present: PR is 0."),
  reason(
    "HOST_LEVEL",
    "NextLevel",
    "48882 §2.2.3",
    "The host entry's NextLevel, or the size in its address, is not one its level may have.",
  ),
  reason(
    "HOST_SKIPPED",
    "NextLevel",
    "48882 §2.2.3",
    "The host entry skips levels, and the address has bits set that they would translate.",
  ),
  reason(
    "HOST_READ",
    "IR",
    "48882 §2.2.3",
    "The request is a read; IR is 0 at one of the levels or in the device table entry.",
  ),
  reason(
    "HOST_WRITE",
    "IW",
    "48882 §2.2.3",
    "The request is a write; IW is 0 at one of the levels or in the device table entry.",
  ),
  reason(
    "HOST_FETCH_READ",
    "IR",
    "48882 §2.2.7",
    "A guest structure lies on a page that the host tables do not let be read.",
  ),
  reason(
    "HOST_UPDATE_WRITE",
    "IW",
    "48882 §2.2.7",
    "The IOMMU has to update a guest entry, and the host tables do not let its page be written.",
  ),
  reason(
    "SNOOP_FORCED",
    "FC",
    "48882 §2.2.3",
    "The request says No Snoop, and snoops all the same: FC of the host leaf, or Mode0FC without host tables, is 1.",
  ),
  reason(
    "NOT_SNOOPED",
    "FC",
    "48882 §2.2.3",
    "The request says No Snoop, and neither FC nor Mode0FC overrules it: what processors hold in their caches is not looked at.",
  ),
] as const;

/** All reasons; index 0 is none. */
export const REASONS = [...WALK_REASONS, ...DTE_REASONS] as const satisfies readonly Reason[];

/** Index of each reason in {@link REASONS}. */
export const R = reasonIndex(REASONS);
