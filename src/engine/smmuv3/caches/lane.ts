/**
 * What the quickest ways through the caches have in common.
 *
 * A lane's look-up is a closure over arrays that never change place: an engine of which a realm has one needs no check
 * then of where they are or how long. Numbers stand for names in it, since a module's own constants would be fetched from
 * memory; a test holds them to their names.
 */
import type { Translation } from "../translation.ts";

/** Answers a transaction, or not; nothing is decided where it returns false. */
export type LookUp = (t: Translation) => boolean;

/** There is nothing to look into. */
export const NO_LOOK_UP: LookUp = () => false;

/** No StreamID, or no SubstreamID. */
export const NONE = -1;

/** Words of a lane's state: engines keep smaller arrays among their objects, which move. */
export const STATE_WORDS = 32;
