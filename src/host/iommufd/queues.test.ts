import { describe, expect, it } from "vitest";
import type { PageFault } from "../drivers/driver.ts";
import { FaultQueue, POLLIN } from "./fault_queue.ts";
import { Veventq } from "./veventq.ts";
import type { Viommu } from "./viommu.ts";

const words = (bytes: unknown): number[] =>
  bytes instanceof Uint8Array ? [...new Uint32Array(bytes.slice().buffer)] : [];
const fault = (group: number, last: boolean): PageFault => ({
  pasid: 7,
  group,
  last,
  permission: 3,
  address: 0x12_3456_7000n,
});
const answer = (...pairs: readonly number[]): Uint8Array => new Uint8Array(new Uint32Array(pairs).buffer);

describe("a fault queue", () => {
  const filled = () => {
    const codes: number[] = [];
    const queue = new FaultQueue(() => {});
    const source = {};
    queue.deliver({ source, deviceId: 4, faults: [fault(1, false), fault(1, true)], respond: (c) => codes.push(c) });
    queue.deliver({ source, deviceId: 4, faults: [fault(2, true)], respond: (c) => codes.push(10 + c) });
    return { queue, codes, source };
  };

  it("gives a group whole or not at all", () => {
    const { queue } = filled();
    expect(queue.read(0, 0n)).toBe("EINVAL");
    expect(queue.read(40, 0n)).toBe("EINVAL");
    const records = words(queue.read(80, 0n));
    expect(records.slice(0, 10)).toEqual([1, 4, 7, 1, 3, 0, 0x3456_7000, 0x12, 0, 1]);
    expect(records.slice(10)).toEqual([3, 4, 7, 1, 3, 0, 0x3456_7000, 0x12, 0, 1]);
    expect(words(queue.read(400, 0n)).at(-1)).toBe(2);
    expect(words(queue.read(400, 0n))).toEqual([]);
  });

  it("takes answers by cookie, each once, and says how far it came", () => {
    const { queue, codes } = filled();
    queue.read(400, 0n);
    expect(queue.write(answer(2, 1, 1, 0, 1, 0), 0n)).toBe(16);
    expect(codes).toEqual([11, 0]);
    expect(queue.write(answer(1, 0), 0n)).toBe("EINVAL");
  });

  it("the lowest free cookie is given again", () => {
    const { queue } = filled();
    queue.read(80, 0n);
    queue.write(answer(1, 0), 0n);
    expect(words(queue.read(40, 0n)).at(-1)).toBe(1);
  });

  it("leaving the HWPT answers what was read and what was not", () => {
    const { queue, codes, source } = filled();
    queue.read(80, 0n);
    queue.abandon({});
    expect(codes).toEqual([]);
    queue.abandon(source);
    expect(codes.sort()).toEqual([1, 11]);
    expect(queue.poll() & POLLIN).toBe(0);
  });
});

describe("a vEVENTQ", () => {
  const make = (depth: number): Veventq => {
    const viommu = { users: 0, queues: new Map() } as unknown as Viommu;
    return new Veventq(viommu, 1, depth, () => {});
  };
  const event = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n]).buffer);

  it("counts events that it loses, and says so behind those that it keeps", () => {
    const queue = make(2);
    for (let n = 0; n < 5; n++) queue.report(event(n));
    expect(words(queue.read(100, 0n))).toEqual([0, 0, 0, 0, 1, 1, 1, 4]);
    expect(queue.poll()).toBe(0);
  });

  it("a lost header vanishes when a later event is queued behind it", () => {
    const queue = make(1);
    queue.report(event(0));
    queue.report(event(1));
    expect(words(queue.read(12, 0n))).toEqual([0, 0, 0]);
    queue.report(event(2));
    expect(words(queue.read(100, 0n))).toEqual([0, 2, 2]);
  });

  it("gives only whole events", () => {
    const queue = make(4);
    queue.report(event(1));
    queue.report(event(2));
    expect(queue.read(11, 0n)).toBe("EINVAL");
    expect(words(queue.read(20, 0n))).toEqual([0, 0, 1]);
  });
});
