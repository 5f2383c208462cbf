import { describe, expect, it } from "vitest";
import { DTE } from "../../arch/amdvi/dte.ts";
import {
  CompletionStatus,
  Grant,
  PageRequest,
  ResponseCode,
  TranslationCompletion,
  TranslationRequest,
} from "../device/ats_port.ts";
import { readCapabilities } from "./capabilities.ts";
import { DeviceRequests } from "./device_requests.ts";
import { presetRegisters } from "./presets.ts";
import { InterfaceWorld, ON, PLACES } from "./testing/interface_world.ts";
import { Translator } from "./translator.ts";

const TABLE = 0x100000;
const ROOT = 0x110000;
const DEVICE = 5;
const PPR_ON = ON | 0xa000;

type Bits = Readonly<Record<string, number>>;

class World extends InterfaceWorld {
  readonly requests: DeviceRequests;

  constructor(bits: Bits = {}, control: readonly [number, number] = [PPR_ON, 0]) {
    super();
    const { efr, efr2 } = { efr: presetRegisters("full").get("EFR")!, efr2: presetRegisters("full").get("EFR2")! };
    const caps = readCapabilities(efr.hi, efr.lo, efr2.hi, efr2.lo);
    this.requests = new DeviceRequests(new Translator(this.memory, this.controls, caps), this.io);
    const dte = new Uint32Array(8);
    const fields: Bits = {
      V: 1,
      TV: 1,
      Mode: 1,
      HostPageTableRootPtr: ROOT >>> 12,
      IR: 1,
      IW: 1,
      I: 1,
      PPR: 1,
      ...bits,
    };
    for (const [name, value] of Object.entries(fields)) DTE.f[name as keyof typeof DTE.f].set(dte, 0, value);
    for (let i = 0; i < 8; i += 2) this.memory.write64(0, TABLE + 32 * DEVICE + 4 * i, dte[i + 1]!, dte[i]!);
    this.write("DEVTAB_BASE", TABLE);
    this.write("CONTROL", ...control);
  }

  ask(lo: number, fields: Partial<TranslationRequest> = {}): TranslationCompletion {
    const request = Object.assign(new TranslationRequest(), { sid: DEVICE, lo, ...fields });
    const completion = new TranslationCompletion();
    this.requests.requestTranslation(request, completion);
    return completion;
  }

  page(fields: Partial<PageRequest>): ReturnType<DeviceRequests["requestPage"]> {
    const request = Object.assign(new PageRequest(), { sid: DEVICE, lo: 0x7000, read: true, last: true, prgIndex: 3 });
    return this.requests.requestPage(Object.assign(request, fields));
  }
}

describe("a translation request, §2.1.3", () => {
  it("is answered with the page and what the tables grant of what was asked for", () => {
    const w = new World();
    w.memory.write64(0, ROOT + 8, 0x20000000, 0x123001);
    const answer = { status: CompletionStatus.Success, granted: Grant.Read, lo: 0x123234, sizeLg2: 12 };
    expect(w.ask(0x1234)).toMatchObject(answer);
    w.memory.write64(0, ROOT + 8, 0x60000000, 0x123001);
    expect(w.ask(0x1234)).toMatchObject({ granted: Grant.Read | Grant.Write });
    expect(w.ask(0x1234, { noWrite: true })).toMatchObject(answer);
  });

  it("to a page that is missing is a success that grants nothing, and no event", () => {
    const w = new World();
    expect(w.ask(0x1000)).toMatchObject({ status: CompletionStatus.Success, granted: 0, sizeLg2: 12 });
    expect(w.events()).toEqual([]);
  });

  it("of a device that may not ask is an Unsupported Request and an event, §2.5.9", () => {
    const w = new World({ I: 0 });
    expect(w.ask(0x1000).status).toBe(CompletionStatus.UnsupportedRequest);
    expect(w.events().map(([, flags]) => flags! >>> 24)).toEqual([0x83]);
  });

  it("that meets a broken entry is a Completer Abort", () => {
    expect(new World({ Mode: 7 }).ask(0x1000).status).toBe(CompletionStatus.CompleterAbort);
  });
});

describe("a page request, §2.6", () => {
  it("goes to the log", () => {
    const w = new World();
    expect(w.page({ write: true })).toBeNull();
    // Read, write, last of group 3.
    expect(w.records(PLACES.requests, 1)).toEqual([[DEVICE, 0x10240203, 0x7000, 0]]);
    expect(w.read("PPR_TAIL")).toBe(16);
    expect(w.read("STATUS") & 0xe0).toBe(0xc0);
  });

  it("with a PASID says so, with its privilege", () => {
    const w = new World({ GV: 1 }, [PPR_ON | 0x10000, 0]);
    w.page({ ssv: true, ssid: 0xabcde, execute: true });
    expect(w.records(PLACES.requests, 1)).toEqual([[0xbcde0000 | DEVICE, 0x11462a03, 0x7000, 0].map((x) => x >>> 0)]);
  });

  it.each<[string, Bits, Partial<PageRequest>, readonly [number, number]]>([
    ["of a device without PPR", { PPR: 0 }, {}, [PPR_ON, 0]],
    ["with a PASID of a device without guest translation", {}, { ssv: true, ssid: 1 }, [PPR_ON | 0x10000, 0]],
    ["while PPREn is 0", {}, {}, [ON | 0x2000, 0]],
  ])("%s is invalid, §2.5.10", (_what, bits, fields, control) => {
    const w = new World(bits, control);
    expect(w.page(fields)).toMatchObject({ sid: DEVICE, prgIndex: 3, code: ResponseCode.InvalidRequest });
    expect(w.events().map(([, flags]) => flags! >>> 28)).toEqual([9]);
    expect(w.read("PPR_TAIL")).toBe(0);
  });

  it("that finds the log full is lost, or answered where PprAutoRspEn says so", () => {
    const w = new World();
    w.write("PPR_AUTO_RSP", ResponseCode.Failure);
    for (let n = 0; n < 255; n++) w.page({});
    expect(w.page({})).toBeNull();
    expect(w.read("STATUS") & 0xe0).toBe(0x60);
    w.write("CONTROL", PPR_ON, 0x80);
    expect(w.page({})).toMatchObject({ code: ResponseCode.Failure, ssid: null });
    expect(w.page({ last: false })).toBeNull();
  });

  it("is answered and not logged with PprAutoRspAon; stop markers are dropped with BlkStopMrkEn", () => {
    const w = new World({ GV: 1, GPRP: 1 }, [PPR_ON | 0x10000, 0x600]);
    expect(w.page({ ssv: true, ssid: 9 })).toMatchObject({ code: ResponseCode.Success, ssid: 9 });
    expect(w.page({ ssv: true, ssid: 9, read: false })).toBeNull();
    expect(w.read("PPR_TAIL")).toBe(0);
  });

  it("warns early where PPR_EARLY asks for it", () => {
    const w = new World();
    w.write("PPR_EARLY", (0x80000002 | 0x40000000) >>> 0);
    w.page({});
    expect(w.read("STATUS") & 0x40000).toBe(0);
    w.page({});
    expect(w.read("STATUS") & 0x40000).toBe(0x40000);
    expect(w.io.interrupts.raised[1]).toBe(1);
  });
});
