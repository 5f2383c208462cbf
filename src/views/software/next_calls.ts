/**
 * Calls of iommufd that may follow with an object, with fields filled in from the objects that there are. Whether one is
 * legal is the kernel's to say: these are only the calls worth asking it about. Linux 7.2, include/uapi/linux/iommufd.h.
 */
import type { Action } from "../../protocol/machine.ts";
import type { KernelObjectRow } from "../../protocol/software.ts";

type Fields = Readonly<Record<string, number>>;
/** What a call is to be filled in with; null where an object that it needs is not there. */
type Fill = (row: KernelObjectRow, first: (type: string) => number | null) => Fields | null;

interface Candidate {
  readonly call: string;
  readonly fill: Fill;
}

/** IOMMU_HWPT_ALLOC_NEST_PARENT and _DIRTY_TRACKING. */
const NEST_PARENT = 1;
const DIRTY_TRACKING = 2;
/** IOMMU_VIOMMU_TYPE_ARM_SMMUV3, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3. */
const ARM_SMMUV3 = 1;
/** A device id of the guest that is hardly in use. */
const UNUSED_ID = 0x7777;

/** With a device and what the call needs besides. */
const withDevice =
  (fields: (id: number, device: number) => Fields): Fill =>
  ({ id }, first) => {
    const device = first("DEVICE");
    return device === null ? null : fields(id, device);
  };

const destroy: Candidate = { call: "IOMMU_DESTROY", fill: ({ id }) => ({ id }) };
const hwpt = (flags: number): Candidate => ({
  call: "IOMMU_HWPT_ALLOC",
  fill: withDevice((pt_id, dev_id) => ({ flags, dev_id, pt_id })),
});

const CANDIDATES: Readonly<Record<string, readonly Candidate[]>> = {
  IOAS: [hwpt(0), hwpt(NEST_PARENT), hwpt(DIRTY_TRACKING)],
  DEVICE: [
    {
      call: "IOMMU_HWPT_ALLOC",
      fill: ({ id }, first) => {
        const pt_id = first("IOAS");
        return pt_id === null ? null : { flags: NEST_PARENT, dev_id: id, pt_id };
      },
    },
  ],
  HWPT_PAGING: [
    {
      call: "IOMMU_VIOMMU_ALLOC",
      fill: withDevice((hwpt_id, dev_id) => ({ type: ARM_SMMUV3, dev_id, hwpt_id })),
    },
    { call: "IOMMU_HWPT_SET_DIRTY_TRACKING", fill: ({ id }) => ({ flags: 1, hwpt_id: id }) },
    hwpt(0),
  ],
  VIOMMU: [
    {
      call: "IOMMU_VDEVICE_ALLOC",
      fill: withDevice((viommu_id, dev_id) => ({ viommu_id, dev_id, virt_id: UNUSED_ID })),
    },
    { call: "IOMMU_VEVENTQ_ALLOC", fill: ({ id }) => ({ viommu_id: id, type: ARM_SMMUV3, veventq_depth: 16 }) },
    hwpt(0),
  ],
};

type Call = Extract<Action, { readonly do: "vmm call" }>;

/** Calls to ask the kernel about. */
export function nextCalls(row: KernelObjectRow, objects: readonly KernelObjectRow[]): readonly Call[] {
  const first = (type: string): number | null => objects.find((object) => object.type === type)?.id ?? null;
  return [...(CANDIDATES[row.type] ?? []), destroy].flatMap(({ call, fill }): Call[] => {
    const filled = fill(row, first);
    if (filled === null) return [];
    const fields = Object.entries(filled).filter(([, value]) => value !== 0);
    return [{ do: "vmm call", call, fields: Object.fromEntries(fields.map(([name, value]) => [name, BigInt(value)])) }];
  });
}

/** A call with its fields, in a line. */
export const callText = ({ call, fields }: Call): string =>
  [call, ...Object.entries(fields).map(([name, value]) => `${name} ${value}`)].join(" ");

/** Why the kernel refuses, by what it answers; of some calls in particular. */
const REASONS: Readonly<Record<string, string>> = {
  "IOMMU_DESTROY EBUSY": "others hold it, or a device is attached to it: those go first",
  "IOMMU_VDEVICE_ALLOC EEXIST": "the device has a vDEVICE, or the id stands for another",
  "IOMMU_VEVENTQ_ALLOC EEXIST": "the vIOMMU has a queue of this type",
  "IOMMU_HWPT_ALLOC EINVAL": "over this object it takes data of the guest's tables, or other flags",
  "IOMMU_VIOMMU_ALLOC EINVAL": "it takes a HWPT that was made with NEST_PARENT",
  EBUSY: "something else uses it",
  EEXIST: "it is there already",
  EINVAL: "the fields do not go with each other, or not with this object",
  ENOENT: "there is no object of that id and type",
  EOPNOTSUPP: "the driver of this IOMMU, or this object, does not offer it",
  ENOTTY: "the file has no such call",
};

/** What an answer of the kernel says: refused with an errno and why, or null for done. */
export function refusalOf(call: string, about: string): { readonly errno: string; readonly why: string } | null {
  const errno = /answered (E[A-Z0-9]+)$/.exec(about)?.[1];
  return errno === undefined ? null : { errno, why: REASONS[`${call} ${errno}`] ?? REASONS[errno] ?? "" };
}
