/**
 * The logs of an AMD IOMMU, of events and of page requests, by the names of their registers and fields. 48882 revision
 * 3.10, §2.5, §2.6 and the registers of the logs.
 */
import type { Layout } from "../../base/layout.ts";
import { IO_PAGE_FAULT } from "./events.ts";
import { PAGE_SERVICE_REQUEST } from "./ppr.ts";

/** A buffer: its registers, and fields of them. */
export interface LogBuffer {
  readonly base: string;
  /** Fields of the base register. */
  readonly address: string;
  readonly length: string;
  readonly head: string;
  readonly tail: string;
  /** Field of STATUS, written to clear. */
  readonly overflow: string;
  /** Register and field of STATUS of the early warning; null for none. */
  readonly early: readonly [register: string, status: string] | null;
}

export interface LogNames {
  /** A record; all of a log are equally long. */
  readonly record: Layout;
  /** Fields of CONTROL. */
  readonly enable: string;
  readonly interrupts: string;
  readonly dual: string;
  /** Fields of STATUS; the interrupt is written to clear. */
  readonly run: string;
  readonly interrupt: string;
  readonly active: string;
  /** Buffers A and B. */
  readonly buffers: readonly [LogBuffer, LogBuffer];
}

/** A buffer whose registers are named alike. */
const buffer = (
  registers: "EVT" | "PPR",
  which: "" | "_B",
  fields: Pick<LogBuffer, "address" | "length" | "overflow" | "early">,
): LogBuffer => ({
  base: `${registers}_BASE${which}`,
  head: `${registers}_HEAD${which}`,
  tail: `${registers}_TAIL${which}`,
  ...fields,
});

export const EVENT_LOG: LogNames = {
  record: IO_PAGE_FAULT.layout,
  enable: "EventLogEn",
  interrupts: "EventIntEn",
  dual: "DualEventLogEn",
  run: "EventLogRun",
  interrupt: "EventLogInt",
  active: "EventLogActive",
  buffers: [
    buffer("EVT", "", { address: "EventBase", length: "EventLen", overflow: "EventOverflow", early: null }),
    buffer("EVT", "_B", { address: "EventLogBBase", length: "EventLogBLen", overflow: "EventOvrflwB", early: null }),
  ],
};

const [EARLY, EARLY_B] = [
  ["PPR_EARLY", "PprOvrflwEarly"],
  ["PPR_EARLY_B", "PprOvrflwEarlyB"],
] as const;

export const PPR_LOG: LogNames = {
  record: PAGE_SERVICE_REQUEST,
  enable: "PPRLogEn",
  interrupts: "PprIntEn",
  dual: "DualPprLogEn",
  run: "PPRLogRun",
  interrupt: "PprInt",
  active: "PprLogActive",
  buffers: [
    buffer("PPR", "", { address: "PPRLogBase", length: "PPRLogLen", overflow: "PprOverflow", early: EARLY }),
    buffer("PPR", "_B", { address: "PPRLogBBase", length: "PPRLogBLen", overflow: "PprOvrflwB", early: EARLY_B }),
  ],
};
