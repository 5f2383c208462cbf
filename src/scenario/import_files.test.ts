import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { InputFile, Problem } from "../protocol/engine.ts";
import { deflateRaw } from "./compression.ts";
import { formatScenario } from "./document.ts";
import { importFiles } from "./import_files.ts";
import { crc32 } from "./zip.ts";

const SHIPPED = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const register = (value: string, width = 4) => ({ offset: "0x0", value, width });

/** A small capture: two pages of memory, one translation, one miss, one event. */
const capture = () => ({
  format: "iommu-capture/1",
  about: "small",
  iommu: "Arm SMMUv3",
  kernel: "Linux",
  machine: "",
  registerBase: "0x9050000",
  registers: {
    IDR0: register("0x0d44101b"),
    IDR1: register("0x02730010"),
    IDR3: register("0x00001414"),
    IDR5: register("0x00000074"),
    CR0: register("0x0000000d"),
    CR2: register("0x00000006"),
    STRTAB_BASE: register("0x4000000040bb3000", 8),
    STRTAB_BASE_CFG: register("0x00010210"),
  } as Record<string, { offset: string; value: string; width: number }>,
  memory: {
    file: "memory.bin",
    encoding: "none",
    bytes: 8192,
    pageBytes: 4096,
    index: [
      ["0x40bb3000", 4096, 0],
      ["0x40bb8000", 4096, 4096],
    ] as [string, number, number][],
    zeroRanges: [["0x40c0f000", 8192]],
  },
  devices: [
    { bdf: "0000:00:01.0", rid: 8, id: "0x1af4:0x1042", driver: "virtio-pci" },
    { bdf: "0000:00:02.0", rid: 16, id: "0x1234:0x11e8", driver: "-" },
  ],
  translations: [
    { rid: 8, pasid: null, iova: "0xffdee500", write: true, pa: "0x415bb500", read: true, source: "probe" },
  ],
  unmapped: [{ rid: 8, pasid: 3, iova: "0x0", source: "probe", result: "F_TRANSLATION" }],
  faultRecords: [{ index: 0, words: ["0x10", "0x0", "0x0", "0x0"], type: "0x10", sid: 0 }],
});

const memory = (): Uint8Array => new Uint8Array(8192).map((_, i) => (i * 7) & 0xff);
const file = (name: string, bytes: Uint8Array): InputFile => ({ name, bytes });
const pair = (json: unknown = capture(), bytes = memory()) => [
  file("capture.json", bytesOf(json)),
  file("memory.bin", bytes),
];

const problemOf = async (files: readonly InputFile[]): Promise<Problem> => {
  const r = await importFiles(files);
  if (r.ok) throw new Error("it was imported");
  return r.error;
};

/** A zip archive of deflated files. */
async function zipOf(files: readonly InputFile[]): Promise<Uint8Array> {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes } of files) {
    const packed = await deflateRaw(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const offset = Buffer.alloc(14);
    offset.writeUInt32LE(at, 10);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\0"), common, offset, Buffer.from(name)]));
    locals.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(at, 12);
  return Uint8Array.from(Buffer.concat([...locals, central, Buffer.from("PK\x05\x06"), end]));
}

describe("a capture", { timeout: 30_000 }, () => {
  it("becomes a scenario with what was recorded beside it", async () => {
    const r = await importFiles(pair());
    const access = { sid: 8, ssid: null, iova: 0xffdee500n, write: true, privileged: false, instruction: false };
    expect(r.ok && r.value.scenario).toMatchObject({
      title: "Capture",
      about: "small\nLinux",
      machine: {
        arch: "smmuv3",
        registers: { IDR0: 0x0d44101bn, STRTAB_BASE: 0x4000000040bb3000n },
        memory: {
          outside: "unknown",
          zero: [[0x40c0f000n, 8192n]],
          segments: [
            { at: 0x40bb3000n, bytes: memory().subarray(0, 4096) },
            { at: 0x40bb8000n, bytes: memory().subarray(4096) },
          ],
        },
        devices: [
          { sid: 8, bdf: "0000:00:01.0", label: "virtio-pci" },
          { sid: 16, bdf: "0000:00:02.0", label: "0x1234:0x11e8" },
        ],
      },
      actions: [],
      recorded: {
        accesses: [
          { access, pa: 0x415bb500n, result: null, source: "probe" },
          {
            access: { ...access, ssid: 3, iova: 0n, write: false },
            pa: null,
            result: "F_TRANSLATION",
            source: "probe",
          },
        ],
        events: [{ words: [0x10n, 0n, 0n, 0n] }],
      },
    });
  });

  it.each([
    ["gzip under its own name", "memory.bin.gz", true],
    ["gzip under a plain name", "memory.bin", true],
    ["plain under a gzip name", "memory.bin.gz", false],
  ])("takes a memory file that is %s", async (_, name, packed) => {
    const bytes = packed ? Uint8Array.from(gzipSync(memory())) : memory();
    const r = await importFiles([file("capture.json", bytesOf(capture())), file(name, bytes)]);
    expect(r.ok && r.value.scenario.machine.memory.segments[1]!.bytes).toEqual(memory().subarray(4096));
  });

  it("takes memory for what it is when its first bytes look like gzip", async () => {
    const bytes = memory();
    bytes.set([0x1f, 0x8b, 8]);
    expect((await importFiles(pair(capture(), bytes))).ok).toBe(true);
  });

  it("comes out of a dropped folder, other files ignored, and is named after it", async () => {
    const r = await importFiles([
      file("x/my-machine/memory.bin", memory()),
      file("x/my-machine/capture.json", bytesOf(capture())),
      file("x/my-machine/dmesg.txt", new Uint8Array(10)),
      file("x/other/memory.bin", new Uint8Array(8)),
    ]);
    expect(r.ok && r.value.scenario.title).toBe("my-machine");
  });

  it("comes out of a zip archive", async () => {
    const zip = await zipOf([
      file("cap/capture.json", bytesOf(capture())),
      file("cap/memory.bin.gz", Uint8Array.from(gzipSync(memory()))),
    ]);
    const r = await importFiles([file("Downloads/nested.zip", zip)]);
    expect(r.ok && [r.value.scenario.title, r.value.scenario.machine.memory.segments[1]!.bytes]).toEqual([
      "cap",
      memory().subarray(4096),
    ]);
    const flat = await importFiles([file("nested.zip", await zipOf(pair()))]);
    expect(flat.ok && flat.value.scenario.title).toBe("nested");
  });

  it("that ships with the program imports whole", async () => {
    const read = (name: string) => file(name, Uint8Array.from(readFileSync(new URL(name, SHIPPED))));
    const r = await importFiles([read("capture.json"), read("memory.bin")]);
    expect(r.ok && r.value.capture).toMatchObject({
      translations: { length: 621 },
      unmapped: { length: 66 },
      faultRecords: { length: 11 },
      guestMappings: { length: 169 },
    });
  });
});

describe("a bad capture", { timeout: 30_000 }, () => {
  it("whose memory file was cut short: the range and both sizes are named", async () => {
    const error = await problemOf(pair(capture(), memory().subarray(0, 5000)));
    expect(error).toEqual({
      title: "The memory file of this capture was cut short.",
      place: "capture.json, memory.index[1]",
      detail: "The 4096 bytes at 0x40bb8000 are said to stand at 4096 to 8192 of memory.bin, which holds 5000 bytes.",
    });
  });

  it("whose compressed memory file was cut short", async () => {
    const packed = Uint8Array.from(gzipSync(memory()));
    const error = await problemOf([
      file("capture.json", bytesOf(capture())),
      file("m/memory.bin.gz", packed.subarray(0, 30)),
    ]);
    expect(error).toMatchObject({ title: "This gzip file is damaged.", place: "m/memory.bin.gz" });
  });

  it("whose JSON was cut short", async () => {
    const json = bytesOf(capture());
    const error = await problemOf([file("capture.json", json.subarray(0, 700)), file("memory.bin", memory())]);
    expect(error).toMatchObject({
      place: "capture.json, line 1, column 701",
      detail: expect.stringContaining("cut short"),
    });
  });

  it.each(["IDR0", "IDR1", "IDR3", "IDR5", "CR0", "CR2", "STRTAB_BASE", "STRTAB_BASE_CFG"])(
    "without %s",
    async (name) => {
      const json = capture();
      delete json.registers[name];
      expect(await problemOf(pair(json))).toMatchObject({
        title: "A register is missing from this capture.",
        place: `capture.json, registers.${name}`,
        detail: expect.stringContaining(name),
      });
    },
  );

  it("names every register that is missing", async () => {
    const error = await problemOf(pair({ ...capture(), registers: { CR0: register("0xd") } }));
    expect(error.detail).toContain("IDR0, IDR1, IDR3, IDR5, CR2, STRTAB_BASE, STRTAB_BASE_CFG");
  });

  it("whose memory would inflate past what it says", async () => {
    const bomb = Uint8Array.from(gzipSync(new Uint8Array(32 << 20)));
    const error = await problemOf([file("capture.json", bytesOf(capture())), file("memory.bin.gz", bomb)]);
    expect(error).toMatchObject({ title: "This file unpacks to too much.", place: "memory.bin.gz" });
  });

  const json = capture();
  it.each(
    [
      [{ ...json, memory: { ...json.memory, bytes: 4096 } }, "memory.bytes", "different captures"],
      [{ ...json, memory: { ...json.memory, index: [["0x40bb3004", 8, 0]] } }, "memory.index[0][0]", "multiple of 8"],
      [{ ...json, memory: { ...json.memory, index: [["0x40bb3000", 12, 0]] } }, "memory.index[0][1]", "multiple of 8"],
      [{ ...json, memory: { ...json.memory, index: [["0x40bb3000", 8, -8]] } }, "memory.index[0][2]", "offset"],
      [{ ...json, memory: { ...json.memory, index: [["0x40bb3000", 8, 2 ** 53]] } }, "memory.index[0][2]", "offset"],
      [
        {
          ...json,
          memory: {
            ...json.memory,
            index: [
              ["0x40bb3000", 16, 0],
              ["0x40bb3008", 8, 0],
            ],
          },
        },
        "memory.index",
        "overlap",
      ],
      [{ ...json, memory: {} }, "memory.index", "missing"],
      [
        { ...json, registers: { ...json.registers, CR0: register("0x100000000") } },
        "registers.CR0",
        "wider than 4 bytes",
      ],
      [{ ...json, registers: { ...json.registers, CR0: register("0xd", 2) } }, "registers.CR0.width", "4 or 8"],
      [{ ...json, registers: { ...json.registers, CR0: "0xd" } }, "registers.CR0", "offset, value and width"],
      [{ ...json, translations: [json.translations[0], { rid: 8 }] }, "translations[1].iova", "missing"],
      [{ ...json, unmapped: {} }, "unmapped", "a list of rows"],
      [{ ...json, faultRecords: [{ words: ["0x1"] }] }, "faultRecords[0].words", "found 1"],
      [{ ...json, devices: [{ rid: "8" }] }, "devices[0].rid", "StreamID"],
      [{ ...json, format: "iommu-capture/2" }, "format", "iommu-capture/1"],
      [{ ...json, iommu: "a RISC-V IOMMU" }, "iommu", '"a RISC-V IOMMU"'],
      [{ ...json, iommu: "Intel VT-d" }, "registers.CAP", "CAP, ECAP, GSTS, RTADDR"],
      [{ ...json, format: "iommu-vectors/1" }, "format", "iommu-vectors/1"],
    ].map(([value, place, detail]) => [place, detail, value] as const),
  )("is refused at %s: %s", async (place, detail, value) => {
    const error = await problemOf(pair(value));
    expect(error.place).toBe(`capture.json, ${place as string}`);
    expect(error.detail).toContain(detail);
  });
});

describe("chosen files", { timeout: 30_000 }, () => {
  it("without a capture's memory: the file to add is named", async () => {
    expect(await problemOf([file("capture.json", bytesOf(capture()))])).toMatchObject({
      title: "The memory file of this capture is missing.",
      detail: expect.stringContaining("memory.bin"),
    });
  });

  it("that leave the choice open are refused", async () => {
    const two = [...pair(), file("b/capture.json", bytesOf(capture()))];
    expect((await problemOf(two)).detail).toContain("choose one of them");
    const memories = [
      file("capture.json", bytesOf(capture())),
      file("a/memory.bin", memory()),
      file("b/memory.bin", memory()),
    ];
    expect((await problemOf(memories)).detail).toContain("could both be its memory");
  });

  it("without anything to open are refused, naming what is there", async () => {
    expect((await problemOf([])).detail).toContain("no file");
    expect((await problemOf([file("a.txt", memory()), file("b.txt", memory())])).detail).toContain("a.txt, b.txt");
  });

  it("may be one scenario, under any name, gzip or not", async () => {
    const made = await importFiles(pair());
    if (!made.ok) throw new Error(made.error.detail);
    const text = new TextEncoder().encode(formatScenario(made.value.scenario));
    const packed = Uint8Array.from(gzipSync(text));
    for (const f of [file("case.json", text), file("case", text), file("case.json.gz", packed)]) {
      expect(await importFiles([f])).toEqual({ ok: true, value: { scenario: made.value.scenario, capture: null } });
    }
  });

  it("stop being read when cancelled, and the event loop turns meanwhile", async () => {
    const many = Array.from({ length: 50_000 }, () => capture().translations[0]);
    const seen: string[] = [];
    let cancelled = false;
    setTimeout(() => {
      cancelled = true;
    }, 1);
    const r = await importFiles(pair({ ...capture(), translations: many }), {
      report: (p) => seen.push(p.what),
      cancelled: () => cancelled,
    });
    expect(r).toMatchObject({ ok: false, error: { title: "Opening was cancelled." } });
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe("random input never throws and always ends", { timeout: 30_000 }, () => {
  let zip: Uint8Array;
  beforeAll(async () => {
    zip = await zipOf(pair());
  });
  const names = fc.constantFrom("capture.json", "memory.bin", "memory.bin.gz", "a.zip", "case.json", "x");
  /** Whether reading ended with a scenario or with a whole problem. */
  const settles = async (files: readonly InputFile[]): Promise<boolean> => {
    const r = await importFiles(files);
    return r.ok || (r.error.title.length > 0 && r.error.place.length > 0 && r.error.detail.length > 0);
  };

  it("as any kind of file, seed 1", async () => {
    const magic = fc.constantFrom([], [0x1f, 0x8b, 8], [0x50, 0x4b, 3, 4], [0x7b]);
    const bytes = fc.tuple(magic, fc.uint8Array({ maxLength: 200 })).map(([m, b]) => Uint8Array.of(...m, ...b));
    const chosen = fc.array(fc.record({ name: names, bytes }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(chosen, async (files) => {
        expect(await settles(files)).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("as a change to good files, seed 2", async () => {
    const good = [pair, () => [file("a.zip", zip)], () => pair(capture(), Uint8Array.from(gzipSync(memory())))];
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 2 }), change, fc.option(fc.nat()), async (which, changes, cut) => {
        const files = good[which]!().map((f) => file(f.name, f.bytes.slice()));
        for (const [f, at, value] of changes) {
          const { bytes } = files[f % files.length]!;
          bytes[at % bytes.length] = value;
        }
        const last = files.at(-1)!;
        const short = cut === null ? last.bytes : last.bytes.subarray(0, cut % last.bytes.length);
        expect(await settles([...files.slice(0, -1), file(last.name, short)])).toBe(true);
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});
