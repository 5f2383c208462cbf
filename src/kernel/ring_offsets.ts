/** Rings in memory whose indexes are byte offsets from their base. */

/**
 * Offsets of the records from `head` up to `tail`, in order. Indexes come from registers, which may hold anything: they
 * are taken modulo the ring, down to the start of a record, so that there is at most one round.
 * @param bytes size of the ring, a multiple of `recordBytes`
 */
export function ringOffsets(head: number, tail: number, bytes: number, recordBytes: number): number[] {
  const within = (index: number): number => Math.floor((index % bytes) / recordBytes);
  const count = (within(tail) - within(head) + bytes / recordBytes) % (bytes / recordBytes);
  return Array.from({ length: count }, (_, i) => (within(head) * recordBytes + i * recordBytes) % bytes);
}
