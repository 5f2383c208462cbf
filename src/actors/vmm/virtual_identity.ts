/**
 * What a virtual SMMUv3 says of itself: what the physical one has, less what a guest does not get. IHI 0070 §6.3.1 to
 * §6.3.6; Linux 7.2, include/uapi/linux/iommufd.h (iommu_hw_info_arm_smmuv3).
 */
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { encodeFields } from "../../base/encode.ts";
import type { FieldAccess } from "../../base/layout.ts";

/** The structure: flags, a reserved word, IDR0 to IDR5, IIDR, AIDR. */
export const HW_INFO_BYTES = 40;

/** Fields that a guest gets as the hardware has them. */
const HANDED_ON: Readonly<Record<string, readonly string[]>> = {
  IDR0: ["TTF", "COHACC", "BTM", "ATS", "TTENDIAN", "STALL_MODEL", "TERM_MODEL", "ASID16", "ST_LEVEL"],
  IDR1: ["SSIDSIZE"],
  IDR3: ["HAD", "RIL", "BBML"],
  IDR5: ["OAS", "GRAN4K", "GRAN16K", "GRAN64K"],
};
/** Fields of identification registers, by the register's name. */
export type IdFields = Readonly<Record<string, Readonly<Record<string, number>>>>;
/** Fields that the VMM sets: stage 1 alone, StreamIDs of a PCI segment, queues of its own size. */
const OWN: IdFields = {
  IDR0: { S1P: 1 },
  IDR1: { SIDSIZE: 16, CMDQS: 8, EVENTQS: 7 },
  AIDR: { ArchMinorRev: 1 },
};

/**
 * Values of the virtual SMMU's identification registers, by name.
 * @param info null where the kernel said nothing
 * @param instead fields that this VMM does not hand on, or has of its own, by register
 */
export function virtualIdentity(info: Uint8Array | null, instead: IdFields = {}): Record<string, number> {
  const words = new Uint32Array(HW_INFO_BYTES / 4);
  if (info !== null) words.set(new Uint32Array(info.slice(0, HW_INFO_BYTES).buffer));
  const names = ["IDR0", "IDR1", "IDR3", "IDR5", "MPAMIDR", "AIDR"];
  return Object.fromEntries(
    names.map((name) => {
      const { layout } = registerByName(name)!;
      const access = layout.f as Readonly<Record<string, FieldAccess>>;
      const index = name === "AIDR" ? 9 : 2 + Number(name.slice(3));
      const handed = (HANDED_ON[name] ?? []).map((field) => [field, access[field]!.get(words, index)] as const);
      return [name, encodeFields(layout, { ...Object.fromEntries(handed), ...OWN[name], ...instead[name] })[0]!];
    }),
  );
}
