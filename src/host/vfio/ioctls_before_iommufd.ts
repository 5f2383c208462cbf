/**
 * Calls that were proposed for VFIO before there was iommufd, as data: SMMUv3 nesting, v16 of the IOMMU part (October
 * 2021) with its VFIO part; virtual SVA, v7 (September 2020) and v8 (March 2021), with the user ABI of IOMMUs that Linux
 * 5.10 had in include/uapi/linux/iommu.h. None of them is in Linux 7.2.
 *
 * Structures with a union stand here with its longest member in place of it.
 */
import { type StructField, struct, u8, u16, u32, u64 } from "../uapi_struct.ts";
import { request } from "./ioctls.ts";

const ARGSZ = u32("argsz", "bytes of this structure that the caller gave");
const VERSION = u32("version", "1");
const IOMMU_UAPI = "include/uapi/linux/iommu.h as of Linux 5.10";
const NESTING_SERIES = "SMMUv3 Nested Stage Setup, v16";
const SVA_SERIES = "vfio: expose virtual Shared Virtual Addressing to VMs, v8";

/** The header of a call of the type1 backend whose data follow it. */
const headed = (name: string, nr: number, flags: string) => ({
  request: request(nr),
  ...struct(name, "include/uapi/linux/vfio.h as proposed", [ARGSZ, u32("flags", flags)]),
});

/** A header with the data that follow it as one structure, for callers. */
function whole<const F extends readonly StructField[]>(
  header: { readonly name: string; readonly request: number },
  data: { readonly fields: F },
) {
  const fields = [
    u32("call_argsz", "bytes of all of it"),
    u32("call_flags", "flags of the call"),
    ...data.fields,
  ] as const;
  const s = struct(header.name, "include/uapi/linux/vfio.h as proposed", fields);
  return { ...s, request: header.request };
}

/** A guest's PASID table: on an SMMUv3, its table of context descriptors. */
export const PASID_TABLE_CONFIG = struct("iommu_pasid_table_config", NESTING_SERIES, [
  ARGSZ,
  VERSION,
  u64("base_ptr", "guest physical address of the table"),
  u32("format", "1: SMMUv3"),
  u8("pasid_bits", "PASID bits that the table covers"),
  u8("config", "1 translate, 2 bypass, 3 abort"),
  u16("padding", "zero"),
  u32("smmuv3_version", "1"),
  u8("s1fmt", "S1Fmt of the STE"),
  u8("s1dss", "S1DSS of the STE"),
  u16("smmuv3_padding", "zero"),
]);
export const PASID_TABLE_SMMUV3 = 1;
export const PasidTableConfig = { TRANSLATE: 1, BYPASS: 2, ABORT: 3 } as const;

/** What is to be dropped from the IOMMU's caches. Its union holds pasid_info or the longer addr_info. */
export const CACHE_INVALIDATE_INFO = struct("iommu_cache_invalidate_info", IOMMU_UAPI, [
  ARGSZ,
  VERSION,
  u8("cache", "1 IOTLB, 2 device IOTLB, 4 PASID cache"),
  u8("granularity", "0 domain, 1 PASID, 2 addresses"),
  u16("padding_lo", "zero"),
  u32("padding_hi", "zero"),
  u32("flags", "1 the PASID is given, 2 the archid is given, 4 leaf entries alone"),
  u32("archid", "ASID on Arm"),
  u64("pasid", "PASID"),
  u64("addr", "first address"),
  u64("granule_size", "bytes of a granule, a power of two"),
  u64("nb_granules", "how many"),
]);
export const CacheType = { IOTLB: 1, DEV_IOTLB: 2, PASID: 4 } as const;
export const Granularity = { DOMAIN: 0, PASID: 1, ADDR: 2 } as const;
export const InvalidateFlag = { PASID: 1, ARCHID: 2, LEAF: 4 } as const;

/** A guest's first stage for one PASID. */
export const GPASID_BIND_DATA = struct("iommu_gpasid_bind_data", IOMMU_UAPI, [
  ARGSZ,
  VERSION,
  u32("format", "1: Intel VT-d"),
  u32("addr_width", "48 or 57 bits"),
  u64("flags", "1: the guest's own PASID is given"),
  u64("gpgd", "root table, a guest physical address"),
  u64("hpasid", "PASID as the hardware sees it"),
  u64("gpasid", "PASID as the guest knows it"),
  u64("padding", "zero"),
  u64("vtd_flags", "1 SRE, 2 EAFE, 4 PCD, 8 PWT, 16 EMTE, 32 CD, 64 WPE"),
  u32("pat", "page attribute table"),
  u32("emt", "extended memory type"),
]);
export const BIND_FORMAT_VTD = 1;
export const BIND_GPASID_VALID = 1n;
export const BindVtdFlag = { SRE: 1n, EAFE: 2n, PCD: 4n, PWT: 8n, EMTE: 16n, CD: 32n, WPE: 64n } as const;

/** What an IOMMU offers a container of the nesting type: capability 4 of IOMMU_GET_INFO, 3 in v7. */
export const NESTING_INFO = struct("iommu_nesting_info", SVA_SERIES, [
  ARGSZ,
  u32("flags", "zero"),
  u32("format", "1: Intel VT-d"),
  u32("features", "what user space is to do"),
  u16("addr_width", "bits of guest physical addresses"),
  u16("pasid_bits", "PASID bits of the IOMMU, 0 for none"),
  u32("padding_0", "zero"),
  u32("padding_1", "zero"),
  u32("padding_2", "zero"),
  u32("vtd_flags", "zero"),
  u32("vtd_padding", "zero"),
  u64("cap_reg", "capability register"),
  u64("ecap_reg", "extended capability register"),
]);

const SET_TABLE = headed("VFIO_IOMMU_SET_PASID_TABLE", 18, "1 set, 2 unset");
export const SET_PASID_TABLE = { ...SET_TABLE, whole: whole(SET_TABLE, PASID_TABLE_CONFIG) };
export const SetTableFlag = { SET: 1, UNSET: 2 } as const;

const INVALIDATE = headed("VFIO_IOMMU_CACHE_INVALIDATE", 19, "zero");
export const CACHE_INVALIDATE = { ...INVALIDATE, whole: whole(INVALIDATE, CACHE_INVALIDATE_INFO) };

/** v15 and before; v16 has the guest map the doorbells flat instead. */
export const SET_MSI_BINDING = headed("VFIO_IOMMU_SET_MSI_BINDING", 20, "1 bind, 2 unbind");

const nestingOp = (nr: number) => {
  const header = headed("VFIO_IOMMU_NESTING_OP", nr, "bits [15:0] which operation");
  return { ...header, bind: whole(header, GPASID_BIND_DATA), invalidate: whole(header, CACHE_INVALIDATE_INFO) };
};
export const NESTING_OP_V8 = nestingOp(18);
export const NESTING_OP_V7 = nestingOp(19);
export const NestingOp = { BIND_PGTBL: 0, UNBIND_PGTBL: 1, CACHE_INVLD: 2 } as const;
export const NESTING_OP_MASK = 0xffff;

/** v7: allocate one PASID of a range, or free a range. Returns the PASID. */
export const PASID_REQUEST = {
  request: request(18),
  ...struct("VFIO_IOMMU_PASID_REQUEST", "vfio: expose virtual Shared Virtual Addressing to VMs, v7", [
    ARGSZ,
    u32("flags", "1 allocate, 2 free"),
    u32("min", "first PASID of the range"),
    u32("max", "last"),
  ]),
};
export const PasidRequestFlag = { ALLOC: 1, FREE: 2 } as const;

/** Calls of /dev/ioasid have the type 'i', and count from 100. */
const ioasid = (nr: number): number => 0x6900 | (100 + nr);
export const IOASID_GET_API_VERSION = ioasid(0);
export const IOASID_GET_INFO = {
  request: ioasid(1),
  ...struct("IOASID_GET_INFO", "include/uapi/linux/ioasid.h as proposed", [
    ARGSZ,
    u32("flags", "zero"),
    u32("ioasid_bits", "PASID bits of the interface"),
  ]),
};
/** Returns the PASID. */
export const IOASID_REQUEST_ALLOC = {
  request: ioasid(2),
  ...struct("IOASID_REQUEST_ALLOC", "include/uapi/linux/ioasid.h as proposed", [
    ARGSZ,
    u32("flags", "zero"),
    u32("min", "first PASID of the range"),
    u32("max", "last"),
  ]),
};
/** The argument is a pointer to the PASID. */
export const IOASID_REQUEST_FREE = {
  request: ioasid(3),
  ...struct("IOASID_REQUEST_FREE", "include/uapi/linux/ioasid.h as proposed", [u32("pasid", "PASID to free")]),
};

/** The region of a device that its faults are read from: an index space and a ring, each behind an offset. */
export const REGION_DMA_FAULT = struct("vfio_region_dma_fault", "vfio/pci: Add VFIO_REGION_TYPE_NESTED region type", [
  u32("tail", "next entry that user space reads; written by user space"),
  u32("entry_size", "bytes of an entry"),
  u32("nb_entries", "entries of the ring"),
  u32("offset", "where the ring begins in the region"),
  u32("head", "next entry that the kernel writes"),
]);
/** One entry of the ring: a fault that cannot be recovered. */
export const IOMMU_FAULT = struct("iommu_fault", IOMMU_UAPI, [
  u32("type", "1: a fault that cannot be recovered"),
  u32("padding", "zero"),
  u32("reason", "why"),
  u32("flags", "1 the PASID is given, 2 the address, 4 the address of the fetch"),
  u32("pasid", "PASID"),
  u32("perm", "1 read, 2 write, 4 execute, 8 privileged"),
  u64("addr", "address that faulted"),
  u64("fetch_addr", "address of a structure that could not be fetched"),
  u64("_rest_0", "zero"),
  u64("_rest_1", "zero"),
  u64("_rest_2", "zero"),
]);
export const FAULT_UNRECOVERABLE = 1;
export const FaultFlag = { PASID: 1, ADDR: 2, FETCH_ADDR: 4 } as const;
export const FaultPermission = { READ: 1, WRITE: 2, EXECUTE: 4, PRIVILEGED: 8 } as const;
/** Reasons by the event of an SMMUv3 that they stand for. */
export const FAULT_REASONS: Readonly<Record<string, number>> = {
  F_CD_FETCH: 1,
  C_BAD_CD: 2,
  C_BAD_SUBSTREAMID: 3,
  F_WALK_EABT: 4,
  F_TRANSLATION: 5,
  F_PERMISSION: 6,
  F_ACCESS: 7,
  F_ADDR_SIZE: 8,
};

/** Where regions of a device begin in its file: the index from bit 40 up. */
export const REGION_INDEX_AT = 40n;
/** Index of the region of faults: the first behind those that every PCI device has. */
export const FAULT_REGION_INDEX = 9;
export const DEVICE_GET_REGION_INFO = {
  request: request(8),
  ...struct("VFIO_DEVICE_GET_REGION_INFO", "include/uapi/linux/vfio.h", [
    ARGSZ,
    u32("flags", "1 read, 2 write, 4 mmap, 8 capabilities follow"),
    u32("index", "which region"),
    u32("cap_offset", "where the first capability begins, 0 for none"),
    u64("size", "bytes"),
    u64("offset", "where it begins in the file"),
  ]),
};
export const RegionFlag = { READ: 1, WRITE: 2, MMAP: 4, CAPS: 8 } as const;
