/**
 * The streams worth showing: those whose STE lets something happen, is malformed, or belongs to a known device.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { R, REASONS } from "../../../arch/smmuv3/reasons.ts";
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { fromHalves } from "../../../base/address.ts";
import type { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { steIllegal } from "../../../engine/smmuv3/ste_rules.ts";
import { fetchSte, level2Array, readStreamTable, spanReason } from "../../../engine/smmuv3/stream_table.ts";
import { End, Translation } from "../../../engine/smmuv3/translation.ts";
import type { StreamRow } from "../../../protocol/engine.ts";
import type { DeviceDescription } from "../../../protocol/machine.ts";
import { entriesWhere } from "../../inspect/table_entries.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { contextOf } from "./context.ts";

/** Most stream table entries looked at, and most rows answered. */
const MAX_ENTRIES = 1 << 20;
const MAX_ROWS = 1 << 17;
/** SubstreamIDs tried for the whole list, and the most of them listed for one stream. */
const MAX_SSIDS_TRIED = 1 << 13;
const MAX_SSIDS = 64;

/** What is left to try. */
interface Budget {
  ssids: number;
}

const STATES = ["abort", "abort", "abort", "abort", "bypass", "stage 1", "stage 2", "nested"] as const;

/** List streams in ascending order of StreamID. `eventsOf` counts recorded events of a stream. */
export function listStreams(
  unit: SmmuUnit,
  devices: readonly DeviceDescription[],
  eventsOf: ReadonlyMap<number, number>,
): StreamRow[] {
  const budget: Budget = { ssids: MAX_SSIDS_TRIED };
  const byId = new Map(devices.map((device) => [device.sid, device]));
  const rows: StreamRow[] = [];
  const wanted = [...new Set([...byId.keys(), ...eventsOf.keys()])];
  const sids = [...new Set([...liveStreams(unit), ...wanted])].sort((a, b) => a - b);
  for (const sid of sids) {
    if (rows.length >= MAX_ROWS) break;
    const device = byId.get(sid);
    rows.push({
      sid,
      bdf: device?.bdf ?? null,
      label: device?.label ?? null,
      ...describe(unit, sid, budget),
      events: eventsOf.get(sid) ?? 0,
    });
  }
  return rows;
}

type Description = Pick<StreamRow, "state" | "why" | "tags" | "ssids">;

function describe(unit: SmmuUnit, sid: number, budget: Budget): Description {
  const nothing = { tags: [], ssids: [] };
  const t = new Translation();
  t.sid = sid;
  t.begin();
  const ste = new Uint32Array(STE.bits / 32);
  const { caps, registers } = unit.smmu;
  if (!fetchSte(unit.memory, readStreamTable(registers, caps), true, t, null, ste)) {
    const unknown = t.end === End.Unknown;
    const why = unknown ? "The session does not hold this stream table entry." : REASONS[t.reason]!.text;
    return { ...nothing, state: unknown ? "unknown" : "invalid", why };
  }
  const illegal = steIllegal(ste, caps);
  if (illegal !== R.NONE) return { ...nothing, state: "invalid", why: REASONS[illegal]!.text };
  const config = STE.f.Config.get(ste, 0);
  const state = STATES[config]!;
  const vmid = config >= 6 ? [{ name: "VMID", value: STE.f.S2VMID.get(ste, 0) }] : [];
  if ((config & 5) !== 5) return { ...nothing, state, why: null, tags: vmid };
  const plain = contextOf(unit, sid, null);
  const asid = plain.ok && plain.config.stage1 ? [{ name: "ASID", value: CD.f.ASID.get(plain.config.cd, 0) }] : [];
  const why = plain.ok ? null : plain.unknown ? "The session does not hold its context." : REASONS[plain.reason]!.text;
  return { state, why, tags: [...asid, ...vmid], ssids: validSsids(unit, sid, STE.f.S1CDMax.get(ste, 0), budget) };
}

function validSsids(unit: SmmuUnit, sid: number, cdMax: number, budget: Budget): number[] {
  const found: number[] = [];
  if (unit.smmu.caps.ssidSize === 0 || cdMax === 0) return found;
  for (let ssid = 0; ssid < 2 ** cdMax && found.length < MAX_SSIDS && budget.ssids > 0; ssid++) {
    budget.ssids--;
    if (contextOf(unit, sid, ssid).ok) found.push(ssid);
  }
  return found;
}

/** StreamIDs whose STE is valid and does not just abort. */
function* liveStreams(unit: SmmuUnit): Generator<number> {
  const { memory, smmu } = unit;
  const table = readStreamTable(smmu.registers, smmu.caps);
  const base = fromHalves(table.baseHi, table.baseLo);
  if (table.split === null) {
    yield* liveEntries(memory, base, Math.min(2 ** table.log2Size, MAX_ENTRIES));
    return;
  }
  const { split } = table;
  const l1std = new Uint32Array(L1STD.bits / 32);
  const leads = (lo: number, hi: number): boolean => {
    [l1std[0], l1std[1]] = [lo, hi];
    return spanReason(L1STD.f.Span.get(l1std, 0), 0, split) === R.NONE;
  };
  const entries = Math.min(2 ** Math.max(0, table.log2Size - split), MAX_ENTRIES);
  const level1 = { at: base, count: entries, bytes: L1STD.bits / 8 };
  let budget = MAX_ENTRIES;
  for (const i of entriesWhere(memory, level1, leads)) {
    const count = Math.min(2 ** (L1STD.f.Span.get(l1std, 0) - 1), 2 ** table.log2Size, budget);
    if (count === 0) return;
    budget -= count;
    for (const j of liveEntries(memory, fromHalves(...level2Array(l1std, 0)), count)) yield i * 2 ** split + j;
  }
}

/** Numbers of the STEs of an array that are valid and do not just abort. */
function liveEntries(memory: PhysicalMemory, at: number, count: number): Generator<number> {
  const words = new Uint32Array(2);
  return entriesWhere(memory, { at, count, bytes: STE.bits / 8 }, (lo) => {
    words[0] = lo;
    return STE.f.V.get(words, 0) === 1 && STE.f.Config.get(words, 0) >= 4;
  });
}
