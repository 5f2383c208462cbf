import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Vmids, type VmidUser } from "./vmids.ts";

describe("VMIDs", () => {
  it("begin anew when all are taken, and go to whoever runs next", () => {
    const vmids = new Vmids(8);
    const first = vmids.user();
    expect(vmids.enter(first)).toBe(1);
    for (let i = 0; i < 254; i++) vmids.enter(vmids.user());
    expect(vmids.generation).toBe(1);
    const other = vmids.user();
    expect(vmids.enter(other)).toBe(1);
    expect(vmids.generation).toBe(2);
    expect(vmids.enter(first)).toBe(2);
  });

  it("stay with who has them pinned, as long as somebody does", () => {
    const vmids = new Vmids(8);
    const user = vmids.user();
    const anew = (): void => {
      const { generation } = vmids;
      while (vmids.generation === generation) vmids.enter(vmids.user());
    };
    expect([vmids.pin(user), vmids.pin(user)]).toEqual([1, 1]);
    vmids.unpin(user);
    anew();
    expect(vmids.enter(user)).toBe(1);
    vmids.unpin(user);
    anew();
    expect(vmids.enter(user)).not.toBe(1);
  });

  it("cannot all be pinned: one stays for each processor, and one to begin anew with", () => {
    const vmids = new Vmids(8);
    const pinned = Array.from({ length: 300 }, () => vmids.pin(vmids.user())).filter((vmid) => vmid !== null);
    expect(pinned).toHaveLength(256 - 3);
    expect(new Set(pinned).size).toBe(pinned.length);
    expect(vmids.enter(vmids.user())).toBeGreaterThan(0);
  });

  it("are never two virtual machines' at a time, whoever comes, goes and pins", () => {
    const step = fc.record({ who: fc.nat(7), what: fc.constantFrom("enter", "pin", "unpin", "others") });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const vmids = new Vmids(8);
        const users = Array.from({ length: 8 }, () => vmids.user());
        const kept = new Map<VmidUser, number>();
        for (const { who, what } of steps) {
          const user = users[who]!;
          if (what === "pin") kept.set(user, vmids.pin(user)!);
          else if (what === "unpin" && user.pins > 0) vmids.unpin(user);
          else if (what === "others") for (let i = 0; i < 100; i++) vmids.enter(vmids.user());
          else vmids.enter(user);
          for (const [pinned, vmid] of kept) if (pinned.pins > 0) expect(pinned.vmid).toBe(vmid);
          const now = users.filter(({ generation, pins }) => pins > 0 || generation === vmids.generation);
          expect(new Set(now.map(({ vmid }) => vmid)).size).toBe(now.length);
        }
      }),
    );
  });
});
