/**
 * Finding and reading a device table entry: segments, sizes, and what becomes of a read that gets no answer.
 * 48882 revision 3.10, §2.2.2, §2.5.2, §2.5.4.
 */
import { DTE_BYTES } from "../../arch/amdvi/dte.ts";
import { EventCode, HardwareErrorType } from "../../arch/amdvi/events.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { fromHalves, highHalf, lowHalf } from "../../base/address.ts";
import { TraceKind, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { Controls } from "./controls.ts";
import type { Translation } from "./translation.ts";

const ID_BITS = 16;

export class DeviceTable {
  readonly #memory: PhysicalMemory;
  readonly #controls: Controls;

  constructor(memory: PhysicalMemory, controls: Controls) {
    this.#memory = memory;
    this.#controls = controls;
  }

  /** Physical address of the entry of a device, as a whole number; null where the table has none. */
  placeOf(deviceId: number): number | null {
    const { segmentsLg2, segmentEntries, segmentHi, segmentLo } = this.#controls;
    const segment = deviceId >>> (ID_BITS - segmentsLg2);
    const index = deviceId & (0xffff >>> segmentsLg2);
    if (index >= segmentEntries[segment]!) return null;
    return fromHalves(segmentHi[segment]!, segmentLo[segment]!) + index * DTE_BYTES;
  }

  /** The tables of all segments: number of the first device, address, number of entries. */
  segments(): { readonly first: number; readonly at: number; readonly count: number }[] {
    const { segmentsLg2, segmentEntries, segmentHi, segmentLo } = this.#controls;
    const devices = 1 << (ID_BITS - segmentsLg2);
    return Array.from({ length: 1 << segmentsLg2 }, (_, segment) => ({
      first: segment * devices,
      at: fromHalves(segmentHi[segment]!, segmentLo[segment]!),
      count: Math.min(devices, segmentEntries[segment]!),
    }));
  }

  /**
   * Read the entry of the request's device into eight words.
   * @returns false when the request ended here: `t` says how
   */
  fetch(t: Translation, trace: TraceRecorder | null, into: Uint32Array): boolean {
    const place = this.placeOf(t.deviceId);
    if (place === null) {
      if (trace !== null) trace.check(0, R.DEVICE_ID_RANGE, t.iovaHi, t.iovaLo);
      return t.fault(EventCode.ILLEGAL_DEV_TABLE_ENTRY, R.DEVICE_ID_RANGE);
    }
    const [hi, lo] = [highHalf(place), lowHalf(place)];
    let status: MemoryStatus = MemoryStatus.Ok;
    for (let i = 0; i < into.length && status === MemoryStatus.Ok; i += 2) {
      status = this.#memory.read64(hi, lo + 4 * i);
      into[i] = this.#memory.lo;
      into[i + 1] = this.#memory.hi;
    }
    const ok = status === MemoryStatus.Ok;
    if (trace !== null) {
      trace.structure(TraceKind.DTE, t.deviceId, hi, lo, hi, lo, ok ? into[1]! : 0, ok ? into[0]! : 0);
    }
    if (ok) return true;
    if (status === MemoryStatus.Unknown) {
      if (trace !== null) trace.fail(TraceVerdict.Unknown, R.NONE);
      return t.unknown(hi, lo);
    }
    if (trace !== null) trace.fail(TraceVerdict.Fault, R.DTE_FETCH);
    t.type = HardwareErrorType.MasterAbort;
    t.addressHi = hi;
    t.addressLo = lo;
    return t.fault(EventCode.DEV_TAB_HARDWARE_ERROR, R.DTE_FETCH);
  }
}
