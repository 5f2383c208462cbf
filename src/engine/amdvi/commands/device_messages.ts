/**
 * What commands send to devices: invalidations of their IOTLBs and answers to their page requests. 48882 revision 3.10,
 * §2.4.4, §2.4.7; CONTROL.InvTimeOut.
 */
import type { RegisterFile } from "../../common/register_file.ts";
import type { InvalidateRequest, PrgResponse } from "../../device/ats_port.ts";
import type { DeviceSet } from "../../device/device_set.ts";

export class DeviceMessages {
  /** An invalidation is under way to a device that will not answer, and nothing ends it. */
  waiting = false;
  readonly #registers: RegisterFile;
  readonly #devices: DeviceSet | null;

  constructor(registers: RegisterFile, devices: DeviceSet | null) {
    this.#registers = registers;
    this.#devices = devices;
  }

  /**
   * Send an invalidation. A device that does not answer is given up at once: time passes where nothing else happens.
   * @returns false when it was given up
   */
  invalidate(request: InvalidateRequest): boolean {
    if (this.#devices === null) return true;
    this.#devices.invalidate(request);
    if (this.#devices.complete()) return true;
    const patient = this.#registers.get("CONTROL", "InvTimeOut") === 0;
    if (patient) this.waiting = true;
    return patient;
  }

  respond(response: PrgResponse): void {
    this.#devices?.respond(response);
  }
}
