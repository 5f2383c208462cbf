/**
 * Fault reasons of Intel VT-d in short words, and the words other programs print for them.
 * VT-d specification §7.1.3 (legacy mode and interrupt remapping), §7.1.4 (scalable mode).
 */

/** Which table a reason is of. */
export type ReasonTable = "legacy" | "interrupt-remapping" | "scalable";

/** What a reason means. */
export interface ReasonMeaning {
  readonly table: ReasonTable;
  readonly meaning: string;
}

const MEANINGS: Readonly<Record<number, string>> = {
  1: "root entry not present",
  2: "context entry not present",
  3: "invalid context entry",
  4: "address beyond the address width",
  5: "write without write permission",
  6: "read without read permission",
  7: "paging entry cannot be accessed",
  8: "root table cannot be accessed",
  9: "context table cannot be accessed",
  10: "reserved field set in root entry",
  11: "reserved field set in context entry",
  12: "reserved field set in paging entry",
  13: "translated or translation request blocked by context entry",
  14: "interrupt message address in the output of a translation",
  32: "reserved field set in interrupt request",
  33: "interrupt index beyond the table",
  34: "IRTE not present",
  35: "interrupt remapping table cannot be accessed",
  36: "reserved field set in IRTE",
  37: "compatibility-format request blocked",
  38: "source-id check failed",
  39: "posted interrupt descriptor cannot be accessed",
  40: "reserved field set in posted interrupt descriptor",
  48: "invalid translation table mode",
  49: "request with PASID in legacy mode",
  50: "page group response in legacy mode",
  56: "root entry cannot be accessed",
  57: "root entry not present",
  58: "reserved field set in root entry",
  64: "context entry cannot be accessed",
  65: "context entry not present",
  66: "reserved field set in context entry",
  67: "invalid context entry",
  68: "device TLB not enabled in context entry",
  69: "PASID not enabled in context entry",
  70: "PASID beyond the PASID directory",
  71: "page requests not enabled in context entry",
  72: "RID_PASID error in context entry",
  80: "PASID directory entry cannot be accessed",
  81: "PASID directory entry not present",
  82: "reserved field set in PASID directory entry",
  88: "PASID table entry cannot be accessed",
  89: "PASID table entry not present",
  90: "reserved field set in PASID table entry",
  91: "invalid PASID table entry",
  92: "execute requests not enabled in PASID table entry",
  93: "supervisor requests not enabled in PASID table entry",
  112: "first-stage paging entry cannot be accessed",
  113: "first-stage paging entry not present",
  114: "reserved field set in first-stage paging entry",
  115: "first-stage root table cannot be accessed",
  116: "first-stage table address beyond the second stage's width",
  117: "first-stage root table not readable in the second stage",
  118: "first-stage table not readable in the second stage",
  119: "first-stage table not writable in the second stage",
  120: "second-stage paging entry cannot be accessed",
  121: "second-stage paging entry not present",
  122: "reserved field set in second-stage paging entry",
  123: "second-stage root table cannot be accessed",
  124: "accessed or dirty flag update blocked in the second stage",
  128: "address not canonical",
  129: "user request to a supervisor page",
  130: "execute without execute permission",
  131: "address beyond the first stage's width",
  132: "address beyond the second stage's width",
  133: "write without write permission",
  134: "read without read permission",
  135: "interrupt message address in the output of a translation",
  144: "accessed or dirty flag update blocked in the first stage",
};

/** What reason `code` means; null for a code that neither table has. */
export function reasonMeaning(code: number): ReasonMeaning | null {
  const meaning = MEANINGS[code];
  if (meaning === undefined) return null;
  return { table: code < 0x20 ? "legacy" : code < 0x30 ? "interrupt-remapping" : "scalable", meaning };
}

/** Words of Linux and Xen, where a paste holds no number; the scalable ones first, as they hold the others. */
const WORDS: readonly (readonly [RegExp, number])[] = [
  [/first-level paging entry is clear/i, 0x71],
  [/reserved field set in first-level paging entry/i, 0x72],
  [/reserved field set in second-level paging entry/i, 0x7a],
  [/permission error in second-level paging entry/i, 0x79],
  [/present bit in directory entry is clear/i, 0x51],
  [/present bit in pasid table entry is clear/i, 0x59],
  [/reserved field set in pasid table entry/i, 0x5a],
  [/invalid scalable-mode pasid table entry/i, 0x5b],
  [/SM: present bit in root entry is clear/i, 0x39],
  [/SM: present bit in context entry is clear/i, 0x41],
  [/present bit in root entry is clear/i, 1],
  [/present bit in context entry is clear/i, 2],
  [/invalid context entry/i, 3],
  [/access beyond MGAW/i, 4],
  [/pte write access is not set/i, 5],
  [/pte read access is not set/i, 6],
  [/next page table ptr is invalid/i, 7],
  [/root table address invalid/i, 8],
  [/context table ptr is invalid/i, 9],
  [/non-zero reserved fields in RTP/i, 10],
  [/non-zero reserved fields in CTP/i, 11],
  [/non-zero reserved fields in PTE/i, 12],
  [/translation request specifies blocking/i, 13],
  [/reserved fields in the decoded interrupt-remapped request/i, 0x20],
  [/index exceeded the interrupt-remapping table size/i, 0x21],
  [/present field in the IRTE entry is clear/i, 0x22],
  [/error accessing interrupt-remapping table/i, 0x23],
  [/reserved fields in the IRTE entry/i, 0x24],
  [/blocked a compatibility format interrupt request/i, 0x25],
  [/source-id verification failure/i, 0x26],
];

/** The reason that a text speaks of, by its words; null where it speaks of none. */
export function reasonOfWords(text: string): number | null {
  return WORDS.find(([words]) => words.test(text))?.[1] ?? null;
}
