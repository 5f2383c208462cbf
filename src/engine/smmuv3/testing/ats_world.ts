/**
 * A world with its PCIe side: ATS and PRI offered, both queues on, one stream that translates at both stages.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { PAGE_REQUEST } from "../../../arch/smmuv3/page_request.ts";
import { decodeFields } from "../../../base/layout.ts";
import { vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import { TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import {
  CompletionStatus,
  type PageAnswer,
  PageRequest,
  TranslationCompletion,
  TranslationRequest,
} from "../../device/ats_port.ts";
import { DeviceSet } from "../../device/device_set.ts";
import { type CacheOptions, NO_CACHE_OPTIONS } from "../caches/options.ts";
import { linkTo } from "../device_link.ts";
import { EVENT_WORDS, encodeEvent } from "../event_record.ts";
import { PcieInterface } from "../pcie.ts";
import { ProgrammingInterface } from "../programming_interface.ts";
import { End, type Translation, Updates } from "../translation.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, World } from "./world.ts";

const EVENTQ = 0x0f00_0000;
export const PRIQ = 0x0f10_0000;
/** log2 of the records the PRI queue holds. */
export const PRIQ_LG2 = 1;

const ATS_REGISTERS: Readonly<Record<string, Fields>> = {
  IDR0: {
    S1P: 1,
    S2P: 1,
    TTF: 2,
    HTTU: 2,
    ATS: 1,
    PRI: 1,
    MSI: 1,
    ASID16: 1,
    VMID16: 1,
    CD2L: 1,
    ST_LEVEL: 1,
    ATSRECERR: 1,
  },
  IDR1: { SIDSIZE: 16, SSIDSIZE: 20, EVENTQS: 8, PRIQS: 8, CMDQS: 8, ATTR_PERMS_OVR: 1 },
  CR0: { SMMUEN: 1, EVENTQEN: 1, PRIQEN: 1, ATSCHK: 1 },
  EVENTQ_BASE: { LOG2SIZE: 8, ADDR: EVENTQ },
  PRIQ_BASE: { LOG2SIZE: PRIQ_LG2, ADDR: PRIQ },
};

/** Address the stream maps, where stage 1 puts it, and where stage 2 puts that. */
export const VA = 0x1234_5000;
export const IPA = 0x5000_0000;
export const PA = 0x7654_3000;

const high = (at: number): number => Math.floor(at / 2 ** 32);
const low = (at: number): number => (at % 2 ** 32) >>> 0;

/** One Translation Request of stream 1; what is left out is a plain request for reading. */
export interface AtsAsk {
  readonly sid?: number;
  readonly ssid?: number;
  readonly va?: number;
  readonly write?: boolean;
  readonly execute?: boolean;
  readonly privileged?: boolean;
}

/** A completion in few words: UR, CA, or the granted permissions with the address and the size. */
export type Answer = "UR" | "CA" | "unknown" | { readonly granted: string; readonly pa: number; readonly lg2: number };

export class AtsWorld extends World {
  readonly devices = new DeviceSet();
  readonly interface: ProgrammingInterface;
  readonly pcie: PcieInterface;
  /** Events by name that reached the Event queue since somebody took them, as numbers and words. */
  readonly events: Uint32Array[] = [];
  readonly stage1: TableBuilder;
  readonly stage2: TableBuilder;
  readonly guest: GuestStore;

  /**
   * @param ste fields of stream 1 besides the nested defaults
   * @param leaf1 attributes of its stage-1 page, and `leaf2` of the stage-2 page beneath
   */
  constructor(
    ste: Fields = {},
    { registers = {}, cd = {}, leaf1 = OPEN[1], leaf2 = OPEN[2], caches = NO_CACHE_OPTIONS } = {} as {
      readonly registers?: Readonly<Record<string, Fields>>;
      readonly caches?: CacheOptions;
      readonly cd?: Fields;
      readonly leaf1?: Fields;
      readonly leaf2?: Fields;
    },
  ) {
    const merged: Record<string, Fields> = {};
    for (const name of new Set([...Object.keys(ATS_REGISTERS), ...Object.keys(registers)])) {
      merged[name] = { ...ATS_REGISTERS[name], ...registers[name] };
    }
    super(merged, {}, caches);
    const host = new HostStore(this);
    const fmt = vmsav8Format(12, false);
    this.stage2 = new TableBuilder(fmt, host, 2, 3, 48);
    this.guest = new GuestStore(this.stage2, host, 0x4000_0000);
    this.stage1 = new TableBuilder(fmt, this.guest, 1, 3, 48);
    this.stage1.map(VA, 0, IPA, leaf1);
    this.stage2.map(IPA, 0, PA, leaf2);
    const context = this.guest.allocate(64 * 4);
    for (const n of [0, 1]) this.putCd(context + 64 * n, cd);
    this.ste(1, {
      ...NESTED_STE,
      ...stage2Fields(this.stage2),
      S1ContextPtr: context,
      S1CDMax: 1,
      S1DSS: 2,
      EATS: 1,
      ...ste,
    });
    this.interface = new ProgrammingInterface(this.smmu, this.memory, { devices: linkTo(this.devices) });
    const { errors, interrupts } = this.interface;
    this.pcie = new PcieInterface(this.smmu, this.memory, errors, interrupts, (t) => this.#record(t));
  }

  /** Send a Translation Request. */
  ask(r: AtsAsk = {}): Answer {
    const request = new TranslationRequest();
    const completion = new TranslationCompletion();
    const va = r.va ?? VA;
    Object.assign(request, {
      sid: r.sid ?? 1,
      ssv: r.ssid !== undefined,
      ssid: r.ssid ?? 0,
      hi: high(va),
      lo: low(va),
      noWrite: r.write !== true,
      execute: r.execute ?? false,
      privileged: r.privileged ?? false,
    });
    this.pcie.requestTranslation(request, completion);
    switch (completion.status) {
      case CompletionStatus.UnsupportedRequest:
        return "UR";
      case CompletionStatus.CompleterAbort:
        return "CA";
      case CompletionStatus.Unknown:
        return "unknown";
      default: {
        const granted = ["r", "w", "x"].filter((_, i) => (completion.granted & (1 << i)) !== 0).join("");
        return { granted, pa: completion.hi * 2 ** 32 + completion.lo, lg2: completion.sizeLg2 };
      }
    }
  }

  /** Send a transaction marked Translated. @returns its address; null where it did not go through */
  translated(r: Request, trace: TraceRecorder | null = null): number | null {
    const t = this.request(r);
    t.updates = Updates.Make;
    this.pcie.translated.translate(t, trace);
    if (t.end === End.Fault) this.#record(t);
    return t.end === End.Ok ? (t.paHi >>> 0) * 2 ** 32 + (t.paLo >>> 0) : null;
  }

  /** Send a Page Request of stream 1. */
  page(fields: Partial<PageRequest> = {}): PageAnswer {
    return this.pcie.page(Object.assign(new PageRequest(), { sid: 1, read: true, last: true }, fields));
  }

  /** A record of the PRI queue by its index, field by field. */
  pageRecord(index: number): Record<string, number> {
    const bytes = new Uint8Array(PAGE_REQUEST.bits / 8);
    this.memory.readBytes(PRIQ + index * bytes.length, bytes);
    const values = decodeFields(PAGE_REQUEST, new Uint32Array(bytes.buffer));
    return Object.fromEntries(values.map(({ declaration, value }) => [declaration.name, Number(value)]));
  }

  /** Numbers of the events recorded so far. */
  get eventNumbers(): number[] {
    return this.events.map((words) => words[0]! & 0xff);
  }

  #record(t: Translation): void {
    const words = new Uint32Array(EVENT_WORDS);
    encodeEvent(t, words, 0);
    if (this.interface.events.write(words, 0)) this.events.push(words);
  }

  /** Write a CD at a guest address. */
  putCd(at: number, fields: Fields): void {
    this.put(CD, this.guest.physical(at), { ...PLAIN_CD, ...stage1Fields(this.stage1, 0), ...fields });
  }
}
