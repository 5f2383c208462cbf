import { expect, it } from "vitest";
import { MemoryStatus, PhysicalMemory } from "../memory/physical_memory.ts";
import { writeMessage } from "./message.ts";

it("A message writes 32 bits, whichever half of the word they are", () => {
  const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x1000]], segments: [] });
  memory.write64(0, 0x100, 0x11111111, 0x22222222);
  expect(writeMessage(memory, 0, 0x104, 0xfeedbeef)).toBe(MemoryStatus.Ok);
  memory.read64(0, 0x100);
  expect([memory.hi >>> 0, memory.lo]).toEqual([0xfeedbeef, 0x22222222]);
  writeMessage(memory, 0, 0x100, 5);
  memory.read64(0, 0x100);
  expect([memory.hi >>> 0, memory.lo]).toEqual([0xfeedbeef, 5]);
  expect(writeMessage(memory, 0, 0xfee00000 | 0, 5)).toBe(MemoryStatus.Abort);
});
