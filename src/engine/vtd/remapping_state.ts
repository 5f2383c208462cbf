/**
 * What translation has to know of the registers: kept apart from them, for hardware latches it by a command of its own
 * (GCMD.SRTP and GCMD.TE, VT-d §11.4.4).
 */

/** Translation Table Mode (RTADDR.TTM). */
export const Ttm = { Legacy: 0, Scalable: 1, Reserved: 2, AbortDma: 3 } as const;

export class RemappingState {
  /** GSTS.TES. */
  enabled = false;
  /** A code of {@link Ttm}. */
  ttm = 0;
  /** Root table, bits [63:12] of its address, as signed halves. */
  rootHi = 0;
  rootLo = 0;
  /** Whether an address lies in a protected memory region that is in force (§3.15). */
  protects: (hi: number, lo: number) => boolean = () => false;
}
