/**
 * Requests to device TLBs and page group responses as messages to the devices behind the unit (VT-d §6.5.2.5,
 * §6.5.2.6, §7.7).
 */
import { ResponseCode } from "../device/ats_port.ts";
import type { DeviceSet } from "../device/device_set.ts";
import type { DeviceLink } from "./maintenance.ts";

/** CHOICE(response-code): a reserved code reaches the device as a failure. */
const codeOf = (code: number): ResponseCode =>
  code === ResponseCode.Success || code === ResponseCode.InvalidRequest ? code : ResponseCode.Failure;

/** The unit's side of the link to these devices. */
export function linkTo(devices: DeviceSet): DeviceLink {
  return {
    invalidate: (sid, pasid, global, hi, lo, sizeLg2) =>
      devices.invalidate({ sid, ssv: pasid !== null, ssid: pasid ?? 0, global, hi, lo, sizeLg2 }),
    complete: () => (devices.complete() ? -1 : devices.silent),
    respond: (sid, pasid, prgIndex, code) => devices.respond({ sid, ssid: pasid, prgIndex, code: codeOf(code) }),
  };
}
