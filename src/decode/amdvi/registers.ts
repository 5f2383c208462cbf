/**
 * Registers of AMD-Vi as the debugfs files `mmio` and `capability` print them: the offset that was asked for, and what
 * stands there. AMD IOMMU specification 48882, chapter 3.
 */
import { MSI_MMIO, REGISTERS, type RegisterDefinition, registerByName } from "../../arch/amdvi/registers.ts";
import { hex, hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { setFields, structureOf } from "../printed_fields.ts";
import type { AmdRegisterEntry } from "./entries.ts";

/** Reads of the capability have 32 bits, those of MMIO 64. */
const READ = /\bOffset:0x([0-9a-f]{1,6}) {1,4}Value:0x([0-9a-f]{16}|[0-9a-f]{8})\b/gi;

/** Where the capability block begins among the declared registers. */
const CAPABILITY = registerByName("PCICAP_HEADER")!.offset;
/** Bytes of the capability block that can be asked for, and of the MMIO registers. */
const CAPABILITY_BYTES = 0x18;
const MMIO_BYTES = 0x80000;

/** Registers that a read covers whole, each with its place in what was read, in bytes. */
function covered(offset: number, bytes: number): { readonly register: RegisterDefinition; readonly from: number }[] {
  const capability = bytes === 4;
  if (offset + bytes > (capability ? CAPABILITY_BYTES : MMIO_BYTES)) return [];
  const msi = !capability && offset >= MSI_MMIO.from && offset < MSI_MMIO.to;
  const start = offset + (capability ? CAPABILITY : msi ? MSI_MMIO.config - MSI_MMIO.from : 0);
  return REGISTERS.filter((r) => r.offset >= start && r.offset + r.widthBytes <= start + bytes).map((register) => ({
    register,
    from: register.offset - start,
  }));
}

function entry(
  window: AmdRegisterEntry["window"],
  register: RegisterDefinition | null,
  offset: number,
  value: bigint,
  lines: readonly [number, number],
): AmdRegisterEntry {
  const printed = hexWide(value, 2 * (register?.widthBytes ?? (window === "mmio" ? 8 : 4)));
  const what = register === null ? [] : setFields(structureOf(register.layout, [value]));
  const says =
    register === null
      ? `At offset ${hex(offset)} (${window}) this program knows no register; it holds ${printed}.`
      : `${register.name} is ${printed}${what.length === 0 ? "" : `: ${what.join(", ")}`}.`;
  const name = register?.name ?? null;
  return { type: "amd-register", window, name, offset: hex(offset), value: printed, lines, summary: says };
}

/** Every register of a log; one read may hold two. */
export function readAmdRegisters(log: LogText): AmdRegisterEntry[] {
  return [...log.text.matchAll(READ)].flatMap((m) => {
    const [offset, bytes] = [Number.parseInt(m[1]!, 16), m[2]!.length / 2];
    const window = bytes === 4 ? "capability" : "mmio";
    const value = BigInt(`0x${m[2]!}`);
    const lines = log.span(m.index, m.index + m[0].length);
    const found = covered(offset, bytes);
    if (found.length === 0) return [entry(window, null, offset, value, lines)];
    return found.map(({ register, from }) => {
      const own = BigInt.asUintN(8 * register.widthBytes, value >> BigInt(8 * from));
      return entry(window, register, offset + from, own, lines);
    });
  });
}
