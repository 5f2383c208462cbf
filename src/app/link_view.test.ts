import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PANES, type PaneId, PRESETS } from "./layout.ts";
import { type LinkView, NO_VIEW, readLink, writeLink } from "./link_view.ts";

const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });
const side = fc.record({ lesson: orNull(fc.constantFrom("nested-dma", "a1")), step: fc.nat(1 << 20) });
const views: fc.Arbitrary<LinkView> = fc.record({
  preset: orNull(fc.constantFrom(...PRESETS.map((p) => p.id))),
  pane: orNull(fc.constantFrom(...(Object.keys(PANES) as PaneId[]))),
  embed: fc.boolean(),
  step: orNull(fc.nat(1 << 20)),
  shown: orNull(fc.nat(1000)),
  record: orNull(fc.nat(1000)),
  left: orNull(side),
  right: orNull(side),
  decode: fc.constant(null),
  library: fc.constant(null),
  bench: fc.boolean(),
  eras: fc.boolean(),
});

describe("A link's view", () => {
  it("reads what was written, beside a case or without one", () => {
    fc.assert(
      fc.property(views, fc.constantFrom("", "c=1.AbC_-9"), (view, packed) => {
        expect(readLink(`#${writeLink(packed, view)}`)).toEqual({ packed, view });
      }),
    );
  });

  it("carries any text to the decoder, and shows the decoder for it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (decode) => {
        expect(readLink(writeLink("", { decode }))).toEqual({
          packed: "",
          view: { ...NO_VIEW, preset: "decode", decode },
        });
      }),
    );
    expect(readLink("#decode=arm-smmu-v3+event+0x10").view.decode).toBe("arm-smmu-v3 event 0x10");
    expect(readLink("#decode=100%").view.decode).toBe("100%");
  });

  it("names a scenario of the library, which opens for teaching before its first action", () => {
    const lesson = { ...NO_VIEW, library: "nested-dma" };
    expect(readLink("#library=nested-dma")).toEqual({ packed: "", view: { ...lesson, preset: "teach", step: 0 } });
    expect(readLink("#library=nested-dma&step=3&preset=software").view).toEqual({
      ...lesson,
      preset: "software",
      step: 3,
    });
    expect(writeLink("", { library: "nested-dma" })).toBe("library=nested-dma");
  });

  it("leaves out what is no preset, no pane and no number", () => {
    expect(readLink("#preset=toString&pane=constructor&step=-1&shown=1e3&record=&embed=yes&later=1").view).toEqual(
      NO_VIEW,
    );
    expect(readLink("#c=1.xyz").packed).toBe("c=1.xyz");
    expect(readLink("").packed).toBe("");
  });
});
