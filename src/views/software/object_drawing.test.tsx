import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import type { KernelObjectRow } from "../../protocol/software.ts";
import { ObjectDrawing } from "./ObjectDrawing.tsx";

const object = (id: number, type: string, holds: readonly number[], about: string): KernelObjectRow => ({
  id,
  type,
  users: 1,
  holds,
  about,
});

/** Two devices of one guest, each with a nested domain. */
const OBJECTS: readonly KernelObjectRow[] = [
  object(1, "IOAS", [], "3 mapped ranges"),
  object(2, "DEVICE", [], "0000:00:05.0, requester 0x28"),
  object(3, "DEVICE", [], "0000:00:06.0, requester 0x30"),
  object(4, "HWPT_PAGING", [1], "stage 2, parent of nested ones"),
  object(5, "VIOMMU", [4], "the guest's IOMMU"),
  object(6, "VDEVICE", [5, 2], "the guest knows it as 0x10"),
  object(7, "VDEVICE", [5, 3], "the guest knows it as 0x18"),
  object(8, "VEVENTQ", [5], "room for 64 events"),
  object(9, "HWPT_NESTED", [5], "stage 1 is the guest's"),
];

function draw(objects: readonly KernelObjectRow[], chosen: number | null): string {
  const markup = renderToStaticMarkup(
    <ObjectDrawing objects={objects} width={640} height={260} chosen={chosen} onChoose={() => {}} />,
  );
  return `${markup.replaceAll(/>(?=<(?!\/text|\/title))/g, ">\n")}\n`;
}

describe("The drawing of the kernel's objects", () => {
  it.each([
    ["two_devices", OBJECTS, null],
    ["viommu_chosen", OBJECTS, 5],
    ["one_object", OBJECTS.slice(0, 1), null],
  ] as const)("%s looks as it did", async (name, objects, chosen) => {
    await expect(draw(objects, chosen)).toMatchFileSnapshot(`./golden/${name}.golden.svg`);
  });

  it("draws a type that it has no look for", () => {
    expect(draw([object(1, "FAULT", [], "")], null)).toContain(">FAULT</text>");
  });
});
