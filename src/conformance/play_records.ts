/** Compares event and fault records with recorded ones, under masks, bit by bit. */
import type { Unit } from "../machine/unit.ts";
import { corrected } from "./record_quirks.ts";
import { hexBytes } from "./text.ts";
import type { Step } from "./vectors.ts";

/** A record as 32-bit words, lowest first, with its name. */
function recordText(unit: Unit, bytes: Uint8Array): string {
  const { name } = unit.inspect.record(new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer));
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => hexBytes(bytes.slice(4 * i, 4 * i + 4).reverse()));
  return `${name} [${words.join(" ")}]`;
}

/** Runs of bits, numbered over the whole record, in which two records differ under a mask. */
function differingBits(a: Uint8Array, b: Uint8Array, mask: Uint8Array): string {
  const runs: [number, number][] = [];
  for (let bit = 0; bit < 8 * Math.max(a.length, b.length); bit++) {
    const byte = bit >> 3;
    const differ = ((a[byte] ?? 0) ^ (b[byte] ?? 0)) & (mask[byte] ?? 0xff) & (1 << (bit & 7));
    if (differ === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === bit - 1) last[1] = bit;
    else runs.push([bit, bit]);
  }
  return runs.map(([lo, hi]) => (lo === hi ? `${lo}` : `${hi}:${lo}`)).join(", ");
}

/**
 * The records posted since the last such step; the difference, or null when they agree.
 * @param tags of the case, for what is known of its recorder
 * @param afterTransfer a transaction came since then
 */
export function playRecords(
  unit: Unit,
  step: Step & { type: "events" },
  tags: readonly string[],
  afterTransfer: boolean,
): string | null {
  const recorded = step.records.map((record, i) => {
    return { record, mask: step.masks?.[i] ?? new Uint8Array(record.length).fill(0xff) };
  });
  const expected = corrected(unit.arch, tags, recorded, afterTransfer);
  const got = unit.takeRecords();
  if (got.length !== expected.length) {
    const list = (records: readonly Uint8Array[]) =>
      records.length === 0 ? "none" : records.map((record) => recordText(unit, record)).join(", ");
    return `events: expected ${list(expected.map(({ record }) => record))}; got ${list(got)}`;
  }
  for (const [i, { record, mask }] of expected.entries()) {
    const bits = differingBits(record, got[i]!, mask);
    if (bits === "") continue;
    return `event ${i}: bits ${bits} differ: expected ${recordText(unit, record)}; got ${recordText(unit, got[i]!)}`;
  }
  return null;
}
