/** The table trees of one stage of a context, as lists and maps go over them, whatever the architecture. */
import type { SurveyReader } from "../../engine/common/survey.ts";
import type { ScanPlace, ScanRoot } from "../../pagetable/scan.ts";
import type { Upkeep } from "./upkeep.ts";

/** What a leaf allows, or the reason (index into the architecture's reasons) it allows nothing. */
interface LeafVerdict {
  /** Bit 0 read, 1 write, 2 execute; for an unprivileged access. */
  readonly permissions: number;
  readonly reason: number;
}

/** One table tree. */
export interface SourceRoot {
  readonly scan: ScanRoot;
  readonly reader: SurveyReader;
  readonly inputBits: number;
  /** High and low half of the input address at an offset of the tree's range. */
  inputAddress(offset: number): readonly [hi: number, lo: number];
  verdict(p: ScanPlace): LeafVerdict;
  /** Index of the reason for an entry that is broken; `code` as a reader gives it where it is unreadable. */
  badReason(why: "reserved" | "address size" | "unreadable", code: number, p: ScanPlace): number;
}

/** The trees of one stage, in ascending order of input address. */
export interface TableSource {
  readonly stage: 1 | 2;
  readonly roots: readonly SourceRoot[];
  /** A level as the architecture numbers it, from the format's. */
  levelOf(level: number): number;
}

/** What becomes of the output of a leaf in the stage beneath. */
export type Beneath =
  | { readonly type: "ok"; readonly pa: number; readonly permissions: number }
  | { readonly type: "fault"; readonly reason: number }
  | { readonly type: "unknown" };

/** The trees that a context's accesses meet first, and what comes after them. */
export interface LeafSource extends TableSource {
  /** Where the stage beneath takes an output address, for any kind of access; null where there is none. */
  readonly beneath: ((hi: number, lo: number) => Beneath) | null;
}

/** Input addresses that tables do not decide, or not alone. Rights are bit 0 read, 1 write, 2 execute. */
export interface UntranslatedRange {
  readonly from: number;
  /** One past the last byte. */
  readonly to: number;
  /** Rights to the memory at the same address. */
  readonly passes: number;
  /** Rights that the tables give all the same. */
  readonly translates: number;
}

/** All rights to all of a physical address space. */
export const passesAll = (addressBits: number): UntranslatedRange => {
  return { from: 0, to: 2 ** addressBits, passes: 7, translates: 0 };
};

/** The table trees of a context, made when somebody asks for them. */
export interface ContextTables {
  /** Accesses of the context get as far as its tables. */
  readonly resolved: boolean;
  /** Where ranges overlap, the last says what passes, and tables give what all of them leave to the tables. */
  readonly untranslated: () => readonly UntranslatedRange[];
  /** The trees of each stage; null where the context does not use it, or they cannot be reached. */
  readonly stages: readonly [first: (() => SourceRoot[]) | null, second: (() => SourceRoot[]) | null];
  readonly levelOf: TableSource["levelOf"];
  /** How software changes the tables of a stage that the context uses; null where this model cannot. */
  readonly upkeep: (stage: 1 | 2) => Upkeep | null;
  /** Where the second stage takes what the first gives. */
  readonly beneath: () => NonNullable<LeafSource["beneath"]>;
}

/** The trees of one stage; null when the context does not use it. */
export function stageSource({ stages, levelOf }: ContextTables, stage: 1 | 2): TableSource | null {
  const roots = stages[stage - 1] ?? null;
  return roots === null ? null : { stage, roots: roots(), levelOf };
}

/** The trees that accesses meet first: of the first stage where it translates, else of the second; null for none. */
export function leafSource(context: ContextTables): LeafSource | null {
  const [first, second] = context.stages;
  const source = context.resolved ? stageSource(context, first === null ? 2 : 1) : null;
  if (source === null) return null;
  return { ...source, beneath: first !== null && second !== null ? context.beneath() : null };
}

/** What tells the tables of a stage from others: where they begin, in what form, and in which tables they lie. */
export function tablesId(context: ContextTables, stage: 1 | 2): string | null {
  const source = stageSource(context, stage);
  if (source === null) return null;
  const own = source.roots.map(({ scan }) => `${scan.fmt.id} ${scan.level} ${scan.at}`).join();
  return stage === 1 ? `${own} in ${tablesId(context, 2)}` : own;
}
