/**
 * PREFETCH_IOMMU_PAGES: a translation that nobody waits for, made for what it leaves in the caches. 48882 revision 3.10,
 * §2.4.6. What goes wrong on the way leaves no event.
 */

import { Updates } from "../../common/request.ts";
import type { Prefetch } from "../commands/origin.ts";
import { Translation } from "../translation.ts";
import type { Translator } from "../translator.ts";
import type { AmdCaches } from "./amd_caches.ts";

const PAGE_LG2 = 12;

export class CachePrefetch implements Prefetch {
  readonly #translator: Translator;
  readonly #caches: AmdCaches;
  readonly #t = new Translation();

  constructor(translator: Translator, caches: AmdCaches) {
    this.#translator = translator;
    this.#caches = caches;
  }

  page(deviceId: number, pasid: number, hi: number, lo: number, anew: boolean): void {
    const t = this.#t;
    const silent = this.#translator.faulted.has(deviceId);
    t.deviceId = deviceId;
    t.hasPasid = pasid >= 0;
    t.pasid = pasid < 0 ? 0 : pasid;
    t.iovaHi = hi;
    t.iovaLo = lo;
    if (anew) {
      t.updates = Updates.Show;
      this.#translator.translate(t, null);
      this.#caches.pages(t.domainId, t.usedPasid, hi, lo, PAGE_LG2, true);
    }
    t.updates = Updates.Make;
    this.#translator.translate(t, null);
    if (!silent) this.#translator.faulted.delete(deviceId);
  }
}
