import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IOCTLS } from "../../host/iommufd/ioctls.ts";
import type { Action } from "../../protocol/machine.ts";
import { NIC, virtualMachineOn } from "../../scenario/library/machines.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { documentOn, openOn } from "../testing/open_session.ts";
import { VTD } from "../vtd/architecture.ts";

const GUEST = { device: NIC.virtualId, pasid: null };
const PAGE = 4096;
const RAM = { from: 0x1_0000_0000n, end: 0x1_0000_0000n + 0x100_0000n };
const DOORBELL = 0x809_0000n;

/** Small numbers that are often ids, flags or descriptors, and addresses of guest memory. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 12n }) },
  { weight: 2, arbitrary: fc.constantFrom(0x1000n, 0x4000_0000n, 0x4000_1000n, 0x800_0000n, 0x7e00_0000_0000n) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
);
const call: fc.Arbitrary<Action> = fc.constantFrom(...IOCTLS).chain(({ name, fields }) =>
  fc.array(value, { minLength: fields.length, maxLength: fields.length }).map((values): Action => {
    const given = fields.map((f, i) => [f.name, values[i]!] as const).filter(([field]) => field !== "size");
    return { do: "vmm call", call: name, fields: Object.fromEntries(given) };
  }),
);
const dma = (iova: bigint): Action => ({
  do: "dma",
  sid: NIC.sid,
  ssid: null,
  iova,
  write: true,
  privileged: false,
  instruction: false,
  length: 4,
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: call },
  fc.record({
    do: fc.constant("vmm call" as const),
    call: fc.constantFrom("close"),
    fields: fc.bigInt({ min: 3n, max: 9n }).map((fd) => ({ fd })),
  }),
  fc.constant<Action>({
    do: "vmm call",
    call: "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    fields: {},
    device: GUEST.device,
  }),
  fc.bigInt({ min: 1n, max: 12n }).map((pt_id): Action => {
    return { do: "vmm call", call: "VFIO_DEVICE_ATTACH_IOMMUFD_PT", fields: { pt_id }, device: GUEST.device };
  }),
  fc.constantFrom<Action>(
    { do: "vmm", what: "hold" },
    { do: "vmm", what: "let go" },
    { do: "vmm msi", device: GUEST.device },
    { do: "guest map", ...GUEST, iova: 0x10_0000n, bytes: PAGE, write: true },
    { do: "guest unmap", ...GUEST, iova: 0x10_0000n, bytes: PAGE },
    { do: "guest map at", ...GUEST, iova: 0x800_0000n, bytes: PAGE, to: 0x800_0000n },
    { do: "guest detach", ...GUEST },
    { do: "guest faults" },
  ),
);

describe.each([
  ["neoverse", "nested, trapped", SMMUV3],
  ["grace", "nested, direct", SMMUV3],
  ["sapphire-rapids", "nested, trapped", VTD],
  ["sapphire-rapids", "emulated", VTD],
  ["full", "nested, trapped", AMDVI],
  ["full", "nested, direct", AMDVI],
] as const)("A VMM that calls whatever it likes, %s %s", (preset, mode, architecture) => {
  it("stays within its memory and the doorbell, and the session goes on", () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 10, maxLength: 40 }), (actions) => {
        const machine = virtualMachineOn(architecture.arch, preset, { mode, ats: true, amdNesting: "as intended" });
        const session = openOn(architecture, documentOn(machine));
        const all = actions.flatMap((one) => [one, dma(0x10_0000n), dma(0x800_0040n), dma(0x4000_0000n)]);
        expect(session.applyAll(all).ok).toBe(true);
        for (const { result } of session.log(0, 1000).rows) {
          if (result?.type !== "went" || result.pa === null) continue;
          const inside = result.pa >= RAM.from && result.pa < RAM.end;
          expect(inside || (result.pa >= DOORBELL && result.pa < DOORBELL + 0x1000n)).toBe(true);
        }
      }),
      { numRuns: 15 },
    );
  });
});
