/**
 * The PCIe side of an SMMUv3: Translation Requests, transactions marked Translated, Page Requests (IHI 0070 §3.9, §8).
 */
import type {
  AtsPort,
  PageAnswer,
  PageRequest,
  PrgResponse,
  TranslationCompletion,
  TranslationRequest,
} from "../device/ats_port.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { AtsRequests } from "./ats.ts";
import { DevicePermissions } from "./device_permissions.ts";
import type { GlobalErrors } from "./global_errors.ts";
import type { Interrupts } from "./interrupts.ts";
import { PageRequests } from "./page_requests.ts";
import { PriQueue } from "./pri_queue.ts";
import type { Smmuv3 } from "./smmu.ts";
import { TranslatedTransactions } from "./translated.ts";
import { End, type Translation, Updates } from "./translation.ts";

export class PcieInterface implements AtsPort {
  readonly requests: AtsRequests;
  readonly translated: TranslatedTransactions;
  readonly pages: PageRequests;
  readonly #record: (t: Translation) => void;

  /** @param record where events go that requests give rise to; `t` is only good during the call */
  constructor(
    smmu: Smmuv3,
    memory: PhysicalMemory,
    errors: GlobalErrors,
    interrupts: Interrupts,
    record: (t: Translation) => void,
  ) {
    const { registers, caps } = smmu;
    this.requests = new AtsRequests(smmu);
    this.translated = new TranslatedTransactions(smmu, new DevicePermissions(registers, memory, caps, errors));
    this.pages = new PageRequests(smmu, new PriQueue(registers, memory, errors, interrupts));
    this.#record = record;
  }

  /** Answer a Translation Request, make its hardware updates and record its event. */
  requestTranslation(request: TranslationRequest, completion: TranslationCompletion): void {
    const { t } = this.requests;
    t.updates = Updates.Make;
    this.requests.translate(request, completion, null);
    if (t.end === End.Fault) this.#record(t);
  }

  /** Take a Page Request. @returns the automatic response, null for none */
  requestPage(request: PageRequest): PrgResponse | null {
    const answer = this.page(request);
    return answer.queued ? null : answer.response;
  }

  /** Take a Page Request, and say what became of it. */
  page(request: PageRequest): PageAnswer {
    const answer = this.pages.receive(request);
    if (this.pages.t.end === End.Fault) this.#record(this.pages.t);
    return answer;
  }
}
