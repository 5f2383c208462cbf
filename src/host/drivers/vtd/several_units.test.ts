import { describe, expect, it } from "vitest";
import { CAP } from "../../../arch/vtd/capability_registers.ts";
import { type encodeFields, setFields } from "../../../base/encode.ts";
import { high, join, low } from "../../../base/halves.ts";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { VTD } from "../../../machine/vtd/architecture.ts";
import { HWPT_ALLOC, HwptFlag, IOAS_ALLOC, IOAS_MAP, IOAS_UNMAP } from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_PA, USER_VA } from "../../testing/host_world.ts";
import { VtdDriver } from "./vtd_driver.ts";

const [NEAR, FAR] = [0x20, 0x30];
const IOVA = 0x7654_3000n;
const PAGE = 0x1000n;
const CAPABILITIES = 0x80d2008c222f0606n;
const SAGAW_39_BITS = 2;

/** Two units with a device behind each. @param less fields of the second one's CAP */
function makeWorld(less: Parameters<typeof encodeFields>[1] = {}) {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const own = ownMemory(memory, DRIVER_PA, DRIVER_BYTES);
  const sides = [NEAR, FAR].map((sid) => {
    const words = Uint32Array.of(low(CAPABILITIES), high(CAPABILITIES));
    if (sid === FAR) setFields(CAP, words, less);
    const registers = { VER: 0x10n, CAP: join(words[1]!, words[0]!), ECAP: 0x1e99884f00f4an };
    const caches = { iotlb: { entries: 16, ways: 4 }, context: { entries: 16, ways: 4 } };
    const nothing = { outside: "abort", zero: [], segments: [] } as const;
    const unit = VTD.make({ arch: "vtd", registers, caches, memory: nothing, devices: [] }, memory);
    const driver = VtdDriver.start(unit, own)!;
    const name = `0000:00:${sid >> 3}.0`;
    return { sid, unit, device: { name, group: sid, sid, driver, maxPasidLog2: 0, ats: false, pri: false } };
  });
  const host = new HostWorld(
    memory,
    sides.map(({ device }) => device),
  );
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  host.must(IOAS_MAP, { flags: 7, ioas_id: ioas, user_va: USER_VA, length: PAGE, iova: IOVA });
  const bound = sides.map((side) => {
    const { fd, id } = host.bind(side.device);
    const access = { sid: side.sid, ssid: null, iova: IOVA, write: true, privileged: false, instruction: false };
    return {
      fd,
      id,
      goesTo: (): bigint | null => {
        const result = side.unit.transfer({ ...access, length: 4 });
        return result.ok ? result.pa : null;
      },
      did: () => side.unit.inspect.streams([], new Map())[0]?.tags.find(({ name }) => name === "DID")?.value,
    };
  });
  const [near, far] = [bound[0]!, bound[1]!];
  const allocate = (dev_id: number): number =>
    host.must(HWPT_ALLOC, { flags: HwptFlag.NEST_PARENT, dev_id, pt_id: ioas }).out_hwpt_id;
  return { host, ioas, near, far, allocate };
}

describe("A domain of two VT-d units", () => {
  it("is reached behind both, and what is unmapped is forgotten by both", () => {
    const { host, ioas, near, far, allocate } = makeWorld();
    const hwpt = allocate(near.id);
    expect([host.attach(near.fd, hwpt), host.attach(far.fd, hwpt)]).toEqual([0, 0]);
    expect([near.goesTo(), far.goesTo()]).toEqual([USER_PA, USER_PA].map((pa) => BigInt(pa)));
    host.must(IOAS_UNMAP, { ioas_id: ioas, iova: IOVA, length: PAGE });
    expect([near.goesTo(), far.goesTo()]).toEqual([null, null]);
  });

  it("has an id in each, which goes back when the last device of the unit leaves", () => {
    const { host, near, far, allocate } = makeWorld();
    const [shared, other] = [allocate(near.id), allocate(far.id)];
    host.attach(far.fd, other);
    host.attach(near.fd, shared);
    expect([near.did(), far.did()]).toEqual([1, 1]);
    // The device takes the shared domain before it leaves the other, whose id is then free.
    host.attach(far.fd, shared);
    expect([near.did(), far.did()]).toEqual([1, 2]);
    host.detach(far.fd);
    host.attach(far.fd, other);
    expect([near.did(), far.did()]).toEqual([1, 1]);
    expect([near.goesTo(), far.goesTo()]).toEqual([USER_PA, USER_PA].map((pa) => BigInt(pa)));
  });

  it.each([
    ["narrower tables", { SAGAW: SAGAW_39_BITS }],
    ["no large pages", { SSLPS: 0 }],
  ])("is refused by a unit with %s, which gets tables of its own", (_why, less) => {
    const { host, ioas, near, far, allocate } = makeWorld(less);
    expect(host.attach(far.fd, allocate(near.id))).toBe("EINVAL");
    expect(host.attach(far.fd, allocate(far.id))).toBe(0);
    expect(far.goesTo()).toBe(BigInt(USER_PA));
    host.detach(far.fd);
    expect([host.attach(near.fd, ioas), host.attach(far.fd, ioas)]).toEqual([0, 0]);
    expect([near.goesTo(), far.goesTo()]).toEqual([USER_PA, USER_PA].map((pa) => BigInt(pa)));
  });
});
