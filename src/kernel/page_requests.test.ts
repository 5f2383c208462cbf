import { describe, expect, it } from "vitest";
import { type PageRequest, PageRequestGroups } from "./page_requests.ts";

const request = (group: number, page: number, last = false): PageRequest => ({
  sid: 1,
  pasid: 5,
  group,
  last,
  read: true,
  write: false,
  execute: false,
  privileged: false,
  address: BigInt(page) * 4096n,
});

describe("Groups of page requests", () => {
  it("are whole with their last request, whatever came between", () => {
    const groups = new PageRequestGroups();
    expect([groups.add(request(1, 1)), groups.add(request(2, 2)), groups.add(request(1, 3))]).toEqual([
      null,
      null,
      null,
    ]);
    expect(groups.add(request(1, 4, true))!.map(({ address }) => address)).toEqual([0x1000n, 0x3000n, 0x4000n]);
    expect(groups.add(request(1, 5, true))).toHaveLength(1);
  });

  it("lose what waits when requests were lost, and keep no more than a bound", () => {
    const groups = new PageRequestGroups();
    for (let i = 0; i < 2000; i++) groups.add(request(3, i));
    expect(groups.add(request(3, 0, true))).toHaveLength(513);
    groups.add(request(4, 1));
    groups.dropOpen();
    expect(groups.add(request(4, 2, true))).toHaveLength(1);
  });
});
