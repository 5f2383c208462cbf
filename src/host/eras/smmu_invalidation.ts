/**
 * A guest's invalidation as commands of an SMMUv3: any ASID may stand there, as the guest chooses them and the host does
 * not know which it uses. SMMUv3 nesting v16, "Allow stage 1 invalidation with unmanaged ASIDs" and "Implement
 * cache_invalidate"; IHI 0070 §4.4.
 */
import { type CommandWords, command } from "../../kernel/smmuv3/command_queue.ts";
import { type Made, made, refused } from "../errno.ts";
import { CacheType, Granularity, InvalidateFlag } from "../vfio/ioctls_before_iommufd.ts";
import type { CacheInvalidateInfo } from "./uapi_data.ts";

/** Above so many pages everything of the ASID goes. */
const MOST_COMMANDS = 512n;

/**
 * The commands that do what `v` says. CFGI_CD and ATC_INV have no form here: v16 takes neither.
 * @param pageSizes a bit for each size that the SMMU has
 */
export function invalidationCommands(v: CacheInvalidateInfo, pageSizes: bigint): Made<CommandWords[]> {
  if ((v.cache & (CacheType.PASID | CacheType.DEV_IOTLB)) !== 0) return refused("ENOENT");
  if ((v.cache & CacheType.IOTLB) === 0) return refused("EINVAL");
  const hasAsid = (v.flags & InvalidateFlag.ARCHID) !== 0;
  if (v.granularity === Granularity.DOMAIN) return made([everything()]);
  if ((v.flags & InvalidateFlag.PASID) !== 0) return refused("ENOENT");
  if (v.granularity === Granularity.PASID) return hasAsid ? made([ofAsid(v.archid)]) : refused("EINVAL");
  return hasAsid ? range(v, pageSizes) : made([everything()]);
}

/** Of the guest's VMID: the driver puts it in. */
const everything = (): CommandWords => command("CMD_TLBI_NH_ALL", {});
const ofAsid = (archid: number): CommandWords => command("CMD_TLBI_NH_ASID", { ASID: archid & 0xffff });

/** v16 takes ranges alone: a granule that the SMMU has, and at least one of it. */
function range(v: CacheInvalidateInfo, pageSizes: bigint): Made<CommandWords[]> {
  const granule = v.granule_size;
  const isPower = granule !== 0n && (granule & (granule - 1n)) === 0n;
  if (!isPower || (granule & pageSizes) === 0n || v.nb_granules === 0n) return refused("EINVAL");
  // CHOICE(vfio-nesting-range): the driver of v16 joins pages into a range command where the SMMU has those; here each
  // granule has a command, which drops the same.
  if (v.nb_granules > MOST_COMMANDS) return made([ofAsid(v.archid)]);
  const Leaf = (v.flags & InvalidateFlag.LEAF) !== 0 ? 1 : 0;
  const first = v.addr - (v.addr % granule);
  return made(
    Array.from({ length: Number(v.nb_granules) }, (_, i) => {
      const Address = Number(BigInt.asUintN(52, first + BigInt(i) * granule));
      return command("CMD_TLBI_NH_VA", { ASID: v.archid & 0xffff, Leaf, Address });
    }),
  );
}
