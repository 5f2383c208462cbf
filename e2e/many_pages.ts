/** Sessions that map very many pages, as files to open. */
import { formatScenario } from "../src/scenario/document.ts";

/**
 * A session with one stream whose stage 1 maps `tables` times 512 pages: so many entries of level-2 tables lead to the same
 * level-3 table. Bits by IHI 0070 §5.2 and §5.4, DDI 0487 §D8.3.
 */
export function manyPages(tables: number): Buffer {
  const [ste, cd, level0, level1, level3] = [0x1000n, 0x2000n, 0x3000n, 0x4000n, 0x5000n] as const;
  /** Tables of level 2, one after the other. */
  const level2 = Array.from({ length: Math.ceil(tables / 512) }, (_, i) => 0x6000n + 0x1000n * BigInt(i));
  const filled = (entries: readonly bigint[]): bigint[] => [
    ...entries,
    ...Array<bigint>(512 - entries.length).fill(0n),
  ];
  const table = (at: bigint, entries: readonly bigint[]) => ({
    at,
    bytes: new Uint8Array(BigUint64Array.from(entries).buffer),
  });
  const pageOf = (i: number): bigint => (0x4000_0000n + BigInt(i) * 0x1000n) | 0x743n;
  // STE: V, Config 0b101 (stage 1), S1ContextPtr. CD: T0SZ 16, EPD1, V, IPS 48 bits, AA64, R, A, ASID 1; then TTB0.
  const steWords = [cd | (0b101n << 1n) | 1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
  const cdHead = 16n | (1n << 30n) | (1n << 31n) | (5n << 32n) | (1n << 41n) | (3n << 45n) | (1n << 48n);
  return Buffer.from(
    formatScenario({
      title: "many pages",
      about: "",
      machine: {
        arch: "smmuv3",
        registers: {
          IDR0: 0x0d44101bn,
          IDR1: 0x02730010n,
          IDR3: 0n,
          IDR5: 0x75n,
          CR0: 1n,
          CR2: 0n,
          STRTAB_BASE: ste,
          STRTAB_BASE_CFG: 0n,
        },
        memory: {
          outside: "unknown",
          zero: [],
          segments: [
            table(ste, steWords),
            table(cd, [cdHead, level0, 0n, 0xffn, 0n, 0n, 0n, 0n]),
            table(level0, filled([level1 | 3n])),
            table(level1, filled(level2.map((at) => at | 3n))),
            ...level2.map((at, i) =>
              table(at, filled(Array<bigint>(Math.min(512, tables - 512 * i)).fill(level3 | 3n))),
            ),
            table(
              level3,
              Array.from({ length: 512 }, (_, i) => pageOf(i)),
            ),
          ],
        },
        devices: [],
      },
      actions: [],
      recorded: { accesses: [], events: [] },
    }),
  );
}
