import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { VTD } from "../../../machine/vtd/architecture.ts";
import { FAULT_QUEUE_ALLOC, HWPT_ALLOC, HwptFlag, IOAS_ALLOC, IOAS_MAP } from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_VA } from "../../testing/host_world.ts";
import type { HostDevice } from "../driver.ts";
import { VtdDriver } from "./vtd_driver.ts";

const SID = 0x20;
const IOVA = 0x7654_3000n;

/** A unit of a current server with a device that asks for pages, on a HWPT with a fault queue. */
function makeWorld() {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const ats = { capacity: 4, pageRequests: 4, responsePasidRequired: false, answersInvalidations: true };
  const unit = VTD.make(
    {
      arch: "vtd",
      registers: {
        VER: 0x10n,
        CAP: 0x80d2008c222f0606n,
        ECAP: 0x1e80004f00f4an | (1n << 29n) | (1n << 2n) | (1n << 42n),
      },
      memory: { outside: "abort", zero: [], segments: [] },
      devices: [{ sid: SID, bdf: "0000:00:04.0", label: "", ats }],
    },
    memory,
  );
  const driver = VtdDriver.start(unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
  const device: HostDevice = {
    name: "0000:00:04.0",
    group: 1,
    sid: SID,
    driver,
    maxPasidLog2: 0,
    ats: true,
    pri: true,
  };
  const host = new HostWorld(memory, [device]);
  const { fd, id } = host.bind(device);
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  const queue = host.must(FAULT_QUEUE_ALLOC, {});
  const options = { flags: HwptFlag.FAULT_ID_VALID, fault_id: queue.out_fault_id };
  const hwpt = host.must(HWPT_ALLOC, { ...options, dev_id: id, pt_id: ioas }).out_hwpt_id;
  expect(host.attach(fd, hwpt)).toBe(0);
  return { host, unit, driver, id, ioas, file: host.process.file(queue.out_fault_fd)! };
}

describe("page requests of a device behind VT-d", () => {
  it("reach the fault queue as a group, and the answer lets the device go on", () => {
    const { host, unit, driver, id, ioas, file } = makeWorld();
    const message = { sid: SID, ssid: null, prgIndex: 5, read: true, write: true, execute: false, privileged: false };
    expect(unit.pcie!.pageRequest({ ...message, address: IOVA, last: false })).toMatchObject({ queued: true });
    expect(unit.pcie!.pageRequest({ ...message, address: IOVA + 0x1000n, last: true })).toMatchObject({ queued: true });
    driver.interrupt();
    const bytes = file.read!(400, 0n) as Uint8Array;
    const words = [...new Uint32Array(bytes.slice().buffer)];
    expect(words).toHaveLength(20);
    expect([words[0], words[1], words[2], words[3], words[4], words[6]]).toEqual([0, id, 0, 5, 3, Number(IOVA)]);
    expect([words[10], words[16]]).toEqual([2, Number(IOVA + 0x1000n)]);
    host.must(IOAS_MAP, { flags: 7, ioas_id: ioas, user_va: USER_VA, length: 0x2000n, iova: IOVA });
    expect(file.write!(new Uint8Array(new Uint32Array([words[9]!, 0]).buffer), 0n)).toBe(8);
    const access = { sid: SID, ssid: null, iova: IOVA, write: false, privileged: false, instruction: false };
    expect(unit.transfer({ ...access, length: 4 }).ok).toBe(true);
  });
});
