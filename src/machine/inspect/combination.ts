/**
 * What each stage says of an access and what both come to: rights by who asks, and whatever else an architecture has.
 *
 * Rights are read from the trace of walks that change nothing: those of this access and of accesses that differ in who
 * asks for what, because a walk that is refused may not reach the leaf.
 */
import type { TraceRecorder } from "../../engine/common/trace_recorder.ts";
import type { CombinedProperty, Outcome, StageSummary } from "../../protocol/engine.ts";
import type { Access } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";

/** Rights by the leaf of each stage, as sets of bit 0 read, 1 write, 2 execute; null where no leaf was reached. */
interface LeafRights {
  readonly first: number | null;
  readonly second: number | null;
}

/** The stages that translate. */
interface Stages {
  readonly stage1: StageSummary | null;
  readonly stage2: StageSummary | null;
}

/** The records of an access translated without effect. */
type Probe = (access: Access) => Uint32Array;

/** @param translate without effect on the machine */
export const probing =
  (recorder: TraceRecorder, translate: (access: Access, trace: TraceRecorder) => unknown): Probe =>
  (access) => {
    recorder.begin(0);
    translate(access, recorder);
    return recorder.take();
  };

const WANTS = [
  { write: false, instruction: false },
  { write: true, instruction: false },
  { write: false, instruction: true },
] as const;

/** Accesses to the same place by whoever may ask for whatever: between them they reach every leaf that rights come from. */
export const byAnyone = (access: Access): Access[] =>
  [false, true].flatMap((privileged) => WANTS.map((wants) => ({ ...access, privileged, ...wants })));

/**
 * Rights of the leaves that translate an access, a row for each privilege where they differ; of what a cache answered in
 * place of the leaves, as far as it tells.
 * @param section where the architecture says how rights of both stages combine
 */
export function rightsOf(
  probe: Probe,
  { access, outcome, ...stages }: Stages & { readonly access: Access; readonly outcome: Outcome },
  section: string,
): CombinedProperty[] {
  // What a cache answers need not be what the leaves say now.
  if (outcome.type === "ok" && readsNoLeaf(probe(access))) return cachedRights(outcome, section);
  const [user, privileged] = [false, true].map((privileged) => leafRights(probe, { ...access, privileged }, stages));
  // Who is refused on the way to a leaf that the other reaches has no rights by it.
  const whole = (of: LeafRights, other: LeafRights): LeafRights => ({
    first: stages.stage1 === null ? null : (of.first ?? (other.first === null ? null : 0)),
    second: stages.stage2 === null ? null : (of.second ?? other.second),
  });
  const [forUser, forPrivileged] = [whole(user!, privileged!), whole(privileged!, user!)];
  if (forUser.first === null && forUser.second === null) return [];
  const want = access.write ? 2 : access.instruction ? 4 : 1;
  const row = (name: string, rights: LeafRights, asks = true): CombinedProperty =>
    rightsRow(name, rights, stages, asks ? rightsText(want) : null, section);
  const same = forUser.first === forPrivileged.first && forUser.second === forPrivileged.second;
  return same
    ? [row("Rights", forUser)]
    : [row("Unprivileged", forUser, !access.privileged), row("Privileged", forPrivileged, access.privileged)];
}

const readsNoLeaf = (trace: Uint32Array): boolean =>
  leafIn(trace, TracePhase.Table, 1) === null && leafIn(trace, TracePhase.Output, 2) === null;

function cachedRights(outcome: Outcome, section: string): CombinedProperty[] {
  if (outcome.type !== "ok" || outcome.bypass) return [];
  const together = rightsText(outcome.permissions);
  const why = "A cache answered, which keeps no more than this";
  return [{ name: "Rights", asked: null, stage1: null, stage2: null, together, why, section }];
}

/** Rights by the first walk that reaches the leaf, for each stage. */
function leafRights(probe: Probe, access: Access, { stage1, stage2 }: Stages): LeafRights {
  let first: number | null = null;
  let second: number | null = null;
  for (const wants of WANTS) {
    if ((stage1 === null || first !== null) && (stage2 === null || second !== null)) break;
    const trace = probe({ ...access, ...wants });
    first ??= leafIn(trace, TracePhase.Table, 1);
    second ??= leafIn(trace, TracePhase.Output, 2);
  }
  return { first, second };
}

/** Rights of the last descriptor of a stage in a part of the walk, where it is a leaf. */
function leafIn(trace: Uint32Array, phase: TracePhase, stage: 1 | 2): number | null {
  const { f } = TRACE;
  for (let at = trace.length - TRACE_WORDS; at >= 0; at -= TRACE_WORDS) {
    if (f.kind.get(trace, at) !== TraceKind.Descriptor) continue;
    if (f.phase.get(trace, at) !== phase || f.stage.get(trace, at) !== stage) continue;
    const verdict = f.verdict.get(trace, at);
    const maps = f.sizeLg2.get(trace, at) > 0 && verdict !== TraceVerdict.Next && verdict !== TraceVerdict.Unknown;
    return maps ? f.permissions.get(trace, at) : null;
  }
  return null;
}

function rightsRow(
  name: string,
  { first, second }: LeafRights,
  stages: Stages,
  asked: string | null,
  section: string,
): CombinedProperty {
  const withheld = (by: StageSummary | null, rights: number): string[] =>
    by === null || rights === 0 ? [] : [`${by.name} withholds ${rightsText(rights).replaceAll("–", "")}`];
  const [one, two] = [first ?? 7, second ?? 7];
  return {
    name,
    asked,
    stage1: first === null ? null : rightsText(first),
    stage2: second === null ? null : rightsText(second),
    together: rightsText(one & two),
    why: [...withheld(stages.stage1, two & ~one), ...withheld(stages.stage2, one & ~two)].join("; "),
    section,
  };
}

/** Such as "rw–". */
const rightsText = (rights: number): string =>
  ["r", "w", "x"].map((letter, bit) => (((rights >>> bit) & 1) === 1 ? letter : "–")).join("");

/**
 * Whether an access that passed snoops the caches of processors, where a stage may force it to.
 * @param forced the reason that the trace has where an access snoops though it asks not to
 * @param by what decides, such as "PGSNP"
 */
export function snoopingOf(
  probe: Probe,
  { access, outcome, stage2 }: Stages & { readonly access: Access; readonly outcome: Outcome },
  { forced, by, section }: { readonly forced: number; readonly by: string; readonly section: string },
): CombinedProperty[] {
  if (outcome.type !== "ok") return [];
  const trace = probe({ ...access, noSnoop: true });
  const forces = TRACE.f.reason.get(trace, trace.length - TRACE_WORDS) === forced;
  const says = forces ? `${by} forces it` : `${by} leaves it to the device`;
  const asks = access.noSnoop !== true;
  return [
    {
      name: "Snooping",
      asked: asks ? "snoops" : "No Snoop",
      stage1: stage2 === null ? says : null,
      stage2: stage2 === null ? null : says,
      together: asks || forces ? "snoops" : "does not snoop",
      why: !asks && forces ? `${by} overrides the device` : "",
      section,
    },
  ];
}
