/** Page requests in the log of an AMD IOMMU, and their answers. 48882 §2.6, §2.4.7; Linux 7.2, drivers/iommu/amd/ppr.c. */
import { PPR_LOG } from "../../arch/amdvi/logs.ts";
import { PAGE_SERVICE_REQUEST, PAGE_SERVICE_REQUEST_CODE, PPR_TAG } from "../../arch/amdvi/ppr.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import { join } from "../../base/halves.ts";
import type { OwnMemory } from "../own_memory.ts";
import { isStopMarker, type PageRequest, PageRequestGroups, type PageResponse } from "../page_requests.ts";
import type { KernelRegisters } from "../registers.ts";
import type { Command } from "./command_buffer.ts";
import { RecordLog } from "./record_log.ts";

export class PageRequestLog {
  readonly #log: RecordLog;
  readonly #groups = new PageRequestGroups();

  private constructor(log: RecordLog) {
    this.#log = log;
  }

  /** Make the log and tell the IOMMU. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): PageRequestLog | null {
    const log = RecordLog.make(registers, memory, PPR_LOG);
    return log === null ? null : new PageRequestLog(log);
  }

  /** Fields of CONTROL that have it run, and interrupt. */
  get enabled(): FieldNumbers {
    return { PPREn: 1, ...this.#log.enabled };
  }

  /** Take what is in the log. A request that was lost keeps the others of its group from completion. */
  take(): { readonly groups: readonly (readonly PageRequest[])[]; readonly overflowed: boolean } {
    const { records, overflowed } = this.#log.take();
    const groups = records.flatMap((words) => {
      const request = readPageRequest(words);
      const group = request && this.#groups.add(request);
      return group === null ? [] : [group];
    });
    if (overflowed) this.#groups.dropOpen();
    return { groups, overflowed };
  }
}

/** What an entry asks for; null where nobody waits for an answer to it. */
function readPageRequest(words: Uint32Array): PageRequest | null {
  const { f } = PAGE_SERVICE_REQUEST;
  const is = (name: "GN" | "RP" | "WP" | "NX" | "US"): boolean => f[name].get(words, 0) === 1;
  if (f.PPRCode.get(words, 0) !== PAGE_SERVICE_REQUEST_CODE) return null;
  const tag = Uint32Array.of(f.PPRtag.get(words, 0));
  const request = {
    sid: f.DeviceID.get(words, 0),
    pasid: is("GN") ? f.PASID_15_0.get(words, 0) + 0x10000 * f.PASID_19_16.get(words, 0) : null,
    group: PPR_TAG.f.PRGIndex.get(tag, 0),
    last: PPR_TAG.f.Last.get(tag, 0) === 1,
    read: is("RP"),
    write: is("WP"),
    execute: is("GN") && is("NX"),
    privileged: is("GN") && !is("US"),
    address: join(f.Address.addressHi(words, 0), f.Address.addressLo(words, 0)),
  };
  return isStopMarker(request) ? null : request;
}

/** The answer to a group, by any request of it. */
export const completePageRequest = ({ sid, pasid, group }: PageRequest, code: PageResponse): Command => ({
  name: "COMPLETE_PPR_REQUEST",
  fields: { DeviceID: sid, PRGIndex: group, ResponseCode: code, ...(pasid === null ? {} : { GN: 1, PASID: pasid }) },
});
