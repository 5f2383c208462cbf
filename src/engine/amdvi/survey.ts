/**
 * A look over everything a requester maps, beside the path of a request: for lists and maps. Changes nothing.
 */

import { GCR3_ENTRY, gcr3PasidBits } from "../../arch/amdvi/gcr3.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { fromHalves, highHalf, lowHalf } from "../../base/address.ts";
import type { ScanPlace, ScanRoot } from "../../pagetable/scan.ts";
import { End } from "../common/request.ts";
import { SurveyReader, UNKNOWN_CODE } from "../common/survey.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { type DeviceConfig, OUTPUT_BITS } from "./device_config.ts";
import { guestPermissions } from "./guest.ts";
import { For, hostPermissions } from "./host.ts";
import { Translation } from "./translation.ts";
import type { Translator } from "./translator.ts";

/** One table tree as a scan wants it, and what its entries mean. */
export interface RootSurvey {
  readonly scan: ScanRoot;
  readonly reader: SurveyReader;
  /** What a leaf allows a user's access, or the reason it allows none. */
  readonly verdict: (p: ScanPlace) => { readonly permissions: number; readonly reason: number };
  readonly badReason: (why: "reserved" | "address size" | "unreadable", code: number) => number;
}

/**
 * The tables of a stage of a resolved requester.
 * @param upper of a guest's tables the second half of the root, whose addresses end at 2^64; the first half else
 */
export function rootSurvey(
  translator: Translator,
  memory: PhysicalMemory,
  config: DeviceConfig,
  stage: 1 | 2,
  upper: boolean,
): RootSurvey {
  const root = stage === 1 ? config.guest : config.host;
  const entries = stage === 1 ? (root.rootMask + 1) / 2 : root.rootMask + 1;
  const at = root.rootHi * 0x1_0000_0000 + (root.rootLo >>> 0) + (upper ? entries * 8 : 0);
  const nested = stage === 1 && config.hostOn;
  return {
    scan: { fmt: root.fmt!, at, level: root.level, entries, outputBits: OUTPUT_BITS },
    reader: new SurveyReader(memory, {
      beneath: nested ? beneath(translator, config) : null,
      bigEndian: false,
      abort: R.TABLE_FETCH,
    }),
    verdict: ({ lo, hi, inherited }) => {
      const permissions =
        stage === 1
          ? guestPermissions(lo, hi, inherited, false, translator.caps)
          : hostPermissions(hi, inherited) & config.grants;
      return { permissions, reason: permissions !== 0 ? R.NONE : stage === 1 ? R.GUEST_USER : R.HOST_READ };
    },
    badReason: (why, code) => {
      if (why === "unreadable") return code === UNKNOWN_CODE ? R.NONE : code - 1;
      return stage === 1 ? R.GUEST_RESERVED : R.HOST_LEVEL;
    },
  };
}

/**
 * PASIDs with a valid entry in the guest CR3 table of a requester, in ascending order.
 * @param most of them that are listed; as many tables are looked at
 */
export function validPasids(
  translator: Translator,
  memory: PhysicalMemory,
  config: DeviceConfig,
  most: number,
): number[] {
  const found: number[] = [];
  const bits = Math.min(gcr3PasidBits(config.glx), translator.caps.pasidBits);
  let tables = most;
  const words = new Uint32Array(2);
  const look = (table: number, level: number, first: number, physical: boolean): void => {
    if (tables-- <= 0) return;
    const place = config.hostOn && !physical ? beneath(translator, config) : null;
    const reader = new SurveyReader(memory, { beneath: place, bigEndian: false, abort: R.GCR3_FETCH });
    const span = 512 ** level;
    for (let i = 0; i < 512 && first + i * span < 2 ** bits && found.length < most; i++) {
      if (reader.readEntry(table + 8 * i) !== 0) continue;
      [words[0], words[1]] = [reader.lo, reader.hi];
      if (GCR3_ENTRY.f.V.get(words, 0) === 0) continue;
      if (level === 0) found.push(first + i);
      else {
        look(GCR3_ENTRY.f.Address.address(words, 0), level - 1, first + i * span, false);
      }
    }
  };
  look(fromHalves(config.gcr3Hi, config.gcr3Lo), config.glx, 0, config.gcr3Physical);
  return found;
}

/** Where the host tables put a page of a guest's table, as `SurveyTables` wants it. */
function beneath({ host }: Translator, config: DeviceConfig): (at: number) => number {
  const t = new Translation();
  return (at) => {
    t.begin();
    if (host.translate(t, config, null, highHalf(at), lowHalf(at), For.Fetch)) {
      return fromHalves(host.paHi, host.paLo);
    }
    return t.end === End.Unknown ? -UNKNOWN_CODE : -(1 + t.reason);
  };
}
