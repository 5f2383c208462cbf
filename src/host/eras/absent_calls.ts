/** Why a call is not there: calls that only some eras have, by the kind of file and the request. */
import { HW_QUEUE_ALLOC } from "../iommufd/ioctls.ts";
import { VCMDQ_ALLOC } from "../iommufd/ioctls_as_posted.ts";
import {
  CACHE_INVALIDATE,
  DEVICE_GET_REGION_INFO,
  NESTING_OP_V7,
  NESTING_OP_V8,
  PASID_REQUEST,
  SET_MSI_BINDING,
  SET_PASID_TABLE,
} from "../vfio/ioctls_before_iommufd.ts";
import type { EraName } from "./eras.ts";

interface EraCall {
  /** `kind` of the file. */
  readonly file: string;
  readonly call: { readonly name: string; readonly request: number };
  /** Which has it. */
  readonly of: EraName | "SMMUv3 nesting over VFIO up to v15";
}

const CONTAINER = "vfio container";
const ERA_CALLS: readonly EraCall[] = [
  { file: CONTAINER, call: SET_PASID_TABLE, of: "SMMUv3 nesting over VFIO v16" },
  { file: CONTAINER, call: CACHE_INVALIDATE, of: "SMMUv3 nesting over VFIO v16" },
  { file: CONTAINER, call: SET_MSI_BINDING, of: "SMMUv3 nesting over VFIO up to v15" },
  { file: CONTAINER, call: NESTING_OP_V8, of: "vSVA over VFIO v8" },
  { file: CONTAINER, call: PASID_REQUEST, of: "vSVA over VFIO v7" },
  { file: CONTAINER, call: NESTING_OP_V7, of: "vSVA over VFIO v7" },
  { file: "vfio device of a group", call: DEVICE_GET_REGION_INFO, of: "SMMUv3 nesting over VFIO v16" },
  { file: "iommufd", call: VCMDQ_ALLOC, of: "vCMDQ as posted" },
  { file: "iommufd", call: HW_QUEUE_ALLOC, of: "Linux 7.2" },
];

/** A sentence for a call that answered ENOTTY: what has that number on such a file elsewhere; null where nothing has. */
export function absentCall(file: string, request: number, era: string): string | null {
  const elsewhere = ERA_CALLS.filter((e) => e.file === file && e.call.request === request && e.of !== era);
  if (elsewhere.length === 0) return null;
  const names = elsewhere.map(({ call, of }) => `${call.name} of ${of}`).join(", ");
  return `ENOTTY: ${era} has no call ${request & 0xff} on a ${file}; that is ${names}`;
}
