/** The mock driver's control call, as transcripts write it. */
import type { Returned } from "../host/errno.ts";
import type { Selftest } from "../host/iommufd/selftest.ts";
import { type Json, type JsonObject, numberOf } from "./play_uapi_lines.ts";

interface Outcome {
  readonly returned: Returned;
  readonly out: Readonly<Record<string, Json>>;
}

/**
 * Make the call. Fields are as the transcript has them, by operation.
 * @param fileOf descriptor of a file by the number that the transcript has for it
 */
export function selftestCall(selftest: Selftest | null, given: JsonObject, fileOf: (name: number) => number): Outcome {
  if (selftest === null) return { returned: "ENOTTY", out: {} };
  const answer = operate(selftest, given, fileOf);
  return typeof answer === "string" ? { returned: answer, out: {} } : { returned: 0, out: answer };
}

function operate(selftest: Selftest, given: JsonObject, fileOf: (name: number) => number) {
  const n = (key: string): number => Number(numberOf(given[key]) ?? 0n);
  const big = (key: string): bigint => numberOf(given[key]) ?? 0n;
  switch (given.op) {
    case "MOCK_DOMAIN":
    case "MOCK_DOMAIN_FLAGS":
      return selftest.makeDevice(n("id"), n("dev_flags"));
    case "MOCK_DOMAIN_REPLACE":
      return selftest.replace(n("id"), n("pt_id"));
    case "PASID_ATTACH":
      return selftest.attachPasid(n("id"), n("pasid"), n("pt_id"));
    case "PASID_REPLACE":
      return selftest.replacePasid(n("id"), n("pasid"), n("pt_id"));
    case "PASID_DETACH":
      return selftest.detachPasid(n("id"), n("pasid"));
    case "PASID_CHECK_HWPT":
      return selftest.checkPasid(n("id"), n("pasid"), n("pt_id"));
    case "MD_CHECK_IOTLB":
      return selftest.checkIotlb(n("id"), n("entry"), n("expect"));
    case "DEV_CHECK_CACHE":
      return selftest.checkCache(n("id"), n("entry"), n("expect"));
    case "TRIGGER_VEVENT":
      return selftest.triggerEvent(n("dev_id"));
    case "TRIGGER_IOPF":
      return selftest.triggerFault(n("dev_id"), n("pasid"), n("grpid"), n("perm"), big("addr"));
    case "DIRTY": {
      const bitmap = Array.isArray(given.bitmap) ? given.bitmap.map((w) => numberOf(w as Json) ?? 0n) : null;
      return selftest.markDirty(n("id"), big("iova"), big("length"), big("page_size"), bitmap);
    }
    case "ADD_RESERVED":
      return selftest.addReserved(n("id"), big("start"), big("length"));
    case "MD_CHECK_MAP":
      return selftest.checkMap(n("id"), big("iova"), big("length"), big("uptr"));
    case "MD_CHECK_REFS":
      return selftest.checkRefs(big("uptr"), big("length"), n("refs"));
    case "CREATE_ACCESS":
      return selftest.createAccess(n("id"), n("flags"));
    case "ACCESS_REPLACE_IOAS":
      return selftest.replaceIoas(fileOf(n("id")), n("ioas_id"));
    case "ACCESS_PAGES":
      return selftest.pinPages(fileOf(n("id")), big("iova"), big("length"), big("uptr"), n("flags"));
    case "DESTROY_ACCESS_PAGES":
      return selftest.unpinPages(fileOf(n("id")), n("access_pages_id"));
    case "ACCESS_RW":
      return selftest.readWrite(fileOf(n("id")), big("iova"), big("length"), big("uptr"), n("flags"));
    case "SET_TEMP_MEMORY_LIMIT":
      return selftest.limitMemory(n("limit"));
    default:
      return "EOPNOTSUPP" as const;
  }
}
