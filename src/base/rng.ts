/**
 * xorshift32: a small seeded generator for tests, benchmarks and seeded scenarios.
 *
 * @param seed any 32-bit number but 0
 * @returns a function that gives the next value, uniform over 1 to 2^32 - 1
 */
export function xorshift32(seed: number): () => number {
  let x = seed >>> 0;
  return () => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x;
  };
}
