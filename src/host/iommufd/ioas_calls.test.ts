import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { Returned } from "../errno.ts";
import { HostWorld, MEMORY_LAYOUT, USER_BYTES, USER_VA } from "../testing/host_world.ts";
import {
  IOAS_ALLOC,
  IOAS_ALLOW_IOVAS,
  IOAS_MAP,
  IOAS_MAP_FILE,
  MAP_FIXED_IOVA,
  MAP_READABLE,
  MAP_WRITEABLE,
} from "./ioctls.ts";
import { ULONG_MAX } from "./ranges.ts";
import { Selftest } from "./selftest.ts";

const PAGE = 0x1000n;
const FIXED = MAP_FIXED_IOVA | MAP_READABLE | MAP_WRITEABLE;
const NOWHERE = 8n;

function world() {
  const host = new HostWorld(new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] }), []);
  const { out_ioas_id: ioas_id } = host.must(IOAS_ALLOC, {});
  const selftest = new Selftest(host.context, host.process);
  return {
    host,
    ioas_id,
    selftest,
    map: (user_va: bigint, length: bigint, iova: bigint): Returned =>
      host.call(IOAS_MAP, { flags: FIXED, ioas_id, user_va, length, iova }).returned,
    mapFile: (fd: number, start: bigint, length: bigint, iova: bigint): Returned =>
      host.call(IOAS_MAP_FILE, { flags: FIXED, ioas_id, fd, start, length, iova }).returned,
    allow: (...pairs: readonly (readonly [bigint, bigint])[]): Returned => {
      const allowed_iovas = host.put(new Uint8Array(new BigUint64Array(pairs.flat()).buffer));
      return host.call(IOAS_ALLOW_IOVAS, { ioas_id, num_iovas: pairs.length, allowed_iovas }).returned;
    },
  };
}

describe("mapping into an IOAS", () => {
  it("a length within a page of the last address is EINVAL, whatever the place (iopt_alloc_pages)", () => {
    const { map } = world();
    expect(map(0n, ULONG_MAX - PAGE + 1n, 0n)).toBe("EINVAL");
    expect(map(0n, ULONG_MAX - PAGE, PAGE)).toBe(0);
  });

  it("memory of a process may end before the last address, of a file with it (iopt_map_file_pages)", () => {
    const { map, mapFile, host } = world();
    const file = host.process.install({ kind: "memory", close: () => {} });
    const last = ULONG_MAX - PAGE + 1n;
    expect(map(last, PAGE, 0n)).toBe("EOVERFLOW");
    expect(mapFile(file, last, PAGE, 0n)).toBe(0);
    expect(mapFile(file, last, PAGE + 1n, PAGE)).toBe("EOVERFLOW");
  });

  it("what a file cannot pin is EINVAL once a domain needs it, what a process cannot is EFAULT (memfd_pin_folios)", () => {
    const { map, mapFile, host, ioas_id, selftest } = world();
    selftest.makeDevice(ioas_id, 0);
    const nothing = host.process.install({ kind: "stream", close: () => {} });
    const short = host.process.install({ kind: "memory", pageAt: (at) => (at < PAGE ? at : null), close: () => {} });
    expect(mapFile(nothing, 0n, PAGE, 1n << 24n)).toBe("EINVAL");
    expect(mapFile(short, 0n, 2n * PAGE, 1n << 24n)).toBe("EINVAL");
    expect(mapFile(short, 0n, PAGE, 1n << 24n)).toBe(0);
    expect(map(USER_VA + USER_BYTES, PAGE, 1n << 25n)).toBe("EFAULT");
  });
});

describe("an allowed list", () => {
  it("is read pair by pair: the first that is bad or cannot be read decides (iommufd_ioas_load_iovas)", () => {
    const { host, ioas_id, allow } = world();
    const huge = (allowed_iovas: bigint) =>
      host.call(IOAS_ALLOW_IOVAS, { ioas_id, num_iovas: 0xffff_ffff, allowed_iovas }).returned;
    expect(huge(NOWHERE)).toBe("EFAULT");
    expect(huge(USER_VA)).toBe("EINVAL");
    expect(allow([0x5000n, 0x5fffn], [0x1000n, 0x1fffn], [0x5800n, 0x6fffn])).toBe("EINVAL");
    expect(allow([0x5000n, 0x5fffn], [0x1000n, 0x4fffn])).toBe(0);
  });

  it("of as many pairs as a caller has room for is answered at once", () => {
    const { allow } = world();
    const pairs = Array.from({ length: 30_000 }, (_, i) => BigInt(30_000 - i) * PAGE).map(
      (start) => [start, start + 1n] as const,
    );
    expect(allow(...pairs)).toBe(0);
    expect(allow(...pairs, [PAGE, PAGE + 1n])).toBe("EINVAL");
  });
});
