/**
 * The `scenario/1` JSON document: what may stand where, with the limits on sizes and counts.
 *
 * 64-bit values are hexadecimal strings with `0x`; memory is text of words (memory_text.ts). Keys that a schema does
 * not name are ignored. Every message says what was expected; the caller adds the path.
 */
import * as v from "valibot";
import {
  type Access,
  type Action,
  ARCHES,
  CONSUMER_STEPS,
  type DeviceDescription,
  type MemoryDescription,
} from "../protocol/machine.ts";
import {
  AMD_NESTING,
  DIRTY_LOG_STEPS,
  DOORS,
  ERAS,
  type Era,
  MISTAKES,
  type Mistake,
  type SoftwareDescription,
  TRANSLATION_MODES,
  VM_MODES,
  VMID_OWNERS,
  VMM_STEPS,
  type VmidOwner,
} from "../protocol/software.ts";
import { parseHex } from "./hex.ts";
import { LIMITS } from "./limits.ts";
import { checkRuns, MEMORY_END } from "./memory_check.ts";
import { parseWords } from "./memory_text.ts";
import {
  aligned,
  expected,
  flag,
  found,
  hex,
  hexBytes,
  list,
  REGISTER_NAME,
  STREAM_ID,
  SUBSTREAM_ID,
  text,
  wholeNumber,
} from "./schema_pieces.ts";

const ATTRIBUTES = v.exactOptional(
  v.object(
    { mair: v.pipe(hex("a MAIR byte", 8), v.transform(Number)), sh: wholeNumber("a shareability", 0, 3) },
    expected("an object of mair and sh"),
  ),
);

const ACCESS_KEYS = {
  sid: STREAM_ID,
  ssid: SUBSTREAM_ID,
  iova: hex("an address"),
  write: flag,
  privileged: flag,
  instruction: flag,
  noSnoop: v.exactOptional(v.boolean(expected("true or false"))),
  attributes: ATTRIBUTES,
};

/** One access; `write`, `privileged` and `instruction` are false, `ssid` is null where they do not stand. */
const ACCESS: v.GenericSchema<unknown, Access> = v.object(ACCESS_KEYS, expected("an access"));

const ADDRESS = aligned("a physical address", LIMITS.addressBits);

/** The runs of `words`, in the document's order; overlaps and the sum of sizes are checked here. */
const WORDS = v.pipe(
  v.record(v.string(), v.string(expected("words of memory as text")), expected("an object of address and words")),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const input = dataset.value;
    const refuse = (key: string, message: string): void =>
      addIssue({ message, path: [{ type: "object", origin: "value", input, key, value: input[key] }] });
    const segments: { at: bigint; bytes: Uint8Array }[] = [];
    let left: number = LIMITS.memoryBytes;
    for (const [key, words] of Object.entries(input)) {
      const at = parseHex(key);
      if (at === null || at % 8n !== 0n || at >> BigInt(LIMITS.addressBits) !== 0n) {
        refuse(key, `Expected a physical address below 2^${LIMITS.addressBits} that is a multiple of 8.`);
        return NEVER;
      }
      const bytes = parseWords(words, left);
      if (!(bytes instanceof Uint8Array)) {
        const why =
          bytes.why === "too long"
            ? `Memory would grow beyond ${LIMITS.memoryBytes} bytes at word ${bytes.word}.`
            : `Word ${bytes.word}: expected up to 16 hexadecimal digits, with *n for n equal words; ${found(bytes.found)}.`;
        refuse(key, why);
        return NEVER;
      }
      left -= bytes.length;
      segments.push({ at, bytes });
    }
    if (segments.length > LIMITS.runs) {
      addIssue({ message: `At most ${LIMITS.runs} runs may stand here; found ${segments.length}.` });
      return NEVER;
    }
    const fault = checkRuns(segments);
    if (fault !== null) {
      refuse(`0x${fault.at.toString(16)}`, fault.detail);
      return NEVER;
    }
    return segments;
  }),
);

const ZERO_RANGE = v.pipe(
  v.tuple([ADDRESS, aligned("a length in bytes", LIMITS.addressBits + 1)], expected("a pair [address, bytes]")),
  v.check(([at, bytes]) => at + bytes <= MEMORY_END, `This range ends beyond 2^${LIMITS.addressBits}.`),
);

const MEMORY: v.GenericSchema<unknown, MemoryDescription> = v.pipe(
  v.object(
    {
      outside: v.optional(v.picklist(["abort", "unknown"], expected('"abort" or "unknown"')), "unknown"),
      zero: v.optional(list(ZERO_RANGE, LIMITS.zeroRanges, "ranges"), []),
      words: v.optional(WORDS, {}),
    },
    expected("an object"),
  ),
  v.transform(({ outside, zero, words }) => ({ outside, zero, segments: words })),
);

const power = (what: string, most: number) =>
  v.pipe(
    wholeNumber(what, 1, most),
    v.check((n) => Number.isInteger(Math.log2(n)), expected(`${what} that is a power of two`)),
  );

const DEVICE: v.GenericSchema<unknown, DeviceDescription> = v.object(
  {
    sid: STREAM_ID,
    bdf: v.optional(text("a bus:device.function", LIMITS.label), ""),
    label: v.optional(text("a name", LIMITS.label), ""),
    ats: v.exactOptional(
      v.object(
        {
          capacity: wholeNumber("a number of cache entries", 1, LIMITS.cacheEntries),
          pageRequests: v.optional(wholeNumber("a number of page requests", 0, 512), 0),
          responsePasidRequired: flag,
          answersInvalidations: v.optional(v.boolean(expected("true or false")), true),
        },
        expected("an object with capacity"),
      ),
    ),
    iommu: v.exactOptional(wholeNumber("the number of an IOMMU", 0, LIMITS.iommus - 1)),
  },
  expected("a device"),
);

const NAME = v.pipe(
  v.string(expected("a name")),
  v.regex(/^[A-Za-z][A-Za-z0-9 ._-]{0,39}$/, expected("a name of up to 40 letters and digits")),
);

const CACHES = v.record(
  NAME,
  v.object(
    {
      entries: power("a number of entries", LIMITS.cacheEntries),
      ways: power("a number of ways", LIMITS.cacheEntries),
    },
    expected("an object of entries and ways"),
  ),
  expected("an object of cache names and sizes"),
);

const CMDQV = v.object(
  {
    vcmdqsLg2: wholeNumber("log2 of a number of VCMDQs", 0, 7),
    vintfsLg2: wholeNumber("log2 of a number of VINTFs", 0, 6),
    sidsLg2: wholeNumber("log2 of a number of StreamIDs", 0, 4),
  },
  expected("an object of vcmdqsLg2, vintfsLg2 and sidsLg2"),
);

const TRANSFER_KEYS = {
  ...ACCESS_KEYS,
  length: v.optional(wholeNumber("a length in bytes", 1, LIMITS.actionBytes), 4),
  data: v.exactOptional(hexBytes(LIMITS.actionBytes)),
};

const BLOCK = v.exactOptional(NAME);

const MISTAKE_NAMES = Object.keys(MISTAKES) as Mistake[];
const ERA_NAMES = Object.keys(ERAS) as Era[];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const VMID_NAMES = Object.keys(VMID_OWNERS) as VmidOwner[];

const OF_DEVICE_KEYS = { device: wholeNumber("a device id of the guest", 0, 0xffff), pasid: SUBSTREAM_ID };
const RANGE_KEYS = { iova: hex("an address"), bytes: wholeNumber("a length in bytes", 1, LIMITS.guestBytes) };

const SOFTWARE: v.GenericSchema<unknown, SoftwareDescription> = v.object(
  {
    kind: v.optional(
      v.picklist(["kernel", "virtual machine"], expected('"kernel" or "virtual machine"')),
      "virtual machine",
    ),
    amdNesting: v.exactOptional(v.picklist(AMD_NESTING, expected(`one of ${AMD_NESTING.join(", ")}`))),
    era: v.exactOptional(v.picklist(ERA_NAMES, expected(`one of ${ERA_NAMES.join("; ")}`))),
    vmid: v.exactOptional(v.picklist(VMID_NAMES, expected(`one of ${VMID_NAMES.join("; ")}`))),
    partids: v.exactOptional(
      v.pipe(
        list(wholeNumber("a PARTID", 0, 0xffff), LIMITS.partids, "PARTIDs"),
        v.check((partids) => partids.length > 0, "A guest has one PARTID or more."),
      ),
    ),
    sharedStage2: v.exactOptional(v.boolean(expected("true or false"))),
    door: v.exactOptional(v.picklist(DOORS, expected(`one of ${DOORS.join("; ")}`))),
    mode: v.exactOptional(v.picklist(VM_MODES, expected(`one of ${VM_MODES.join("; ")}`))),
    guestBytes: v.pipe(
      v.optional(wholeNumber("bytes of guest memory", 0x40_0000, LIMITS.guestBytes), 0x100_0000),
      v.check((bytes) => bytes % 0x20_0000 === 0, "Guest memory is a multiple of 2 MiB."),
    ),
    assigned: v.optional(
      list(
        v.object(
          {
            bdf: text("a bus:device.function", LIMITS.label),
            virtualId: wholeNumber("a device id of the guest", 0, 0xffff),
            mdev: v.exactOptional(v.pipe(text("a UUID", LIMITS.label), v.regex(UUID, expected("a UUID")))),
          },
          expected("an object of bdf and virtualId"),
        ),
        LIMITS.assigned,
        "devices",
      ),
      [],
    ),
    lazy: flag,
    journal: v.exactOptional(wholeNumber("a number of journal entries", 1, LIMITS.journal)),
    mistakes: v.optional(
      list(v.picklist(MISTAKE_NAMES, expected("the name of a mistake")), LIMITS.assigned, "mistakes"),
      [],
    ),
  },
  expected("an object"),
);

const ACTION_NAMES =
  '"dma", "translated", "access", "translation request", "page request", "write", "toggle", "command", "consumer", "register", "mmio", "dirty log", "vmm", "vmm call", "vmm msi", "vmids begin anew" or one of the guest';

const ACTION: v.GenericSchema<unknown, Action> = v.variant(
  "do",
  [
    v.object({ do: v.literal("dma"), ...TRANSFER_KEYS, meets: v.exactOptional(NAME) }),
    v.object({ do: v.literal("translated"), ...TRANSFER_KEYS }),
    v.object({ do: v.literal("access"), ...TRANSFER_KEYS }),
    v.object({ do: v.literal("translation request"), ...ACCESS_KEYS }),
    v.object({
      do: v.literal("page request"),
      sid: STREAM_ID,
      ssid: SUBSTREAM_ID,
      address: hex("an address"),
      prgIndex: v.optional(wholeNumber("a page request group", 0, 511), 0),
      read: flag,
      write: flag,
      execute: flag,
      privileged: flag,
      last: flag,
    }),
    v.object({
      do: v.literal("write"),
      at: hex("a physical address", LIMITS.addressBits),
      bytes: hexBytes(LIMITS.actionBytes),
    }),
    v.object({
      do: v.literal("toggle"),
      at: aligned("a physical address", LIMITS.addressBits),
      bit: wholeNumber("a bit number", 0, 63),
    }),
    v.object({
      do: v.literal("command"),
      name: NAME,
      fields: v.optional(v.record(NAME, hex("the value of a field"), expected("an object of fields")), {}),
      queue: v.exactOptional(NAME),
    }),
    v.object({
      do: v.literal("consumer"),
      what: v.picklist(CONSUMER_STEPS, expected(`one of ${CONSUMER_STEPS.join(", ")}`)),
      queue: v.exactOptional(NAME),
    }),
    v.object({ do: v.literal("register"), name: REGISTER_NAME, value: hex("a register value"), block: BLOCK }),
    v.object({
      do: v.literal("mmio"),
      offset: v.pipe(hex("an offset", 32), v.transform(Number)),
      width: v.optional(v.picklist([4, 8], expected("a width of 4 or 8 bytes")), 4),
      value: hex("a register value"),
      block: BLOCK,
    }),
    v.object({ do: v.literal("guest map"), ...OF_DEVICE_KEYS, ...RANGE_KEYS, write: flag }),
    v.object({ do: v.literal("guest map at"), ...OF_DEVICE_KEYS, ...RANGE_KEYS, to: hex("a guest physical address") }),
    v.object({ do: v.literal("guest bind"), ...OF_DEVICE_KEYS, ...RANGE_KEYS, write: flag }),
    v.object({ do: v.literal("guest unmap"), ...OF_DEVICE_KEYS, ...RANGE_KEYS }),
    v.object({ do: v.literal("guest flush"), ...OF_DEVICE_KEYS }),
    v.object({ do: v.literal("guest detach"), ...OF_DEVICE_KEYS }),
    v.object({ do: v.literal("guest faults") }),
    v.object({ do: v.literal("vmids begin anew") }),
    v.object({
      do: v.literal("guest partition"),
      ...OF_DEVICE_KEYS,
      partid: wholeNumber("a PARTID", 0, 0xffff),
      pmg: v.optional(wholeNumber("a PMG", 0, 0xff), 0),
    }),
    v.object({
      do: v.literal("vmm"),
      what: v.picklist(VMM_STEPS, expected(`one of ${VMM_STEPS.join(", ")}`)),
    }),
    v.object({
      do: v.literal("vmm msi"),
      device: v.pipe(hex("the id of a device", 16), v.transform(Number)),
    }),
    v.object({
      do: v.literal("vmm call"),
      call: NAME,
      fields: v.optional(v.record(NAME, hex("the value of a field"), expected("an object of fields")), {}),
      device: v.exactOptional(v.pipe(hex("the id of a device", 16), v.transform(Number))),
      data: v.exactOptional(hexBytes(LIMITS.actionBytes)),
    }),
    v.object({
      do: v.literal("dirty log"),
      what: v.picklist(DIRTY_LOG_STEPS, expected(`one of ${DIRTY_LOG_STEPS.join(", ")}`)),
    }),
    v.object({
      do: v.literal("guest switch"),
      to: v.picklist(TRANSLATION_MODES, expected(`one of ${TRANSLATION_MODES.join(", ")}`)),
    }),
  ],
  expected(`an action with do: ${ACTION_NAMES}`),
);

const RECORDED = v.object(
  {
    accesses: v.optional(
      list(
        v.pipe(
          v.object(
            {
              ...ACCESS_KEYS,
              pa: v.optional(v.nullable(hex("a physical address")), null),
              result: v.optional(v.nullable(text("a result", LIMITS.label)), null),
              source: v.optional(text("a source", LIMITS.label), ""),
            },
            expected("a recorded access"),
          ),
          v.transform(({ pa, result, source, ...access }) => ({ access: access as Access, pa, result, source })),
        ),
        LIMITS.recorded,
        "accesses",
      ),
      [],
    ),
    events: v.optional(
      list(
        v.pipe(
          v.array(hex("a 64-bit word"), expected("64-bit words")),
          v.check(
            (words) => words.length === 2 || words.length === 4,
            (issue) => `Expected two or four 64-bit words; found ${issue.input.length}.`,
          ),
          v.transform((words) => ({ words })),
        ),
        LIMITS.recorded,
        "events",
      ),
      [],
    ),
  },
  expected("an object"),
);

/** The whole document, in its newest form. */
export const SCENARIO = v.object({
  title: v.optional(text("a title", LIMITS.title), ""),
  about: v.optional(text("a text", LIMITS.about), ""),
  machine: v.object(
    {
      arch: v.picklist(ARCHES, expected(`one of ${ARCHES.join(", ")}`)),
      preset: v.exactOptional(NAME),
      registers: v.pipe(
        v.record(REGISTER_NAME, hex("a register value"), expected("an object of register names and values")),
        v.check(
          (r) => Object.keys(r).length <= LIMITS.registers,
          `At most ${LIMITS.registers} registers may stand here.`,
        ),
      ),
      memory: v.optional(MEMORY, {}),
      devices: v.optional(list(DEVICE, LIMITS.devices, "devices"), []),
      caches: v.exactOptional(CACHES),
      options: v.exactOptional(v.record(NAME, v.boolean(expected("true or false")), expected("an object of names"))),
      cmdqv: v.exactOptional(CMDQV),
      software: v.exactOptional(SOFTWARE),
    },
    expected("a machine"),
  ),
  steps: v.optional(list(ACTION, LIMITS.actions, "steps"), []),
  recorded: v.optional(RECORDED, {}),
  view: v.optional(v.nullable(v.object({ access: v.optional(v.nullable(ACCESS), null) }, expected("a view"))), null),
  notes: v.exactOptional(
    list(
      v.object(
        { step: wholeNumber("a step", 0, LIMITS.actions), text: text("a text", LIMITS.about) },
        expected("an object of step and text"),
      ),
      LIMITS.notes,
      "notes",
    ),
  ),
});
