import { describe, expect, it } from "vitest";
import { formatScenario, parseScenario, readScenario } from "./document.ts";
import { LIMITS } from "./limits.ts";

const minimal = { v: 1, machine: { arch: "smmuv3", registers: { CR0: "0xd" } } };

const refusal = (json: unknown) => {
  const r = readScenario(json, "case.json");
  if (r.ok) throw new Error("it was read");
  return r.error;
};

const withMachine = (machine: object) => ({ ...minimal, machine: { ...minimal.machine, ...machine } });

describe("reading scenario/1", { timeout: 30_000 }, () => {
  it("fills in what is left out", () => {
    expect(readScenario(minimal, "case.json")).toEqual({
      ok: true,
      value: {
        title: "",
        about: "",
        machine: {
          arch: "smmuv3",
          registers: { CR0: 13n },
          memory: { outside: "unknown", zero: [], segments: [] },
          devices: [],
        },
        actions: [],
        recorded: { accesses: [], events: [] },
        view: null,
      },
    });
  });

  it("ignores keys it does not know, at any depth", () => {
    const extra = { ...withMachine({ colour: "red", devices: [{ sid: 1, weight: 3 }] }), later: { v: 9 } };
    expect(readScenario(extra, "case.json")).toMatchObject({
      ok: true,
      value: { machine: { devices: [{ sid: 1, bdf: "", label: "" }] } },
    });
  });

  const step = (s: object) => ({ ...minimal, steps: [{ do: "toggle", at: "0x8", bit: 1 }, s] });
  const words = (w: object) => withMachine({ memory: { words: w } });

  const refused: [json: object, place: string, detail: string][] = [
    [{ ...minimal, title: 7 }, "title", "Expected a title; found 7."],
    [{ v: 1 }, "machine", "This key is missing."],
    [withMachine({ arch: "s390" }), "machine.arch", 'found "s390"'],
    [withMachine({ registers: { CR0: "13" } }), "machine.registers.CR0", "with 0x"],
    [withMachine({ registers: { CR0: 13 } }), "machine.registers.CR0", "hexadecimal string"],
    [withMachine({ registers: { CR0: "0x10000000000000000" } }), "machine.registers.CR0", "16 digits"],
    [withMachine({ registers: { "cr 0": "0x1" } }), 'machine.registers["cr 0"]', "register name"],
    [withMachine({ devices: [{ sid: 1 }, { sid: -1 }] }), "machine.devices[1].sid", "from 0 to 4294967295"],
    [withMachine({ memory: { outside: "zero" } }), "machine.memory.outside", '"abort" or "unknown"'],
    [withMachine({ memory: { zero: [["0x0"]] } }), "machine.memory.zero[0][1]", "missing"],
    [withMachine({ memory: { zero: [["0x1", "0x8"]] } }), "machine.memory.zero[0][0]", "multiple of 8"],
    [words({ "0x1001": "1" }), 'machine.memory.words["0x1001"]', "multiple of 8"],
    [words({ "0x10000000000000": "1" }), 'machine.memory.words["0x10000000000000"]', "below 2^52"],
    [words({ x: "1" }), "machine.memory.words.x", "physical address"],
    [
      words({ "0x1000": "1 2 zz" }),
      'machine.memory.words["0x1000"]',
      'Word 3: expected up to 16 hexadecimal digits, with *n for n equal words; found "zz"',
    ],
    [words({ "0x1008": "1", "0x1000": "0*2" }), 'machine.memory.words["0x1008"]', "overlaps the run at 0x1000"],
    [words({ "0xffffffffffff8": "1 2" }), 'machine.memory.words["0xffffffffffff8"]', "beyond 2^52"],
    [withMachine({ memory: { zero: [["0xffffffffffff8", "0x10"]] } }), "machine.memory.zero[0]", "beyond 2^52"],
    [words({ "0x1000": 1 }), 'machine.memory.words["0x1000"]', "as text"],
    [step({ do: "explode" }), "steps[1].do", "dma"],
    [step({ do: "toggle", at: "0x8", bit: 64 }), "steps[1].bit", "from 0 to 63"],
    [step({ do: "write", at: "0x8", bytes: "123" }), "steps[1].bytes", "pairs"],
    [step({ do: "dma", sid: 1 }), "steps[1].iova", "missing"],
    [step({ do: "dma", sid: 1, iova: "0x0", length: 1e9 }), "steps[1].length", "a length in bytes"],
    [step({ do: "dma", sid: 1, iova: "0x0", attributes: { mair: "0x100", sh: 0 } }), "steps[1].attributes.mair", "2^8"],
    [step({ do: "page request", sid: 1, address: "0x0", prgIndex: 512 }), "steps[1].prgIndex", "from 0 to 511"],
    [step({ do: "mmio", offset: "0x20", value: "0x1", width: 2 }), "steps[1].width", "4 or 8"],
    [withMachine({ caches: { tlb: { entries: 3, ways: 1 } } }), "machine.caches.tlb.entries", "power of two"],
    [withMachine({ devices: [{ sid: 1, ats: {} }] }), "machine.devices[0].ats.capacity", "missing"],
    [{ ...minimal, recorded: { events: [{}] } }, "recorded.events[0]", "64-bit words"],
    [{ ...minimal, recorded: { events: [["0x1"]] } }, "recorded.events[0]", "found 1"],
    [{ ...minimal, view: { access: { sid: 1 } } }, "view.access.iova", "missing"],
    [{ ...minimal, about: "x".repeat(LIMITS.about + 1) }, "about", `At most ${LIMITS.about}`],
  ];
  it.each(refused.map(([json, place, detail]) => [place, detail, json] as const))(
    "names %s: %s",
    (place, detail, json) => {
      const error = refusal(json);
      expect(error.place).toBe(`case.json, ${place}`);
      expect(error.detail).toContain(detail);
    },
  );

  it("refuses more scattered pages than the model keeps, at the run that is one too many", () => {
    const scattered = Object.fromEntries(
      Array.from({ length: LIMITS.pages + 1 }, (_, i) => [`0x${(i * 4096).toString(16)}`, "1"]),
    );
    expect(refusal(words(scattered))).toMatchObject({
      place: 'case.json, machine.memory.words["0x10000000"]',
      detail: expect.stringContaining("more than 65536 pages"),
    });
    delete scattered["0x0"];
    expect(readScenario(words(scattered), "case.json").ok).toBe(true);
  });

  it("keeps a register called like an object's own members out", () => {
    const r = parseScenario(
      '{"v":1,"machine":{"arch":"smmuv3","registers":{"__proto__":"0x1","constructor":"0x2"}}}',
      "f",
    );
    if (r.ok) expect(Object.keys(r.value.machine.registers)).toEqual([]);
    else expect(r.error.place).toContain("machine.registers");
  });
});

describe("writing scenario/1", { timeout: 30_000 }, () => {
  it("is a text that a person can read and edit", () => {
    const r = parseScenario(
      '{"v":1,"title":"t","machine":{"arch":"smmuv3","registers":{"CR0":"0xd"},"memory":{"words":{"0x1000":"d 0*7"}}}}',
      "f",
    );
    expect(r.ok && formatScenario(r.value)).toBe(`{
 "v": 1,
 "title": "t",
 "machine": {
  "arch": "smmuv3",
  "registers": {
   "CR0": "0xd"
  },
  "memory": {
   "words": {
    "0x1000": "d 0*7"
   }
  }
 }
}
`);
  });
});
