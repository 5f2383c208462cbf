/**
 * When a device table entry is illegal (48882 §2.2.2.1, §2.5.2): one predicate for each rule that `arch/amdvi/reasons.ts`
 * names, evaluated in that order. The inspector's lint asks for all that are broken, a translation for the first.
 *
 * CHOICE(DTE_UNUSED): fields of a feature that is absent or switched off are not looked at.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { DTE_REASONS, R } from "../../arch/amdvi/reasons.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Controls } from "./controls.ts";

const f = DTE.f;

/** What a rule may look at beside the entry. */
export interface DteContext {
  readonly caps: Capabilities;
  readonly controls: Controls;
}

type Rule = (w: Uint32Array, context: DteContext) => boolean;

/** The entry asks for guest translation, and the IOMMU does it. */
export const translatesGuest = (w: Uint32Array, { caps, controls }: DteContext): boolean =>
  caps.gtSup && controls.gtEn && f.GV.get(w, 0) === 1;

const guestRule =
  (rule: Rule): Rule =>
  (w, context) =>
    translatesGuest(w, context) && rule(w, context);

/** Mode of the deepest tables; 7 is reserved. */
const MOST_MODE = 6;

const RULES: Readonly<Record<(typeof DTE_REASONS)[number]["id"], Rule>> = {
  DTE_RSVD_6_2: (w) => f._6_2.get(w, 0) !== 0,
  DTE_RSVD_63: (w) => f._63.get(w, 0) !== 0,
  DTE_RSVD_181: (w) => f._181_180.get(w, 0) !== 0,
  DTE_RSVD_206: (w) => f._206_192.get(w, 0) !== 0,
  DTE_RSVD_245: (w) => f._245_240.get(w, 0) !== 0,
  DTE_MODE: (w, { caps }) => f.TV.get(w, 0) === 1 && f.Mode.get(w, 0) > Math.min(MOST_MODE, caps.hostLevels),
  DTE_HAD: (w, { caps }) => caps.haSup && f.HAD.get(w, 0) === 2,
  DTE_GLX: guestRule((w, { caps }) => f.GLX.get(w, 0) > caps.glxSup),
  DTE_GUEST_PAGING: guestRule((w, { caps }) => f.GuestPagingMode.get(w, 0) > (caps.fiveLevels ? 1 : 0)),
};

const INDEXED = DTE_REASONS.map(({ id }) => [R[id], RULES[id]] as const);
/** Rules about reserved bits: the event says so (RZ). */
const RESERVED = new Set(DTE_REASONS.filter(({ field }) => field.startsWith("_")).map(({ id }) => R[id]));

/** Index of the reason why an entry with V set is illegal, or R.NONE. */
export function dteIllegal(w: Uint32Array, context: DteContext): number {
  for (const [reason, broken] of INDEXED) if (broken(w, context)) return reason;
  return R.NONE;
}

/** Every rule that an entry breaks; none where V is 0. */
export const dteBrokenRules = (w: Uint32Array, context: DteContext): number[] =>
  f.V.get(w, 0) === 0 ? [] : INDEXED.filter(([, broken]) => broken(w, context)).map(([reason]) => reason);

/** The rule is about a reserved bit, not about an encoding. */
export const isReservedBit = (reason: number): boolean => RESERVED.has(reason);
