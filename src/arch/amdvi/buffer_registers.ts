/**
 * Registers of what an AMD IOMMU keeps in memory: device table, command buffer, event and page request logs. 48882
 * revision 3.10, chapter 3.
 */
import { address, field, layout } from "../../base/layout.ts";

const ENTRIES = {
  values: {
    8: "256 entries",
    9: "512 entries",
    10: "1024 entries",
    11: "2048 entries",
    12: "4096 entries",
    13: "8192 entries",
    14: "16384 entries",
    15: "32768 entries",
  },
} as const;

const deviceTable = <const N extends string>(name: N, sizeHi: number) =>
  layout(name, "48882, MMIO offsets 0000h and 0100h to 0130h", 64, [
    field("Size", sizeHi, 0, "4 KiB pages of the table, minus 1"),
    field(`_11_${sizeHi + 1}`, 11, sizeHi + 1, "reserved"),
    address("DevTabBase", 51, 12, "start of the table"),
    field("_63_52", 63, 52, "reserved"),
  ]);

export const DEVTAB_BASE = deviceTable("DEVTAB_BASE", 8);

/** Segments 1 to 7 of the device table: index 0 is segment 1. */
export const DEVTAB_SEGMENTS = [1, 2, 3, 4, 5, 6, 7].map((n) => deviceTable(`DEVTAB_SEG${n}_BASE`, 7));

/** A base register of the command buffer or a log: `<what>Base` and `<what>Len`. */
const buffer = (name: string, what: string, offset: string) =>
  layout(name, `48882, MMIO offset ${offset}`, 64, [
    field("_11_0", 11, 0, "reserved"),
    address(`${what}Base`, 51, 12, "start of the buffer"),
    field("_55_52", 55, 52, "reserved"),
    field(`${what}Len`, 59, 56, "log2 of the number of entries, 8 to 15", ENTRIES),
    field("_63_60", 63, 60, "reserved"),
  ]);

export const CMD_BASE = buffer("CMD_BASE", "Com", "0008h");
export const EVT_BASE = buffer("EVT_BASE", "Event", "0010h");
export const PPR_BASE = buffer("PPR_BASE", "PPRLog", "0038h");
export const PPR_BASE_B = buffer("PPR_BASE_B", "PPRLogB", "00F0h");
export const EVT_BASE_B = buffer("EVT_BASE_B", "EventLogB", "00F8h");

/** A head or tail pointer of the command buffer or a log. */
const pointer = (name: string) =>
  layout(name, "48882, MMIO offsets 2000h to 2078h", 64, [
    field("_3_0", 3, 0, "reserved"),
    field("Ptr", 18, 4, "offset from the start of the buffer, in entries of 16 bytes"),
    field("_63_19", 63, 19, "reserved"),
  ]);

export const CMD_HEAD = pointer("CMD_HEAD");
export const CMD_TAIL = pointer("CMD_TAIL");
export const EVT_HEAD = pointer("EVT_HEAD");
export const EVT_TAIL = pointer("EVT_TAIL");
export const PPR_HEAD = pointer("PPR_HEAD");
export const PPR_TAIL = pointer("PPR_TAIL");
export const PPR_HEAD_B = pointer("PPR_HEAD_B");
export const PPR_TAIL_B = pointer("PPR_TAIL_B");
export const EVT_HEAD_B = pointer("EVT_HEAD_B");
export const EVT_TAIL_B = pointer("EVT_TAIL_B");

export const PPR_AUTO_RSP = layout("PPR_AUTO_RSP", "48882, MMIO offset 2080h", 64, [
  field("PprAutoRspCode", 3, 0, "response code of automatic responses"),
  field("PprAutoRspMaskGn", 4, 4, "PASIDs of requests do not decide about automatic responses"),
  field("_63_5", 63, 5, "reserved"),
]);

const early = (name: string) =>
  layout(name, "48882, MMIO offsets 2088h and 2090h", 64, [
    field("Threshold", 14, 0, "entries in the log from which on to warn"),
    field("_29_15", 29, 15, "reserved"),
    field("IntEn", 30, 30, "the warning interrupts"),
    field("En", 31, 31, "warn"),
    field("_63_32", 63, 32, "reserved"),
  ]);

export const PPR_EARLY = early("PPR_EARLY");
export const PPR_EARLY_B = early("PPR_EARLY_B");
