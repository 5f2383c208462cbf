import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import type { QueueRow } from "../../protocol/inspection.ts";
import { RingDrawing } from "./RingDrawing.tsx";

const QUEUE: QueueRow = {
  id: "cmdq",
  title: "Command queue",
  writer: "software",
  enabled: true,
  base: 0x40c0_0000n,
  entryBytes: 16,
  entries: 16,
  producer: { register: "PROD", index: 11, wrap: 1 },
  consumer: { register: "CONS", index: 8, wrap: 1 },
  waiting: 3,
  overflow: false,
  error: null,
};
const at = (index: number, register: string) => ({ register, index, wrap: 0 }) as const;

const GOLDEN: readonly (readonly [string, QueueRow, number | null])[] = [
  ["three_of_sixteen_wait", QUEUE, null],
  ["stopped_at_a_command", { ...QUEUE, error: "CERROR_ILL" }, 9],
  [
    "window_of_a_large_queue",
    { ...QUEUE, entries: 262_144, producer: at(0xe1f, "PROD"), consumer: at(0xe1b, "CONS"), waiting: 4 },
    null,
  ],
  [
    "empty_with_both_ends_in_one_place",
    { ...QUEUE, producer: at(4, "PROD"), consumer: at(4, "CONS"), waiting: 0 },
    null,
  ],
];

describe("the drawing of a queue", () => {
  it.each(GOLDEN)("%s looks as it did", async (name, queue, chosen) => {
    const markup = renderToStaticMarkup(<RingDrawing queue={queue} chosen={chosen} />);
    await expect(`${markup.replaceAll(/>(?=<(?!\/text))/g, ">\n")}\n`).toMatchFileSnapshot(
      `./golden/${name}.golden.svg`,
    );
  });
});
