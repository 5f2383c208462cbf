/**
 * CMD_ATC_INV and CMD_PRI_RESP as messages to the devices behind the SMMU (IHI 0070 §4.5, §3.9.1.4, §8.3).
 */
import { ResponseCode } from "../device/ats_port.ts";
import type { DeviceSet } from "../device/device_set.ts";
import { type DeviceLink, PriResponse } from "./maintenance.ts";

/** Response Code for each value of CMD_PRI_RESP.Resp (§8.3). */
const CODES = {
  [PriResponse.Failure]: ResponseCode.Failure,
  [PriResponse.Invalid]: ResponseCode.InvalidRequest,
  [PriResponse.Success]: ResponseCode.Success,
} as const;

/** The SMMU's ATS port, with these devices on it. */
export function linkTo(devices: DeviceSet): DeviceLink {
  return {
    invalidate: (sid, ssv, ssid, global, hi, lo, sizeLg2) =>
      devices.invalidate({ sid, ssv, ssid, global, hi, lo, sizeLg2 }),
    complete: () => devices.complete(),
    respond: (sid, ssv, ssid, prgIndex, response) =>
      devices.respond({ sid, ssid: ssv ? ssid : null, prgIndex, code: CODES[response] }),
  };
}
