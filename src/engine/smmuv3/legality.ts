/**
 * Whether an STE, and a CD beneath it, are ILLEGAL (IHI 0070 §5.5). The rules ask the words and the capabilities and nothing
 * else: words that were asked about last get the same answer without asking again.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { Capabilities } from "./capabilities.ts";
import { cdIllegal } from "./cd_rules.ts";
import { steIllegal } from "./ste_rules.ts";
import type { StreamWorld } from "./stream_config.ts";

export class Legality {
  readonly #caps: Capabilities;
  readonly #ste = new Uint32Array(STE.bits / 32);
  #steReason: number;
  readonly #cd = new Uint32Array(CD.bits / 32);
  /** The STE and the world that the CD was beneath. */
  readonly #above = new Uint32Array(STE.bits / 32);
  #world: StreamWorld | null = null;
  #cdReason = 0;

  constructor(caps: Capabilities) {
    this.#caps = caps;
    this.#steReason = steIllegal(this.#ste, caps);
  }

  /** @returns the first rule that an STE breaks, R.NONE for none */
  ofSte(ste: Uint32Array): number {
    if (!same(ste, this.#ste)) {
      this.#ste.set(ste);
      this.#steReason = steIllegal(ste, this.#caps);
    }
    return this.#steReason;
  }

  /** @returns the first rule that a CD breaks, R.NONE for none */
  ofCd(cd: Uint32Array, ste: Uint32Array, world: StreamWorld): number {
    if (world !== this.#world || !same(cd, this.#cd) || !same(ste, this.#above)) {
      this.#world = world;
      this.#cd.set(cd);
      this.#above.set(ste);
      this.#cdReason = cdIllegal(cd, { caps: this.#caps, ste, world });
    }
    return this.#cdReason;
  }
}

function same(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
