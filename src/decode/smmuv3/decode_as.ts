/**
 * Words read as a structure the reader names: STE, CD, command, event record, descriptor or register.
 * Arm SMMUv3, IHI 0070 issue G.b; descriptors DDI 0487 §D8.3.
 */
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { commandByOpcode, RESERVED_COMMAND } from "../../arch/smmuv3/commands.ts";
import { descriptorKind, descriptorLayout, type GranuleLg2 } from "../../arch/smmuv3/descriptors.ts";
import { eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { SMMU_GATOS_PAR, SMMU_GATOS_PAR_FAULT } from "../../arch/smmuv3/queue_registers.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import { decodeFields, type FieldValue, type Layout } from "../../base/layout.ts";

/** Structures that words can be read as; "register:NAME" reads a register. */
export const STRUCTURE_KINDS = [
  "event",
  "ste",
  "cd",
  "command",
  "l1std",
  "l1cd",
  "s1-descriptor",
  "s2-descriptor",
] as const;
export type StructureKind = (typeof STRUCTURE_KINDS)[number] | `register:${string}`;

/** What a descriptor's words do not tell themselves. */
export interface DescriptorContext {
  /** Level of the lookup, -1 to 3; without it bits [1:0] == 0b11 are read as a page. */
  readonly level?: number;
  readonly granuleLg2?: GranuleLg2;
  /** 52-bit addresses. */
  readonly wide?: boolean;
  /** STE.S2FWB. */
  readonly fwb?: boolean;
}

/** One structure taken apart. */
export interface DecodedStructure {
  readonly ok: true;
  readonly kind: StructureKind;
  readonly layout: Layout;
  /** The structure's words as layouts read them. */
  readonly words: Uint32Array;
  /** 64-bit words of the structure that were not given; they read as 0. */
  readonly missingWords: number;
  readonly fields: readonly FieldValue[];
  /** Reserved runs that are not zero. */
  readonly reservedSet: readonly FieldValue[];
  readonly summary: string;
}

/** Why words cannot be read as the structure asked for. */
export interface NotDecoded {
  readonly ok: false;
  readonly message: string;
}

function layoutFor(kind: StructureKind, words: Uint32Array, context: DescriptorContext): Layout | null {
  const lo = words[0] ?? 0;
  switch (kind) {
    case "event":
      return eventByNumber(lo & 0xff)?.layout ?? RESERVED_EVENT;
    case "command":
      return commandByOpcode(lo & 0xff)?.layout ?? RESERVED_COMMAND;
    case "ste":
      return STE;
    case "cd":
      return CD;
    case "l1std":
      return L1STD;
    case "l1cd":
      return L1CD;
    case "s1-descriptor":
    case "s2-descriptor":
      return descriptorLayout(
        kind === "s1-descriptor" ? 1 : 2,
        descriptorKind(lo, context.level ?? ((lo & 3) === 1 ? 2 : 3)),
        context.granuleLg2 ?? 12,
        context.wide ?? false,
        context.fwb ?? false,
      );
    default: {
      const layout = registerByName(kind.slice("register:".length))?.layout ?? null;
      // SMMU_GATOS_PAR.FAULT selects between two forms, §6.3.40.
      return layout === SMMU_GATOS_PAR && (lo & 1) === 1 ? SMMU_GATOS_PAR_FAULT : layout;
    }
  }
}

function summaryOf(kind: StructureKind, layout: Layout, fields: readonly FieldValue[]): string {
  const get = (name: string) => fields.find((f) => f.declaration.name === name);
  const hex = (name: string) => `0x${(get(name)?.value ?? 0n).toString(16)}`;
  switch (kind) {
    case "ste":
      return get("V")?.value === 0n
        ? "The STE is not valid: using it is C_BAD_STE."
        : `The STE is valid: ${get("Config")?.meaning}; S1ContextPtr ${hex("S1ContextPtr")}, S2TTB ${hex("S2TTB")}.`;
    case "cd":
      return get("V")?.value === 0n
        ? "The CD is not valid: using it is C_BAD_CD."
        : `The CD is valid: ASID ${hex("ASID")}, TTB0 ${hex("TTB0")}, TTB1 ${hex("TTB1")}.`;
    case "event":
      return `An event record: ${layout.name}.`;
    case "command":
      return `A command: ${layout.name}.`;
    case "s1-descriptor":
    case "s2-descriptor": {
      const at = get("OAB") ?? get("NLTA");
      return at === undefined ? "An invalid descriptor." : `${layout.name}, address 0x${at.value.toString(16)}.`;
    }
    default:
      return `${layout.name}, ${layout.section}.`;
  }
}

/**
 * Read words, lowest first, as one structure. Missing words read as 0 and are counted; words beyond the structure's
 * size are refused, so that nothing is dropped unseen.
 */
export function decodeAs(
  words: readonly bigint[],
  kind: StructureKind,
  context: DescriptorContext = {},
): DecodedStructure | NotDecoded {
  if (words.length === 0) return { ok: false, message: "There are no words to read." };
  const all = new Uint32Array(words.length * 2);
  words.forEach((w, i) => {
    all[2 * i] = Number(w & 0xffffffffn);
    all[2 * i + 1] = Number((w >> 32n) & 0xffffffffn);
  });
  const layout = layoutFor(kind, all, context);
  if (layout === null) return { ok: false, message: `There is no register of that name: ${kind.slice(9)}.` };
  const most = Math.max(layout.bits / 64, 1);
  if (words.length > most) {
    return { ok: false, message: `${layout.name} has ${most} words of 64 bits, but there are ${words.length}.` };
  }
  const own = new Uint32Array(layout.bits / 32);
  own.set(all.subarray(0, own.length));
  const fields = decodeFields(layout, own);
  const reservedSet = fields.filter((f) => f.declaration.form === "reserved" && f.value !== 0n);
  const missingWords = most - words.length;
  return {
    ok: true,
    kind,
    layout,
    words: own,
    missingWords,
    fields,
    reservedSet,
    summary: summaryOf(kind, layout, fields),
  };
}
