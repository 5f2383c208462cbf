/**
 * The `scenario/1` JSON document: what may stand where, with the limits on sizes and counts.
 *
 * 64-bit values are hexadecimal strings with `0x`; memory is text of words (memory_text.ts). Keys that a schema does
 * not name are ignored. Every message says what was expected; the caller adds the path.
 */
import * as v from "valibot";
import type { Access, Action, DeviceDescription, MemoryDescription } from "../protocol/machine.ts";
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

const ACCESS_KEYS = {
  sid: STREAM_ID,
  ssid: SUBSTREAM_ID,
  iova: hex("an address"),
  write: flag,
  privileged: flag,
  instruction: flag,
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

const DEVICE: v.GenericSchema<unknown, DeviceDescription> = v.object(
  {
    sid: STREAM_ID,
    bdf: v.optional(text("a bus:device.function", LIMITS.label), ""),
    label: v.optional(text("a name", LIMITS.label), ""),
  },
  expected("a device"),
);

const ACTION: v.GenericSchema<unknown, Action> = v.variant(
  "do",
  [
    v.object({
      do: v.literal("dma"),
      ...ACCESS_KEYS,
      length: v.optional(wholeNumber("a length in bytes", 1, LIMITS.actionBytes), 4),
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
    v.object({ do: v.literal("register"), name: REGISTER_NAME, value: hex("a register value") }),
  ],
  expected('an action with do: "dma", "write", "toggle" or "register"'),
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
          v.array(hex("a 64-bit word"), expected("four 64-bit words")),
          v.length(4, (issue) => `Expected four 64-bit words; found ${issue.input.length}.`),
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
      arch: v.literal("smmuv3", expected('"smmuv3", the one architecture this version models')),
      registers: v.pipe(
        v.record(REGISTER_NAME, hex("a register value"), expected("an object of register names and values")),
        v.check(
          (r) => Object.keys(r).length <= LIMITS.registers,
          `At most ${LIMITS.registers} registers may stand here.`,
        ),
      ),
      memory: v.optional(MEMORY, {}),
      devices: v.optional(list(DEVICE, LIMITS.devices, "devices"), []),
    },
    expected("a machine"),
  ),
  steps: v.optional(list(ACTION, LIMITS.actions, "steps"), []),
  recorded: v.optional(RECORDED, {}),
  view: v.optional(v.nullable(v.object({ access: v.optional(v.nullable(ACCESS), null) }, expected("a view"))), null),
});
