/**
 * What a driver does wrong on purpose, so that a debugger can be seen to catch it.
 */
import type { Mistake } from "../../protocol/software.ts";

/** The mistakes of one driver. */
export type Mistakes = ReadonlySet<Mistake>;

/** A driver as it should be. */
export const NO_MISTAKES: Mistakes = new Set();
