/**
 * Every leaf a context maps, with what becomes of it after both stages, as columns.
 */
import {
  badReason,
  SurveyReader,
  scanRoot,
  stage1LeafVerdict,
  stage2LeafVerdict,
  UNKNOWN_CODE,
} from "../../engine/smmuv3/survey.ts";
import { End, EventClass, Translation } from "../../engine/smmuv3/translation.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { type ScanPlace, scan } from "../../pagetable/scan.ts";
import { type LeafColumns, LeafStatus } from "../../protocol/engine.ts";
import type { Machine } from "../machine.ts";
import { contextOf, type Half, halvesOf, inputAddress } from "./context.ts";

/** Most leaves of one answer. */
const MAX_LEAVES = 1 << 20;
const MAX_TABLES = 1 << 16;
/** Most table entries read for one answer: about half a second. */
const MAX_ENTRIES = 1 << 23;

/** Words of a row while it is collected. */
const W = {
  iovaHi: 0,
  iovaLo: 1,
  sizeLg2: 2,
  leafHi: 3,
  leafLo: 4,
  status: 5,
  reason: 6,
  permissions: 7,
  paHi: 8,
  paLo: 9,
} as const;
const ROW_WORDS = 10;

/** Rows as they are found; {@link columns} turns them into the answer. */
class Rows {
  #words = new Uint32Array(256 * ROW_WORDS);
  #count = 0;

  /** One row: where it is, then how it turns out. */
  add(
    [iovaHi, iovaLo]: readonly [number, number],
    sizeLg2: number,
    leaf: number,
    status: number,
    reason: number,
    permissions: number,
    pa: number,
  ): void {
    const at = this.#count++ * ROW_WORDS;
    if (at >= this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(
      [iovaHi, iovaLo, sizeLg2, high(leaf), low(leaf), status, reason, permissions, high(pa), low(pa)],
      at,
    );
  }

  columns(revision: number, truncated: boolean): LeafColumns {
    const count = this.#count;
    const words = (w: number): Uint32Array =>
      Uint32Array.from({ length: count }, (_, i) => this.#words[i * ROW_WORDS + w]!);
    const bytes = (w: number): Uint8Array => Uint8Array.from(words(w));
    return {
      revision,
      count,
      truncated,
      iovaLo: words(W.iovaLo),
      iovaHi: words(W.iovaHi),
      sizeLg2: bytes(W.sizeLg2),
      paLo: words(W.paLo),
      paHi: words(W.paHi),
      permissions: bytes(W.permissions),
      status: bytes(W.status),
      reason: Uint16Array.from(words(W.reason)),
      leafLo: words(W.leafLo),
      leafHi: words(W.leafHi),
    };
  }
}

const high = (at: number): number => Math.floor(at / 0x1_0000_0000);
const low = (at: number): number => (at % 0x1_0000_0000) >>> 0;

/** List the leaves of a context: of stage 1 where it translates, else of stage 2. */
export function listLeaves(machine: Machine, sid: number, ssid: number | null, revision: number): LeafColumns {
  const rows = new Rows();
  const context = contextOf(machine, sid, ssid);
  if (!context.ok || !(context.config.stage1 || context.config.stage2)) return rows.columns(revision, false);
  const { config } = context;
  const { smmu, memory } = machine;
  const t = new Translation();
  const stage = config.stage1 ? 1 : 2;
  const roots: Half[] = config.stage1 ? halvesOf(config) : [{ base: config.s2, upper: false }];
  let complete = true;

  for (const { base, upper } of roots) {
    const reader = new SurveyReader(smmu, memory, config, stage, base);
    const add = (p: ScanPlace, entries: number, status: number, reason: number, permissions = 0, pa = 0): void => {
      const sizeLg2 = entrySizeLg2(base.fmt!, p.level) + Math.floor(Math.log2(entries));
      rows.add(inputAddress(p.va, base, upper), sizeLg2, reader.physical(p.at), status, reason, permissions, pa);
    };
    const leaf = (p: ScanPlace): void => {
      const own =
        stage === 1
          ? stage1LeafVerdict(config, base, p.lo, p.hi, p.inherited)
          : stage2LeafVerdict(smmu, config, p.lo, p.hi);
      const out = p.out;
      if (own.permissions === 0) {
        add(p, 1, stage === 1 ? LeafStatus.Stage1Fault : LeafStatus.Stage2Fault, own.reason, 0, out);
      } else if (stage === 2 || !config.stage2) add(p, 1, LeafStatus.Ok, 0, own.permissions, out);
      else {
        t.begin();
        t.want = 7; // Any permission will do: the list shows what there is.
        if (smmu.stage2.translate(t, config, null, high(out), low(out), EventClass.IN)) {
          const pa = smmu.stage2.paHi * 0x1_0000_0000 + (smmu.stage2.paLo >>> 0);
          add(p, 1, LeafStatus.Ok, 0, own.permissions & t.permissions2, pa);
        } else if (t.end === End.Unknown) add(p, 1, LeafStatus.Unknown, 0);
        else add(p, 1, LeafStatus.Stage2Fault, t.reason);
      }
    };
    const whole = scan(
      scanRoot(base),
      reader,
      {
        enter: () => {},
        leave: () => {},
        leaf,
        bad: (p, why, code, entries) => {
          // A case that holds single words knows nothing of their neighbours: that is no row.
          if (code === UNKNOWN_CODE) return;
          const byStage2 = stage === 2 || (config.stage2 && why === "unreadable");
          const fault = byStage2 ? LeafStatus.Stage2Fault : LeafStatus.Stage1Fault;
          add(p, entries, fault, badReason(why, code, p.lo, p.level));
        },
      },
      { tables: MAX_TABLES, leaves: MAX_LEAVES, entries: MAX_ENTRIES },
    );
    complete &&= whole;
  }
  return rows.columns(revision, !complete);
}
