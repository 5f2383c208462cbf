import { describe, expect, it } from "vitest";
import {
  CompletionStatus,
  Grant,
  PageRequest,
  ResponseCode,
  TranslationCompletion,
  TranslationRequest,
} from "../device/ats_port.ts";
import { readCapabilities } from "./capabilities.ts";
import { PcieInterface } from "./pcie.ts";
import { Remapper } from "./remapper.ts";
import { ControlWorld, MESSAGES, PAGES, TABLE } from "./testing/control_world.ts";

const SID = 0x18;
const TE_AND_ROOT = (1 << 31) | (1 << 30);
const ROOT = TABLE;
const CONTEXT = TABLE + 0x1000;
const DIRECTORY = TABLE + 0x2000;
const PASIDS = TABLE + 0x3000;
const TABLES = TABLE + 0x4000;
const PAGE = 0x9000;

/** Bits of a scalable-mode context entry. */
const PRESENT = 1;
const DTE = 1 << 2;
const PASIDE = 1 << 3;
const PRE = 1 << 4;

/** A requester whose PASID 5 has a second stage that maps page 0 to {@link PAGE}, read-only or writable. */
function world(context = PRESENT | DTE | PASIDE | PRE, leaf = 3): { w: ControlWorld; pcie: PcieInterface } {
  const w = new ControlWorld();
  w.put(ROOT, CONTEXT | PRESENT, 0);
  w.put(CONTEXT + SID * 32, DIRECTORY | context, 0);
  w.put(DIRECTORY, PASIDS | PRESENT, 0);
  w.put(PASIDS + 5 * 64, TABLES | (2 << 6) | (2 << 2) | PRESENT, 0, 7);
  for (let level = 0; level < 3; level++) w.put(TABLES + 0x1000 * level, (TABLES + 0x1000 * (level + 1)) | 3);
  w.put(TABLES + 0x3000, leaf === 0 ? 0 : PAGE | leaf);
  w.write("RTADDR", ROOT | 0x400);
  w.write("GCMD", TE_AND_ROOT);
  const { cap, ecap } = identityOf(w);
  const caps = readCapabilities(cap.hi, cap.lo, ecap.hi, ecap.lo);
  const remapper = new Remapper(w.memory, w.state, caps);
  return { w, pcie: new PcieInterface(remapper, w.unit.pages, (t) => w.unit.fault(t)) };
}

function identityOf(w: ControlWorld): { cap: { hi: number; lo: number }; ecap: { hi: number; lo: number } } {
  const { words } = w.unit.registers;
  const at = (name: string): { hi: number; lo: number } => {
    const i = w.unit.registers.at(name);
    return { hi: words[i + 1]!, lo: words[i]! };
  };
  return { cap: at("CAP"), ecap: at("ECAP") };
}

function ask(pcie: PcieInterface, changes: Partial<TranslationRequest> = {}): TranslationCompletion {
  const completion = new TranslationCompletion();
  const request = Object.assign(new TranslationRequest(), { sid: SID, ssv: true, ssid: 5, lo: 0x10, ...changes });
  pcie.requestTranslation(request, completion);
  return completion;
}

function page(changes: Partial<PageRequest> = {}): PageRequest {
  const usual = {
    sid: SID,
    ssv: true,
    ssid: 5,
    lo: 0x5000,
    hi: 1,
    prgIndex: 9,
    read: true,
    last: true,
    privileged: true,
  };
  return Object.assign(new PageRequest(), usual, changes);
}

describe("Translation Requests, VT-d §4.2", () => {
  it("grants what the tables allow and the device asked for", () => {
    const { pcie } = world();
    expect(ask(pcie)).toMatchObject({
      status: CompletionStatus.Success,
      granted: Grant.Read | Grant.Write,
      lo: 0x9010,
    });
    expect(ask(pcie, { noWrite: true }).granted).toBe(Grant.Read);
  });

  it("completes with no access, and without a record, where the tables allow none", () => {
    const { w, pcie } = world(undefined, 0);
    expect(ask(pcie)).toMatchObject({ status: CompletionStatus.Success, granted: 0 });
    expect(w.unit.faults.takeRecords()).toEqual([]);
  });

  it.each([
    ["DTE is 0", PRESENT | PASIDE, CompletionStatus.UnsupportedRequest],
    ["the context entry has reserved bits", PRESENT | DTE | PASIDE | (1 << 5), CompletionStatus.UnsupportedRequest],
  ])("refuses where %s", (_, context, status) => {
    const { w, pcie } = world(context);
    expect(ask(pcie).status).toBe(status);
    expect(w.unit.faults.takeRecords()).toHaveLength(1);
  });

  it("refuses while translation is off", () => {
    const { w, pcie } = world();
    w.write("GCMD", 0);
    expect(ask(pcie).status).toBe(CompletionStatus.UnsupportedRequest);
  });
});

describe("Page Requests, VT-d §7.4 to §7.6", () => {
  it("puts a request into the queue and interrupts for the last of a group", () => {
    const { w, pcie } = world();
    w.write("PQA", PAGES);
    w.write("PEDATA", 0x33);
    w.write("PEADDR", MESSAGES);
    w.write("PECTL", 0);
    expect(pcie.page(page({ last: false }))).toEqual({ queued: true });
    expect(w.read("PRS")).toBe(0);
    expect(pcie.page(page({ write: true }))).toEqual({ queued: true });
    expect(w.read("PRS")).toBe(1);
    expect(w.word(MESSAGES)).toBe(0x33);
    expect(w.read("PQT")).toBe(64);
    expect([0, 4, 8, 12].map((i) => w.word(PAGES + 32 + i))).toEqual([
      0x0018_0101,
      0x0020_0005,
      0x5000 | 7 | (9 << 3),
      1,
    ]);
  });

  it("answers the last of a group with success while the queue has no room, and tells of the overflow once", () => {
    const { w, pcie } = world();
    w.write("PQA", PAGES);
    w.write("PQH", 32);
    expect(pcie.page(page())).toEqual({
      queued: false,
      response: { sid: SID, ssid: 5, prgIndex: 9, code: ResponseCode.Success },
    });
    expect(pcie.page(page({ last: false }))).toEqual({ queued: false, response: null });
    expect(w.read("PRS")).toBe(2);
    w.write("PQH", 0);
    expect(pcie.requestPage(page())).not.toBeNull();
    w.write("PRS", 2);
    expect(pcie.requestPage(page())).toBeNull();
  });

  it("refuses a requester whose context entry has PRE 0, and records that", () => {
    const { w, pcie } = world(PRESENT | DTE | PASIDE);
    expect(pcie.page(page())).toMatchObject({ queued: false, response: { code: ResponseCode.InvalidRequest } });
    expect(w.unit.faults.takeRecords()).toHaveLength(1);
    expect(w.unit.registers.get("FRCD0", "T2")).toBe(1);
  });

  it("answers no stop marker", () => {
    const { w, pcie } = world();
    w.write("GCMD", 0);
    expect(pcie.page(page({ read: false }))).toEqual({ queued: false, response: null });
  });
});
