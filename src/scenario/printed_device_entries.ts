/**
 * A session from printed device table entries of AMD-Vi: the four words that Linux prints with an event about an entry,
 * or a row of the debugfs file `devtbl`. AMD IOMMU specification 48882 §2.2.2.
 *
 * Nothing prints what an entry points to, so that such a session shows what the entry itself decides.
 */
import { DEVTAB_BASE } from "../arch/amdvi/buffer_registers.ts";
import { CONTROL } from "../arch/amdvi/control_registers.ts";
import { DTE } from "../arch/amdvi/dte.ts";
import { bdfOf, ridOf } from "../arch/requester_id.ts";
import { encodeFields, type FieldNumbers } from "../base/encode.ts";
import { join } from "../base/halves.ts";
import type { Layout } from "../base/layout.ts";
import type { AmdDteEntry, AmdEventEntry } from "../decode/amdvi/entries.ts";
import { numberOf } from "../decode/description.ts";
import type { DecodedEntry } from "../decode/entry.ts";
import { halvesOf } from "../decode/printed_fields.ts";
import type { Access, SessionDocument } from "../protocol/machine.ts";
import { LIMITS } from "./limits.ts";

const PRESET = "full";
/** Where the table is put, and its pages of 4 KiB, minus 1: room for every device. */
const TABLE = 0x1000_0000;
const WHOLE = 511;
const ENTRY_BYTES = DTE.bits / 8;

/** An entry, whose it is, and the requests that events tell of. */
interface PrintedDevice {
  readonly rid: number;
  readonly words: Uint32Array;
  readonly accesses: Access[];
}

/** The session that printed device table entries make; null where none can be given to a device. */
export function sessionOfDeviceEntries(entries: readonly DecodedEntry[]): SessionDocument | null {
  const devices = printedDevices(entries);
  const first = devices[0];
  if (first === undefined) return null;
  const accesses = devices.flatMap((device) => device.accesses).slice(0, LIMITS.recorded);
  const hasGuestTables = devices.some(({ words }) => DTE.f.GV.get(words, 0) === 1);
  return {
    title: `Printed device table entry of ${bdfOf(first.rid)}`,
    about: `${devices.length === 1 ? "One entry" : `${devices.length} entries`} of the device table. What they point to was not printed. The unit's capabilities are a preset's.`,
    machine: {
      arch: "amdvi",
      preset: PRESET,
      registers: {
        DEVTAB_BASE: wordOf(DEVTAB_BASE, { DevTabBase: TABLE, Size: WHOLE }),
        CONTROL: wordOf(CONTROL, { IommuEn: 1, GTEn: hasGuestTables ? 1 : 0 }),
      },
      memory: {
        outside: "unknown",
        zero: [],
        segments: devices
          .toSorted((a, b) => a.rid - b.rid)
          .map(({ rid, words }) => ({ at: BigInt(TABLE + ENTRY_BYTES * rid), bytes: new Uint8Array(words.buffer) })),
      },
      devices: devices.map(({ rid }) => ({ sid: rid, bdf: `0000:${bdfOf(rid)}`, label: "" })),
    },
    actions: [],
    recorded: {
      accesses: accesses.map((access) => ({ access, pa: null, result: "refused", source: "printed events" })),
      events: [],
    },
    view: { access: accesses[0] ?? readOf(first.rid) },
  };
}

/** Where nothing tells of a request: a read of address 0, which the entry decides about first. */
const readOf = (sid: number): Access => ({
  sid,
  ssid: null,
  iova: 0n,
  write: false,
  privileged: false,
  instruction: false,
});

/** Each device's first entry. One that names no device belongs to the event before it. */
function printedDevices(entries: readonly DecodedEntry[]): PrintedDevice[] {
  const devices = new Map<number, PrintedDevice>();
  let before: number | null = null;
  for (const entry of entries) {
    if (entry.type === "amd-event") before = ridOf(entry.device ?? "");
    if (entry.type !== "amd-dte") continue;
    const rid = typeof entry.device === "string" ? ridOf(entry.device) : before;
    if (rid !== null && !devices.has(rid)) devices.set(rid, { rid, words: wordsOf(entry), accesses: [] });
  }
  for (const entry of entries) {
    if (entry.type !== "amd-event") continue;
    const device = devices.get(ridOf(entry.device ?? "") ?? -1);
    const access = device === undefined ? null : accessOf(entry, device.rid);
    if (access !== null) device?.accesses.push(access);
  }
  return [...devices.values()];
}

const wordsOf = ({ words }: AmdDteEntry): Uint32Array =>
  halvesOf(
    (words ?? []).map((word) => BigInt(`0x${word}`)),
    DTE.bits,
  );

/** The request of an event; null for one that tells of no address, and for an interrupt. */
function accessOf({ address, bits, pasid }: AmdEventEntry, sid: number): Access | null {
  const iova = numberOf(address);
  if (iova === null || bits === undefined || bits.I === 1) return null;
  return {
    ...readOf(sid),
    ssid: bits.GN === 1 ? Number(numberOf(pasid) ?? 0n) : null,
    iova,
    write: bits.RW === 1,
  };
}

function wordOf(layout: Layout, fields: FieldNumbers): bigint {
  const [lo = 0, hi = 0] = encodeFields(layout, fields);
  return join(hi, lo);
}
