/**
 * `iommu-capture/1`: registers, memory and recorded translations of a stopped machine, as a file capture.json beside
 * a file of memory pages. Every bound is checked; a capture becomes a scenario whose memory is known only in part.
 */
import * as v from "valibot";
import type { Result } from "../protocol/engine.ts";
import type { Arch, MemoryDescription, RecordedAccess } from "../protocol/machine.ts";
import type { Scenario } from "./document.ts";
import { formatHex } from "./hex.ts";
import { LIMITS } from "./limits.ts";
import { checkRuns, MEMORY_END } from "./memory_check.ts";
import { isObject, type JsonObject } from "./migrations.ts";
import type { Pace } from "./pace.ts";
import { CANCELLED, ok, problem, quoted } from "./problem.ts";
import {
  aligned,
  checked,
  expected,
  hex,
  list,
  REGISTER_NAME,
  STREAM_ID,
  SUBSTREAM_ID,
  text,
  wholeNumber,
} from "./schema_pieces.ts";

const TITLE = "This capture cannot be opened.";

/** What captures call an architecture, and the registers without which no translation can be told. */
interface CapturedArch {
  readonly arch: Arch;
  readonly name: RegExp;
  /** By the specification's name. */
  readonly needed: readonly string[];
  /** Where captures spell a register otherwise: the specification's name. */
  readonly spelt: Readonly<Record<string, string>>;
}

const ARCHITECTURES: readonly CapturedArch[] = [
  {
    arch: "smmuv3",
    name: /smmu-?v3/i,
    needed: ["IDR0", "IDR1", "IDR3", "IDR5", "CR0", "CR2", "STRTAB_BASE", "STRTAB_BASE_CFG"],
    spelt: {},
  },
  { arch: "vtd", name: /vt-?d/i, needed: ["CAP", "ECAP", "GSTS", "RTADDR"], spelt: {} },
  {
    arch: "amdvi",
    name: /amd-?vi/i,
    needed: ["DEVTAB_BASE", "CONTROL", "EFR"],
    spelt: {
      DEV_TAB_BAR: "DEVTAB_BASE",
      CMD_BUF_BAR: "CMD_BASE",
      EVT_LOG_BAR: "EVT_BASE",
      PPR_LOG_BAR: "PPR_BASE",
      EXT_FEATURES: "EFR",
      EXT_FEATURES2: "EFR2",
    },
  },
];

const archOf = ({ iommu }: JsonObject): CapturedArch | undefined =>
  typeof iommu === "string" ? ARCHITECTURES.find(({ name }) => name.test(iommu)) : undefined;

/** Registers by the specification's names: captures of VT-d add `_REG` to them. */
function byName(registers: Readonly<Record<string, bigint>>, { spelt }: CapturedArch): Record<string, bigint> {
  return Object.fromEntries(
    Object.entries(registers).map(([name, value]) => [spelt[name] ?? name.replace(/_REG$/, ""), value]),
  );
}

const words = (what: string) => v.optional(text(what, LIMITS.about), "");

const REGISTER = v.pipe(
  v.object(
    {
      offset: v.optional(hex("an offset")),
      value: hex("a register value"),
      width: v.picklist([4, 8], expected("a width of 4 or 8 bytes")),
    },
    expected("an object of offset, value and width"),
  ),
  v.check(
    ({ value, width }) => value >> BigInt(8 * width) === 0n,
    (i) => `The value ${formatHex(i.input.value)} is wider than ${i.input.width} bytes.`,
  ),
  v.transform(({ value }) => value),
);

const ADDRESS = aligned("a physical address", LIMITS.addressBits);

const length = (least: number) =>
  v.pipe(
    wholeNumber("a length in bytes", least, Number.MAX_SAFE_INTEGER),
    v.multipleOf(8, expected("a length that is a multiple of 8")),
  );

const ZERO_RANGE = v.pipe(
  v.tuple([ADDRESS, length(0)], expected("[address, length]")),
  v.check(([at, bytes]) => at + BigInt(bytes) <= MEMORY_END, `This range ends beyond 2^${LIMITS.addressBits}.`),
);

const MEMORY = v.object(
  {
    file: v.optional(text("a file name", LIMITS.label), ""),
    bytes: v.optional(v.nullable(wholeNumber("a number of bytes", 0, Number.MAX_SAFE_INTEGER)), null),
    index: list(
      v.tuple(
        [ADDRESS, length(8), wholeNumber("an offset in the file", 0, Number.MAX_SAFE_INTEGER)],
        expected("[address, length, offset in the file]"),
      ),
      LIMITS.runs,
      "ranges",
    ),
    zeroRanges: v.optional(list(ZERO_RANGE, LIMITS.zeroRanges, "ranges"), []),
  },
  expected("an object with index and zeroRanges"),
);

const HEAD = v.object({
  about: words("a text"),
  kernel: words("a text"),
  machine: words("a text"),
  registerBase: v.optional(hex("the address of the registers", LIMITS.addressBits)),
  registers: v.record(REGISTER_NAME, REGISTER, expected("an object of register names")),
  memory: MEMORY,
  devices: v.optional(
    list(
      v.object(
        {
          rid: STREAM_ID,
          bdf: v.optional(text("a bus:device.function", LIMITS.label), ""),
          id: v.optional(text("vendor:device", LIMITS.label), ""),
          driver: v.optional(text("a driver", LIMITS.label), "-"),
        },
        expected("a device"),
      ),
      LIMITS.devices,
      "devices",
    ),
    [],
  ),
});

const REQUEST = { rid: STREAM_ID, pasid: SUBSTREAM_ID, iova: hex("an address"), source: words("a source") };

const TRANSLATION = v.object(
  {
    ...REQUEST,
    pa: hex("a physical address"),
    write: v.boolean(expected("true or false")),
    read: v.optional(v.boolean(expected("true or false"))),
  },
  expected("a translation"),
);

const UNMAPPED = v.object(
  {
    ...REQUEST,
    write: v.optional(v.boolean(expected("true or false"))),
    result: v.optional(v.nullable(text("a result", LIMITS.label)), null),
    mappedReadOnly: v.optional(v.boolean(expected("true or false")), false),
  },
  expected("an unmapped address"),
);

const EVENT = v.object(
  {
    words: v.pipe(
      v.array(hex("a 64-bit word"), expected("64-bit words")),
      v.check(
        (words) => words.length === 2 || words.length === 4,
        (issue) => `Expected two or four 64-bit words; found ${issue.input.length}.`,
      ),
    ),
  },
  expected("a fault record"),
);

const GUEST_MAPPING = v.object(
  {
    rid: STREAM_ID,
    iova: hex("an address"),
    length: hex("a length"),
    prot: v.picklist(["r", "w", "rw"], expected("r, w or rw")),
    pa: hex("a physical address"),
    ipa: v.optional(hex("an address between the stages")),
  },
  expected("a mapping"),
);

/** An access that went through: a write where `write` is true, else a read. `read` says whether a read does too. */
export type CapturedTranslation = v.InferOutput<typeof TRANSLATION>;
/** An address that did not translate: for a write where `write` is true, for any access where it does not stand. */
export type CapturedMiss = v.InferOutput<typeof UNMAPPED>;
/** What a program in the guest mapped, from the guest's own page tables. */
export type CapturedMapping = v.InferOutput<typeof GUEST_MAPPING>;

/** A capture as its JSON says, without the bytes of memory. */
export interface Capture extends v.InferOutput<typeof HEAD> {
  readonly arch: Arch;
  readonly translations: readonly CapturedTranslation[];
  readonly unmapped: readonly CapturedMiss[];
  readonly faultRecords: readonly v.InferOutput<typeof EVENT>[];
  readonly guestMappings: readonly CapturedMapping[];
}

/** Whether a JSON value claims to be a capture, of whatever version. */
export function isCapture(json: unknown): json is JsonObject {
  return isObject(json) && typeof json.format === "string" && json.format.startsWith("iommu-capture/");
}

/** Rows checked between two turns of the event loop. */
const SLICE = 1024;

async function rows<Schema extends v.GenericSchema>(
  json: JsonObject,
  key: string,
  schema: Schema,
  name: string,
  pace: Pace,
): Promise<Result<v.InferOutput<Schema>[]>> {
  const given = checked(list(v.unknown(), LIMITS.recorded, "rows"), json[key] ?? [], TITLE, name, key);
  if (!given.ok) return given;
  const read: v.InferOutput<Schema>[] = [];
  for (const [i, row] of given.value.entries()) {
    const one = checked(schema, row, TITLE, name, `${key}[${i}]`);
    if (!one.ok) return one;
    read.push(one.value);
    if (i % SLICE === SLICE - 1 && (await pace(`rows of ${key}`, i + 1, given.value.length))) return CANCELLED;
  }
  return ok(read);
}

/** Read the JSON of a capture. `name` is what its file is called in a message. */
export async function readCapture(json: JsonObject, name: string, pace: Pace): Promise<Result<Capture>> {
  if (json.format !== "iommu-capture/1") {
    const detail = `Its format is ${quoted(String(json.format))}; this program reads "iommu-capture/1".`;
    return problem("This capture was made for a later version of Nestwalk.", `${name}, format`, detail);
  }
  const known = archOf(json);
  if (known === undefined) {
    const found = typeof json.iommu === "string" ? quoted(json.iommu, 40) : "nothing";
    const detail = `Expected Arm SMMUv3, Intel VT-d or AMD-Vi; found ${found}.`;
    return problem("The IOMMU of this capture is not known.", `${name}, iommu`, detail);
  }
  const head = checked(HEAD, json, TITLE, name);
  if (!head.ok) return head;
  const registers = byName(head.value.registers, known);
  const missing = known.needed.filter((register) => !Object.hasOwn(registers, register));
  if (missing.length > 0) {
    const detail = `A translation needs the value of ${missing.join(", ")}; the capture does not hold ${missing.length === 1 ? "it" : "them"}.`;
    return problem("A register is missing from this capture.", `${name}, registers.${missing[0]}`, detail);
  }
  const translations = await rows(json, "translations", TRANSLATION, name, pace);
  if (!translations.ok) return translations;
  const unmapped = await rows(json, "unmapped", UNMAPPED, name, pace);
  if (!unmapped.ok) return unmapped;
  const faultRecords = await rows(json, "faultRecords", EVENT, name, pace);
  if (!faultRecords.ok) return faultRecords;
  const guestMappings = await rows(json, "guestMappings", GUEST_MAPPING, name, pace);
  if (!guestMappings.ok) return guestMappings;
  return ok({
    ...head.value,
    arch: known.arch,
    registers,
    translations: translations.value,
    unmapped: unmapped.value,
    faultRecords: faultRecords.value,
    guestMappings: guestMappings.value,
  });
}

/**
 * The memory of a capture from its file's bytes (not compressed). Segments are views of `bytes`. What neither the
 * index nor zeroRanges names is unknown.
 */
export function captureMemory(
  { memory }: Capture,
  bytes: Uint8Array,
  name: string,
  memoryName: string,
): Result<MemoryDescription> {
  const segments: { at: bigint; bytes: Uint8Array }[] = [];
  let sum = 0;
  for (const [i, [at, size, offset]] of memory.index.entries()) {
    const place = `${name}, memory.index[${i}]`;
    if (offset + size > bytes.length) {
      const detail = `The ${size} bytes at ${formatHex(at)} are said to stand at ${offset} to ${offset + size} of ${memoryName}, which holds ${bytes.length} bytes.`;
      return problem("The memory file of this capture was cut short.", place, detail);
    }
    sum += size;
    if (sum > LIMITS.memoryBytes) {
      return problem(TITLE, place, `The ranges add up to more than ${LIMITS.memoryBytes} bytes.`);
    }
    segments.push({ at, bytes: bytes.subarray(offset, offset + size) });
  }
  if (memory.bytes !== null && bytes.length !== memory.bytes) {
    const detail = `${memoryName} holds ${bytes.length} bytes; ${name} says ${memory.bytes}. They may belong to different captures.`;
    return problem("The memory file does not fit this capture.", `${name}, memory.bytes`, detail);
  }
  const fault = checkRuns(segments);
  if (fault !== null) {
    return problem(TITLE, `${name}, memory.index`, `At ${formatHex(fault.at)}: ${fault.detail}`);
  }
  const zero = memory.zeroRanges.map(([at, size]) => [at, BigInt(size)] as const);
  return ok({ outside: "unknown", zero, segments });
}

function recordedAccesses({ translations, unmapped }: Capture): RecordedAccess[] {
  const access = (r: CapturedTranslation | CapturedMiss) => ({
    sid: r.rid,
    ssid: r.pasid,
    iova: r.iova,
    write: r.write ?? false,
    privileged: false,
    instruction: false,
  });
  return [
    ...translations.map((t) => ({ access: access(t), pa: t.pa, result: null, source: t.source })),
    ...unmapped.map((u) => ({ access: access(u), pa: null, result: u.result, source: u.source })),
  ];
}

/** The scenario a capture makes, with everything recorded on the real machine beside it. */
export function captureScenario(capture: Capture, memory: MemoryDescription, title: string): Scenario {
  const about = [capture.about, capture.kernel, capture.machine].filter((line) => line !== "").join("\n");
  return {
    title: title.slice(0, LIMITS.title),
    about: about.slice(0, LIMITS.about),
    machine: {
      arch: capture.arch,
      registers: capture.registers,
      memory,
      devices: capture.devices.map((d) => ({ sid: d.rid, bdf: d.bdf, label: d.driver === "-" ? d.id : d.driver })),
    },
    actions: [],
    recorded: { accesses: recordedAccesses(capture), events: capture.faultRecords },
    view: null,
  };
}
