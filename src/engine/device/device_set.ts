/**
 * The ATS devices behind one IOMMU, and the Invalidate Requests under way to them.
 *
 * A request to a device that is not there, or has no ATS, is answered with Unsupported Request, which counts as an
 * answer; a request to a device that does not answer is over at the next time somebody waits for it.
 */
import type { AtsDevice } from "./ats_device.ts";
import type { InvalidateRequest, PrgResponse } from "./ats_port.ts";

/** Most requests and responses that are kept for people to look at. */
const KEPT = 1 << 16;

export class DeviceSet {
  readonly #devices = new Map<number, AtsDevice>();
  #timedOut = 0;
  #silent = -1;
  #invalidations: InvalidateRequest[] = [];
  #responses: PrgResponse[] = [];

  /** Put a device behind the IOMMU; one with the same sid is replaced. */
  add(device: AtsDevice): void {
    this.#devices.set(device.options.sid, device);
  }

  get(sid: number): AtsDevice | undefined {
    return this.#devices.get(sid);
  }

  /** Devices by rising sid. */
  all(): AtsDevice[] {
    return [...this.#devices.values()].sort((a, b) => a.options.sid - b.options.sid);
  }

  /** Send an Invalidate Request. */
  invalidate(request: InvalidateRequest): void {
    if (this.#invalidations.length < KEPT) this.#invalidations.push(request);
    const device = this.#devices.get(request.sid);
    if (device !== undefined && !device.invalidate(request)) {
      this.#timedOut++;
      this.#silent = request.sid;
    }
  }

  /** Wait for every Invalidate Request so far. @returns false when one of them timed out; it is over then */
  complete(): boolean {
    const done = this.#timedOut === 0;
    this.#timedOut = 0;
    return done;
  }

  /** The device whose Invalidate Request timed out last; -1 for none so far. */
  get silent(): number {
    return this.#silent;
  }

  /** Send a PRG Response. */
  respond(response: PrgResponse): void {
    if (this.#responses.length < KEPT) this.#responses.push(response);
    this.#devices.get(response.sid)?.respond(response);
  }

  /** PRG Responses that software sent since the last call, oldest first. */
  takeResponses(): PrgResponse[] {
    const responses = this.#responses;
    this.#responses = [];
    return responses;
  }

  /** Invalidate Requests sent since the last call, oldest first. */
  takeInvalidations(): InvalidateRequest[] {
    const requests = this.#invalidations;
    this.#invalidations = [];
    return requests;
  }

  /** State of every device, by rising sid, and of what is under way. */
  save(): DeviceSetImage {
    return { timedOut: this.#timedOut, silent: this.#silent, devices: this.all().map((device) => device.save()) };
  }

  /** Take back what {@link save} gave; the devices must be the same. */
  restore(image: DeviceSetImage): void {
    this.#timedOut = image.timedOut;
    this.#silent = image.silent;
    this.#invalidations = [];
    this.#responses = [];
    for (const [i, device] of this.all().entries()) {
      const words = image.devices[i];
      if (words !== undefined) device.restore(words);
    }
  }
}

/** A saved state of a {@link DeviceSet}. */
export interface DeviceSetImage {
  readonly timedOut: number;
  readonly silent: number;
  readonly devices: readonly Int32Array[];
}
