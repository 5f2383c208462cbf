/**
 * The requesters worth showing: those whose device table entry translates, lets requests pass or is malformed, those of
 * known devices, and those with events.
 */
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { R, REASONS } from "../../../arch/amdvi/reasons.ts";
import { validPasids } from "../../../engine/amdvi/survey.ts";
import type { StreamRow } from "../../../protocol/engine.ts";
import type { DeviceDescription } from "../../../protocol/machine.ts";
import { entriesWhere } from "../../inspect/table_entries.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { type Context, contextOf, tagsOf } from "./context.ts";

/** Most PASIDs listed for one requester. */
const MAX_PASIDS = 64;

/** List requesters in ascending order of DeviceID. `eventsOf` counts recorded events of one. */
export function listStreams(
  unit: AmdviUnit,
  devices: readonly DeviceDescription[],
  eventsOf: ReadonlyMap<number, number>,
): StreamRow[] {
  const byId = new Map(devices.map((device) => [device.sid, device]));
  const ids = new Set([...liveRequesters(unit), ...byId.keys(), ...eventsOf.keys()]);
  return [...ids]
    .sort((a, b) => a - b)
    .map((sid) => ({
      sid,
      bdf: byId.get(sid)?.bdf ?? null,
      label: byId.get(sid)?.label ?? null,
      ...describe(unit, sid),
      events: eventsOf.get(sid) ?? 0,
    }));
}

type Description = Pick<StreamRow, "state" | "why" | "tags" | "ssids">;

function describe(unit: AmdviUnit, sid: number): Description {
  const context = contextOf(unit, sid, null);
  const { config } = context;
  const why = context.ok || context.passed ? null : whyNot(context);
  const known = config.guest.fmt !== null || config.host.fmt !== null || context.ok;
  return {
    state: stateOf(context),
    why,
    tags: known ? tagsOf(config, null) : [],
    ssids: config.guestOn ? validPasids(unit.translator, unit.memory, config, MAX_PASIDS) : [],
  };
}

function stateOf({ ok, passed, unknown, reason, config }: Context): StreamRow["state"] {
  if (passed) return "bypass";
  if (unknown) return "unknown";
  if (!ok) return reason === R.DTE_TV0 ? "abort" : "invalid";
  if (config.guestOn) return config.hostOn ? "nested" : "stage 1";
  if (config.hostOn) return "stage 2";
  return config.grants === 0 ? "abort" : "bypass";
}

const whyNot = ({ unknown, reason }: Context): string =>
  unknown ? "The session does not hold what its requests would read." : REASONS[reason]!.text;

/** DeviceIDs whose entry is valid and does more than abort. */
function* liveRequesters({ memory, translator }: AmdviUnit): Generator<number> {
  const words = new Uint32Array(2);
  const f = DTE.f;
  const lives = (lo: number, hi: number): boolean => {
    [words[0], words[1]] = [lo, hi];
    if (f.V.get(words, 0) === 0 || f.TV.get(words, 0) === 0) return false;
    const rights = f.IR.get(words, 0) + f.IW.get(words, 0);
    return f.Mode.get(words, 0) !== 0 || f.GV.get(words, 0) === 1 || rights !== 0;
  };
  for (const { first, at, count } of translator.devices.segments()) {
    for (const i of entriesWhere(memory, { at, count, bytes: DTE_BYTES }, lives)) yield first + i;
  }
}
