/**
 * The requesters worth showing: those with a context entry that is present, known devices, and those with faults.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../../arch/vtd/pasid_entries.ts";
import { R, REASONS } from "../../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../../arch/vtd/root_context.ts";
import { Ttm } from "../../../engine/vtd/remapping_state.ts";
import type { RequestConfig } from "../../../engine/vtd/request_config.ts";
import type { StreamRow } from "../../../protocol/engine.ts";
import type { DeviceDescription } from "../../../protocol/machine.ts";
import { readWords } from "../../inspect/structure_words.ts";
import { entriesWhere } from "../../inspect/table_entries.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { type Context, contextOf, tagsOf } from "./context.ts";

/** PASIDs looked at for the whole list, and the most of them listed for one requester. */
const MAX_PASIDS_TRIED = 1 << 13;
const MAX_PASIDS = 64;
const BUSES = 256;
const PASIDS_OF_TABLE = 64;

/** What is left to try. */
interface Budget {
  pasids: number;
}

/** List requesters in ascending order of source id. `eventsOf` counts recorded faults of one. */
export function listStreams(
  unit: VtdUnit,
  devices: readonly DeviceDescription[],
  eventsOf: ReadonlyMap<number, number>,
): StreamRow[] {
  const budget: Budget = { pasids: MAX_PASIDS_TRIED };
  const byId = new Map(devices.map((device) => [device.sid, device]));
  const sids = new Set([...presentRequesters(unit), ...byId.keys(), ...eventsOf.keys()]);
  return [...sids]
    .sort((a, b) => a - b)
    .map((sid) => {
      const device = byId.get(sid);
      return {
        sid,
        bdf: device?.bdf ?? null,
        label: device?.label ?? null,
        ...describe(unit, sid, budget),
        events: eventsOf.get(sid) ?? 0,
      };
    });
}

function describe(unit: VtdUnit, sid: number, budget: Budget): Pick<StreamRow, "state" | "why" | "tags" | "ssids"> {
  const context = contextOf(unit, sid, null);
  const { config } = context;
  const ssids = config.scalable ? presentPasids(unit, config, budget) : [];
  if (context.ok) return { state: stateOf(config), why: null, tags: tagsOf(config), ssids };
  return { state: refusedState(context), why: whyNot(context), tags: [], ssids };
}

const stateOf = (config: RequestConfig): StreamRow["state"] =>
  config.first ? (config.second ? "nested" : "stage 1") : config.second ? "stage 2" : "bypass";

/** An entry that is not present is how software blocks a requester. */
function refusedState(context: Context & { ok: false }): StreamRow["state"] {
  if (context.unknown) return "unknown";
  const blocks: readonly number[] = [R.LRT_2, R.LCT_2, R.SRT_2_LOWER, R.SRT_2_UPPER, R.SCT_2, R.SPD_2, R.SPT_2];
  return [...blocks, R.ABORT_DMA].includes(context.reason) ? "abort" : "invalid";
}

const whyNot = (context: Context & { ok: false }): string =>
  context.unknown ? "The session does not hold the structures of this requester." : REASONS[context.reason]!.text;

/** Source ids whose context entry is present. */
function* presentRequesters(unit: VtdUnit): Generator<number> {
  const { state } = unit.remapper;
  const scalable = state.ttm === Ttm.Scalable;
  if (state.ttm === Ttm.AbortDma) return;
  const root = (state.rootHi >>> 0) * 0x1_0000_0000 + (state.rootLo >>> 0);
  for (let bus = 0; bus < BUSES; bus++) {
    const words = readWords(unit.memory, BigInt(root + 16 * bus), ROOT_ENTRY.bits / 8);
    if (words === null) continue;
    const s = SM_ROOT_ENTRY.f;
    if (!scalable) {
      const { P, CTP } = ROOT_ENTRY.f;
      if (P.get(words, 0) === 1)
        yield* presentEntries(unit, CTP.address(words, 0), CONTEXT_ENTRY.bits / 8, bus << 8, 256);
      continue;
    }
    const bytes = SM_CONTEXT_ENTRY.bits / 8;
    if (s.LP.get(words, 0) === 1) yield* presentEntries(unit, s.LCTP.address(words, 0), bytes, bus << 8, 128);
    if (s.UP.get(words, 0) === 1) yield* presentEntries(unit, s.UCTP.address(words, 0), bytes, (bus << 8) | 0x80, 128);
  }
}

/** Numbers, from `first` on, of the entries of a table whose bit 0 is set. */
function* presentEntries(
  { memory }: VtdUnit,
  at: number,
  bytes: number,
  first: number,
  count: number,
): Generator<number> {
  for (const i of entriesWhere(memory, { at, count, bytes }, (lo) => (lo & 1) === 1)) yield first + i;
}

/** PASIDs whose table entry is present, where requests with PASID are served. */
function presentPasids(unit: VtdUnit, config: RequestConfig, budget: Budget): number[] {
  const found: number[] = [];
  const c = SM_CONTEXT_ENTRY.f;
  if (c.P.get(config.context, 0) === 0 || c.PASIDE.get(config.context, 0) === 0) return found;
  const tables = 2 ** (c.PDTS.get(config.context, 0) + 7);
  const directory = c.PASIDDIRPTR.address(config.context, 0);
  for (const i of presentEntries(unit, directory, PASID_DIRECTORY_ENTRY.bits / 8, 0, tables)) {
    if (budget.pasids <= 0 || found.length >= MAX_PASIDS) break;
    budget.pasids -= PASIDS_OF_TABLE;
    const words = readWords(unit.memory, BigInt(directory + 8 * i), 8);
    if (words === null) continue;
    const table = PASID_DIRECTORY_ENTRY.f.SMPTBLPTR.address(words, 0);
    const bytes = PASID_TABLE_ENTRY.bits / 8;
    found.push(...presentEntries(unit, table, bytes, i * PASIDS_OF_TABLE, PASIDS_OF_TABLE));
  }
  return found.slice(0, MAX_PASIDS);
}
