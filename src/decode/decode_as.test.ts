import { describe, expect, it } from "vitest";
import { decodeAs, STRUCTURE_KINDS } from "./decode_as.ts";

const ok = (words: bigint[], kind: string) => {
  const r = decodeAs(words, kind);
  if (!r.ok) throw new Error(r.message);
  return r;
};
const meaning = (r: ReturnType<typeof ok>, name: string) => r.fields.find((f) => f.declaration.name === name)?.meaning;

describe("decodeAs", () => {
  it("reads every kind from all zeros and all ones without throwing", () => {
    for (const { id } of STRUCTURE_KINDS) {
      for (const w of [0n, (1n << 64n) - 1n]) expect(ok([w], id).summary).toMatch(/\.$/);
    }
  });

  it("reads an STE and says which words were missing", () => {
    const r = ok([0xbn, 0n], "ste");
    expect(meaning(r, "Config")).toBe("stage 1 translates, stage 2 bypass");
    expect(r.missingWords).toBe(6);
    expect(ok([0n], "ste").summary).toContain("C_BAD_STE");
  });

  it("takes the command's and the event's own layout", () => {
    expect(ok([0x0000_0042_0000_0003n, 1n], "command").layout.name).toBe("CMD_CFGI_STE");
    expect(ok([0x0000_0042_0000_0007n], "event").layout.name).toBe("F_TRANSL_FORBIDDEN");
    expect(ok([0xffn, 0n], "command").layout.name).toBe("Reserved command");
  });

  it("reads a descriptor as a block where its low bits say so, else as a page", () => {
    const page = 0x0040_0000_8000_0783n;
    expect(ok([page], "s1-descriptor").layout.name).toContain("Page");
    expect(ok([page & ~2n], "s2-descriptor").layout.name).toContain("Block");
    expect(ok([0n], "s1-descriptor").summary).toBe("An invalid descriptor.");
  });

  it("reads structures of VT-d and AMD-Vi, by the type in their words where they have one", () => {
    expect(ok([0x25n, 0n], "vtd-descriptor").layout.name).toBe("inv_wait_dsc");
    expect(ok([0xfn], "vtd-descriptor").layout.name).toBe("Reserved descriptor");
    expect(ok([0x8000n], "vtd-irte").layout.name).toBe("posted IRTE");
    expect(ok([3n << 60n], "amd-command").layout.name).toBe("INVALIDATE_IOMMU_PAGES");
    expect(ok([2n << 60n], "amd-event").layout.name).toBe("IO_PAGE_FAULT");
    expect(ok([0n], "amd-event").layout.name).toBe("Reserved event");
    expect(ok([0x602n], "register:FSTS").layout.name).toBe("FSTS");
    expect(ok([0n], "register:EVT_BASE").layout.name).toBe("EVT_BASE");
  });

  it("reads registers by name", () => {
    const r = ok([0x1dn], "register:CR0");
    expect(meaning(r, "ATSCHK")).toBe("checked against STE.EATS");
    expect(ok([0x101n], "register:GATOS_PAR").fields.map((f) => f.declaration.name)).toContain("FAULTCODE");
    expect(decodeAs([0n], "register:NONE")).toMatchObject({ ok: false });
  });

  it("names set bits of reserved runs", () => {
    expect(ok([1n << 5n], "l1std").reservedSet.map((f) => f.declaration.name)).toEqual(["_5"]);
  });

  it("refuses no words and too many", () => {
    expect(decodeAs([], "ste")).toMatchObject({ ok: false });
    expect(
      decodeAs(
        Array.from({ length: 9 }, () => 0n),
        "ste",
      ),
    ).toMatchObject({
      ok: false,
      message: expect.stringContaining("8 words"),
    });
  });
});
