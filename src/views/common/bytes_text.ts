/** Amounts of memory in words. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Such as `252 KiB`; whole numbers up to 1023 of a unit. */
export function bytesText(bytes: number): string {
  if (bytes < 1) return "0 B";
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const count = bytes / 2 ** (10 * unit);
  return `${count.toFixed(count >= 100 || Number.isInteger(count) ? 0 : 1)} ${UNITS[unit]}`;
}
