/** The log of page requests of a virtual AMD IOMMU: entries that the VMM writes into guest memory. 48882 §2.6. */
import { PPR_LOG } from "../../arch/amdvi/logs.ts";
import { PAGE_SERVICE_REQUEST, PAGE_SERVICE_REQUEST_CODE, PPR_TAG } from "../../arch/amdvi/ppr.ts";
import { encodeFields } from "../../base/encode.ts";
import { LogStatus, RecordLog } from "../../engine/amdvi/record_log.ts";
import type { RegisterFile } from "../../engine/common/register_file.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import type { GuestFault } from "./fault_file.ts";
import { ringMemory } from "./guest_words.ts";

export class GuestPprLog {
  readonly #file: RegisterFile;
  readonly #log: RecordLog;
  readonly #journal: Journal;

  constructor(file: RegisterFile, memory: KernelMemory, journal: Journal) {
    const status = file.at("STATUS");
    const set = (bits: number): void => {
      file.words[status]! |= bits;
    };
    this.#file = file;
    this.#log = new RecordLog(file, ringMemory(memory), { set }, PPR_LOG);
    this.#journal = journal;
  }

  /** CONTROL was written: start or stop. */
  control(): void {
    this.#log.control();
  }

  /** @returns false when the request was lost */
  put(request: GuestFault): boolean {
    const queued = this.#file.get("CONTROL", "PPREn") === 1 && this.#log.write(entryOf(request)) === LogStatus.Written;
    if (queued) this.#journal.note("VMM", "interrupt", "page request for the guest");
    return queued;
  }
}

function entryOf({ sid, pasid, group, last, address, ...asked }: GuestFault): Uint32Array {
  const bit = (on: boolean): number => (on ? 1 : 0);
  const [PPRtag = 0] = encodeFields(PPR_TAG, { PRGIndex: group, Last: bit(last) });
  return encodeFields(PAGE_SERVICE_REQUEST, {
    DeviceID: sid,
    PPRtag,
    RP: bit(asked.read),
    WP: bit(asked.write),
    ...(pasid === null
      ? {}
      : {
          GN: 1,
          PASID_15_0: pasid % 0x10000,
          PASID_19_16: pasid >>> 16,
          NX: bit(asked.execute),
          US: bit(!asked.privileged),
        }),
    PPRCode: PAGE_SERVICE_REQUEST_CODE,
    Address: Number(address),
  });
}
