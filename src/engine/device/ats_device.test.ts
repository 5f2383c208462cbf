import { describe, expect, it } from "vitest";
import { AtsDevice, type AtsDeviceOptions, type DeviceAccess } from "./ats_device.ts";
import {
  type AtsPort,
  CompletionStatus,
  Grant,
  type PrgResponse,
  ResponseCode,
  type TranslationCompletion,
} from "./ats_port.ts";
import { DeviceSet } from "./device_set.ts";

const OPTIONS: AtsDeviceOptions = {
  sid: 0x18,
  capacity: 8,
  pageRequests: 2,
  responsePasidRequired: false,
  answersInvalidations: true,
};

/** An IOMMU that answers as it is told, and remembers what it was asked. */
class Iommu implements AtsPort {
  readonly asked: string[] = [];
  answer: Partial<TranslationCompletion> = {};
  pageAnswer: PrgResponse | null = null;

  requestTranslation(request: Parameters<AtsPort["requestTranslation"]>[0], completion: TranslationCompletion): void {
    this.asked.push(`translate ${request.lo.toString(16)} nw ${request.noWrite}`);
    Object.assign(completion, { status: CompletionStatus.Success, granted: 0, sizeLg2: 12, hi: 0, lo: 0 }, this.answer);
  }

  requestPage(page: Parameters<AtsPort["requestPage"]>[0]): PrgResponse | null {
    this.asked.push(`page ${page.lo.toString(16)} group ${page.prgIndex} w ${page.write}`);
    return this.pageAnswer;
  }
}

const access = (changes: Partial<DeviceAccess> = {}): DeviceAccess => ({
  ssv: false,
  ssid: 0,
  hi: 0,
  lo: 0x5678,
  write: false,
  execute: false,
  privileged: false,
  ...changes,
});

const success = (prgIndex: number, ssid: number | null = null): PrgResponse => ({
  sid: OPTIONS.sid,
  ssid,
  prgIndex,
  code: ResponseCode.Success,
});

describe("AtsDevice", () => {
  it("asks once and uses its cache afterwards, until the range is invalidated", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    iommu.answer = { granted: Grant.Read, lo: 0x9678 };
    expect(device.access(access(), iommu)).toEqual({ kind: "translated", hi: 0, lo: 0x9678, hit: false });
    expect(device.access(access({ lo: 0x5fff }), iommu)).toEqual({ kind: "translated", hi: 0, lo: 0x9fff, hit: true });
    expect(iommu.asked).toEqual(["translate 5678 nw true"]);
    device.invalidate({ sid: 0x18, ssv: false, ssid: 0, global: false, hi: 0, lo: 0x5000, sizeLg2: 12 });
    device.access(access(), iommu);
    expect(iommu.asked).toHaveLength(2);
  });

  it("asks again for a write that its entry does not grant", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    iommu.answer = { granted: Grant.Read, lo: 0x9678 };
    device.access(access(), iommu);
    iommu.answer = { granted: Grant.Read | Grant.Write, lo: 0x9678 };
    expect(device.access(access({ write: true }), iommu).kind).toBe("translated");
    expect(iommu.asked).toEqual(["translate 5678 nw true", "translate 5678 nw false"]);
  });

  it("sends the access untranslated where the completion says so (U)", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    iommu.answer = { granted: Grant.Read, untranslatedOnly: true };
    expect(device.access(access(), iommu)).toEqual({ kind: "untranslated" });
  });

  it.each([
    ["Unsupported Request", CompletionStatus.UnsupportedRequest],
    ["Completer Abort", CompletionStatus.CompleterAbort],
  ])("gives up on %s and asks for no page", (why, status) => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    iommu.answer = { status };
    expect(device.access(access(), iommu)).toEqual({ kind: "denied", why, response: null });
    expect(iommu.asked).toHaveLength(1);
  });

  it("waits for the page it asked for, and asks for a translation again after the response", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    expect(device.access(access({ write: true }), iommu)).toEqual({ kind: "waiting", prgIndex: 0 });
    expect(device.openGroups).toBe(1);
    expect(device.respond(success(0))).toBe(true);
    expect(device.openGroups).toBe(0);
    iommu.answer = { granted: Grant.Read | Grant.Write, lo: 0x1678 };
    expect(device.access(access({ write: true }), iommu).kind).toBe("translated");
    expect(iommu.asked[1]).toBe("page 5000 group 0 w true");
  });

  it("asks for no more pages than it has credit for", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    device.access(access(), iommu);
    device.access(access({ lo: 0x6000 }), iommu);
    expect(device.access(access({ lo: 0x7000 }), iommu)).toMatchObject({ why: "no page request credit" });
  });

  it("asks for nothing after a Response Failure", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    iommu.pageAnswer = { ...success(0), code: ResponseCode.Failure };
    expect(device.access(access(), iommu)).toMatchObject({ kind: "denied", why: "page request refused" });
    expect(device.access(access(), iommu)).toMatchObject({ why: "no permission" });
    expect(device.responseFailure).toBe(true);
  });

  it("tries again after an automatic success, but not for ever", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    const port: AtsPort = {
      requestTranslation: (request, completion) => iommu.requestTranslation(request, completion),
      requestPage: (page) => {
        iommu.requestPage(page);
        return success(page.prgIndex);
      },
    };
    expect(device.access(access(), port)).toMatchObject({ kind: "denied", why: "page request refused" });
    expect(device.openGroups).toBe(0);
    expect(iommu.asked.length).toBeLessThan(10);
  });

  it("counts responses that no open group matches", () => {
    const device = new AtsDevice({ ...OPTIONS, responsePasidRequired: true });
    const iommu = new Iommu();
    device.access(access({ ssv: true, ssid: 7 }), iommu);
    expect(device.respond(success(3))).toBe(false);
    expect(device.respond(success(0))).toBe(false);
    expect(device.respond(success(0, 8))).toBe(false);
    expect(device.unexpectedGroups).toBe(3);
    expect(device.respond(success(0, 7))).toBe(true);
  });

  it("is the same after a save and a restore", () => {
    const device = new AtsDevice(OPTIONS);
    const iommu = new Iommu();
    device.access(access({ ssv: true, ssid: 0xfffff }), iommu);
    iommu.answer = { granted: Grant.Read, lo: 0x1000 };
    device.access(access({ lo: 0x6000 }), iommu);
    const copy = new AtsDevice(OPTIONS);
    copy.restore(device.save());
    expect(copy.save()).toEqual(device.save());
    expect(copy.respond(success(0, 0xfffff))).toBe(true);
  });
});

describe("DeviceSet", () => {
  const request = { sid: 0x18, ssv: false, ssid: 0, global: false, hi: 0, lo: 0, sizeLg2: 64 };

  it("completes when every device has answered; a device that is not there counts as having answered", () => {
    const devices = new DeviceSet();
    devices.add(new AtsDevice(OPTIONS));
    devices.invalidate(request);
    devices.invalidate({ ...request, sid: 0x99 });
    expect(devices.complete()).toBe(true);
  });

  it("reports a request that timed out once", () => {
    const devices = new DeviceSet();
    devices.add(new AtsDevice({ ...OPTIONS, answersInvalidations: false }));
    devices.invalidate(request);
    const image = devices.save();
    expect(devices.complete()).toBe(false);
    expect(devices.complete()).toBe(true);
    devices.restore(image);
    expect(devices.complete()).toBe(false);
  });
});
