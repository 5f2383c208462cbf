import { describe, expect, it } from "vitest";
import { type LeafColumns, LeafStatus } from "../protocol/engine.ts";
import { firstAccess } from "./first_choice.ts";

const stream = { sid: 8, ssid: null };

/** Leaves at 0x1000, 0x2000 and so on. */
function leaves(...rows: readonly (readonly [status: number, permissions: number])[]): LeafColumns {
  const zeros = new Uint32Array(rows.length);
  return {
    revision: 1,
    count: rows.length,
    truncated: false,
    iovaLo: Uint32Array.from(rows, (_, i) => 0x1000 * (i + 1)),
    iovaHi: zeros,
    sizeLg2: new Uint8Array(rows.length).fill(12),
    paLo: zeros,
    paHi: zeros,
    permissions: Uint8Array.from(rows, ([, p]) => p),
    status: Uint8Array.from(rows, ([s]) => s),
    reason: new Uint16Array(rows.length),
    leafLo: zeros,
    leafHi: zeros,
  };
}

describe("The first access of a stream", () => {
  it("is a read that goes through", () => {
    const access = firstAccess(stream, leaves([LeafStatus.Stage1Fault, 3], [LeafStatus.Ok, 2], [LeafStatus.Ok, 3]));
    expect(access).toMatchObject({ sid: 8, ssid: null, iova: 0x3000n, write: false });
  });
  it("is a write where nothing may be read", () => {
    const access = firstAccess(stream, leaves([LeafStatus.Stage2Fault, 3], [LeafStatus.Ok, 2]));
    expect(access).toMatchObject({ iova: 0x2000n, write: true });
  });
  it("is a read of the first leaf where nothing goes through, and of address 0 where nothing is mapped", () => {
    expect(firstAccess(stream, leaves([LeafStatus.Unknown, 0]))).toMatchObject({ iova: 0x1000n, write: false });
    expect(firstAccess(stream, leaves())).toMatchObject({ iova: 0n });
    expect(firstAccess(stream, null)).toMatchObject({ iova: 0n });
  });
});
