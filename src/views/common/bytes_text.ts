/** Amounts of memory in words. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/** In the largest unit of which it is a whole number, such as `1028 KiB`: nothing is rounded. */
export function exactBytesText(bytes: number): string {
  let [count, unit] = [bytes, 0];
  while (count > 0 && count % 1024 === 0 && unit < UNITS.length - 1) [count, unit] = [count / 1024, unit + 1];
  return `${count} ${UNITS[unit]}`;
}

/** Such as `252 KiB` or `16.5 MiB`; rounded, to whole numbers from 100 of a unit. */
export function bytesText(bytes: number | bigint): string {
  if (bytes < 1) return "0 B";
  const lg2 = BigInt(bytes).toString(2).length - 1;
  const unit = Math.min(UNITS.length - 1, Math.floor(lg2 / 10));
  const count = Number(bytes) / 2 ** (10 * unit);
  return `${count.toFixed(count >= 100 || Number.isInteger(count) ? 0 : 1)} ${UNITS[unit]}`;
}
