/**
 * Prefetch commands as translations whose outcome nobody sees: they fill the caches (IHI 0070 §4.2).
 */
import type { Prefetch } from "./maintenance.ts";
import { registerIndex } from "./register_file.ts";
import type { Smmuv3 } from "./smmu.ts";
import { Translation, Updates } from "./translation.ts";

/** CHOICE(prefetch-limit): a CMD_PREFETCH_ADDR stops after this many translations. */
const MOST = 256;
const CR2 = registerIndex("SMMU_CR2");
const PAGES_PER_HIGH = 2 ** 20;

/** For an SMMU with caches; without them there is nothing to fetch into. */
export class CachePrefetch implements Prefetch {
  readonly #smmu: Smmuv3;
  readonly #t = new Translation();

  constructor(smmu: Smmuv3) {
    this.#smmu = smmu;
  }

  config(sid: number, ssv: boolean, ssid: number): void {
    const { caches, caps, registers } = this.#smmu;
    const key = ssv ? ssid : -1;
    if (caches === null || caches.config.resolved(sid, key, registers.words[CR2]!) !== null) return;
    const t = this.#begin(sid, ssv, ssid);
    t.begin();
    caches.leaveLanes();
    const stream = caches.config.take(sid, key);
    if (!this.#smmu.resolve(t, null, stream)) return;
    stream.setTags(caps);
    caches.config.keep(sid, key);
  }

  /** Each address is looked up as a speculative read: hardware may set Access flags, nothing becomes dirty (§3.14). */
  addresses(sid: number, ssv: boolean, ssid: number, hi: number, lo: number, countLg2: number, stepLg2: number): void {
    const first = (hi >>> 0) * PAGES_PER_HIGH + (lo >>> 12);
    const step = 2 ** (stepLg2 - 12);
    for (let i = 0; i < Math.min(2 ** countLg2, MOST); i++) {
      const page = first + i * step;
      if (page >= PAGES_PER_HIGH * 2 ** 32) return;
      const t = this.#begin(sid, ssv, ssid);
      t.iovaHi = Math.floor(page / PAGES_PER_HIGH) | 0;
      t.iovaLo = (page % PAGES_PER_HIGH) << 12;
      this.#smmu.translate(t, null);
    }
  }

  #begin(sid: number, ssv: boolean, ssid: number): Translation {
    const t = this.#t;
    t.sid = sid;
    t.ssv = ssv;
    t.ssid = ssid;
    t.write = false;
    t.privileged = false;
    t.instruction = false;
    t.updates = Updates.Make;
    return t;
  }
}
