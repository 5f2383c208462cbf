/**
 * Descriptors of the invalidation queue: which are taken, and what each does (VT-d §6.5.2, §7.7).
 */
import { DESCRIPTORS, type DescriptorDefinition, descriptorByName, descriptorByType } from "../../arch/vtd/commands.ts";
import { IQEI } from "../../arch/vtd/queue_registers.ts";
import type { AddressAccess, FieldAccess, Words } from "../../base/layout.ts";
import { writeMessage } from "../common/message.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { type CacheMaintenance, type DeviceLink, functionMask, type PageRange } from "./maintenance.ts";
import type { Offers } from "./registers.ts";

/** How a descriptor ended. */
export const Outcome = {
  Done: 0,
  /** It is wrong: {@link DescriptorProcessor.error} says how. */
  Error: 1,
  /** It needs memory that the session does not hold. */
  Unknown: 2,
  /** A wait that found a device silent: {@link DescriptorProcessor.silent} names it. The descriptor is dropped. */
  Timeout: 3,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** 32-bit words of the longest descriptor. */
export const DESCRIPTOR_WORDS = 8;

/** What descriptors act on. */
export interface DescriptorTargets {
  readonly memory: PhysicalMemory;
  readonly offers: Offers;
  readonly caches: CacheMaintenance;
  readonly devices: DeviceLink;
  /** A wait with IF is complete. */
  readonly waitComplete: () => void;
}

/** Carry out a descriptor whose reserved fields are zero. */
type Handler = (words: Words) => Outcome | Refusal;
type Refusal = { readonly refused: IQEI };

const REFUSED: Refusal = { refused: IQEI.RESERVED_FIELD };

const get = (descriptor: string, field: string): FieldAccess["get"] => access(descriptor, field).get;

function access(descriptor: string, field: string): FieldAccess {
  const layout = descriptorByName(descriptor)?.layout;
  const found = layout === undefined ? undefined : (layout.f as Readonly<Record<string, FieldAccess>>)[field];
  if (found === undefined) throw new Error(`no field ${field} in ${descriptor}`);
  return found;
}

const TYPE = get("cc_inv_dsc", "Type");
const TYPE_HI = get("cc_inv_dsc", "TypeHi");

/** Type of a descriptor. */
const typeOf = (words: Words): number => (TYPE_HI(words, 0) << 4) | TYPE(words, 0);

export class DescriptorProcessor {
  /** Why the last descriptor that failed did. */
  error: IQEI = IQEI.NONE;
  /** Device that did not answer. */
  silent = 0;
  readonly #offers: Offers;
  readonly #handlers: Readonly<Record<number, Handler>>;
  /** Bits that must be zero, by type. */
  readonly #reserved = new Map<number, Uint32Array>();

  constructor(targets: DescriptorTargets) {
    this.#offers = targets.offers;
    this.#handlers = { ...invalidations(targets), ...deviceMessages(targets), 5: this.#wait(targets) };
    for (const definition of DESCRIPTORS) this.#reserved.set(definition.type, reservedBits(definition, targets.offers));
  }

  /**
   * Carry out one descriptor.
   * @param words all of it; the upper half zero where `wide` is not set
   */
  execute(words: Words, wide: boolean): Outcome {
    const type = typeOf(words);
    const definition = descriptorByType(type);
    const handler = this.#handlers[type];
    if (definition === undefined || handler === undefined || !this.#isOffered(type)) {
      return this.#fail(IQEI.INVALID_TYPE);
    }
    if (!wide && !definition.narrow) return this.#fail(IQEI.INVALID_WIDTH);
    const reserved = this.#reserved.get(type)!;
    for (let i = 0; i < DESCRIPTOR_WORDS; i++) {
      if ((words[i]! & reserved[i]!) !== 0) return this.#fail(IQEI.RESERVED_FIELD);
    }
    const outcome = handler(words);
    return typeof outcome === "number" ? outcome : this.#fail(outcome.refused);
  }

  /**
   * CHOICE(unoffered-descriptors): requests to device TLBs and to the interrupt entry cache are taken, to no effect,
   * where the unit has neither.
   */
  #isOffered(type: number): boolean {
    const { smts, prs } = this.#offers;
    return type <= 0x5 || (smts && (type !== 0x9 || prs));
  }

  #fail(error: IQEI): Outcome {
    this.error = error;
    return Outcome.Error;
  }

  #wait({ memory, devices, waitComplete }: DescriptorTargets): Handler {
    const flag = (field: string): ((words: Words) => boolean) => {
      const read = get("inv_wait_dsc", field);
      return (words) => read(words, 0) !== 0;
    };
    const [wantsInterrupt, wantsStatus] = [flag("IF"), flag("SW")];
    const data = get("inv_wait_dsc", "STDATA");
    const { addressHi, addressLo } = access("inv_wait_dsc", "STADDR") as AddressAccess;
    return (words) => {
      this.silent = devices.complete();
      if (this.silent >= 0) return Outcome.Timeout;
      if (wantsStatus(words)) {
        const status = writeMessage(memory, addressHi(words, 0), addressLo(words, 0), data(words, 0));
        // CHOICE(status-write-abort): a status address that nothing answers at stops the queue at the descriptor.
        if (status === MemoryStatus.Abort) return { refused: IQEI.NONE };
      }
      if (wantsInterrupt(words)) waitComplete();
      return Outcome.Done;
    };
  }
}

/** Reserved bits of a descriptor, those that are so for want of a capability among them. */
function reservedBits({ name, layout }: DescriptorDefinition, offers: Offers): Uint32Array {
  const words = new Uint32Array(DESCRIPTOR_WORDS);
  const unoffered = new Set<string>();
  if (!offers.pds) unoffered.add("inv_wait_dsc.PD");
  for (const field of layout.fields) {
    const needsThrottle = field.name.startsWith("PFSID") && !offers.dit;
    if (field.form !== "reserved" && !needsThrottle && !unoffered.has(`${name}.${field.name}`)) continue;
    (layout.f as Readonly<Record<string, FieldAccess>>)[field.name]!.set(words, 0, 0xffffffff, 0xffffffff);
  }
  return words;
}

const GLOBAL = 1;
const DOMAIN = 2;
const SELECTIVE = 3;

function invalidations({ offers, caches }: DescriptorTargets): Record<number, Handler> {
  const granularity = get("cc_inv_dsc", "G");
  const did = get("cc_inv_dsc", "DID");
  const [sid, fm] = [get("cc_inv_dsc", "SID"), get("cc_inv_dsc", "FM")];
  const pasid = get("p_iotlb_inv_dsc", "PASID");
  const [maskLg2, leafOnly] = [get("iotlb_inv_dsc", "AM"), get("iotlb_inv_dsc", "IH")];
  const { addressHi, addressLo } = access("iotlb_inv_dsc", "ADDR") as AddressAccess;
  const pages = (words: Words): PageRange => ({
    hi: addressHi(words, 0),
    lo: addressLo(words, 0),
    maskLg2: maskLg2(words, 0),
    leafOnly: leafOnly(words, 0) !== 0,
  });
  const tooMany = (words: Words): boolean => maskLg2(words, 0) > offers.mamv;

  const context: Handler = (words) => {
    const g = granularity(words, 0);
    if (g === GLOBAL) caches.contextAll();
    else if (g === DOMAIN) caches.contextDomain(did(words, 0));
    else if (g === SELECTIVE) caches.contextDevice(did(words, 0), sid(words, 0), functionMask(fm(words, 0)));
    else return REFUSED;
    return Outcome.Done;
  };
  const iotlb: Handler = (words) => {
    const g = granularity(words, 0);
    if (g === GLOBAL) caches.iotlbAll();
    // Without CAP.PSI pages are dropped with all of their domain.
    else if (g === DOMAIN || (g === SELECTIVE && !offers.psi)) caches.iotlbDomain(did(words, 0));
    else if (g === SELECTIVE && !tooMany(words)) caches.iotlbPages(did(words, 0), pages(words));
    else return REFUSED;
    return Outcome.Done;
  };
  const iotlbOfPasid: Handler = (words) => {
    const g = granularity(words, 0);
    if (g === 2) caches.iotlbPasid(did(words, 0), pasid(words, 0));
    else if (g === 3 && !tooMany(words)) caches.iotlbPasidPages(did(words, 0), pasid(words, 0), pages(words));
    else return REFUSED;
    return Outcome.Done;
  };
  const pasids: Handler = (words) => {
    const g = granularity(words, 0);
    if (g === 0) caches.pasidDomain(did(words, 0));
    else if (g === 1) caches.pasid(did(words, 0), pasid(words, 0));
    else if (g === 3) caches.pasidAll();
    else return REFUSED;
    return Outcome.Done;
  };
  const [byIndex, indexMask, index] = [get("iec_inv_dsc", "G"), get("iec_inv_dsc", "IM"), get("iec_inv_dsc", "IIDX")];
  const interrupts: Handler = (words) => {
    if (byIndex(words, 0) === 0) caches.interruptsAll();
    else if (indexMask(words, 0) > offers.mhmv) return REFUSED;
    else caches.interrupts(index(words, 0), indexMask(words, 0));
    return Outcome.Done;
  };
  return { 1: context, 2: iotlb, 4: interrupts, 6: iotlbOfPasid, 7: pasids };
}

/** Size of a device-TLB invalidation as a power of 2: with S, the lowest zero of ADDR from bit 12 up ends the size. */
function sizeLg2(hi: number, lo: number, many: boolean): number {
  if (!many) return 12;
  let n = 12;
  while (n < 63 && ((n < 32 ? lo >>> n : hi >>> (n - 32)) & 1) === 1) n++;
  return n === 63 ? 64 : n + 1;
}

function deviceMessages({ devices }: DescriptorTargets): Record<number, Handler> {
  const request =
    (name: string, withPasid: boolean): Handler =>
    (words) => {
      const { addressHi, addressLo } = access(name, "ADDR") as AddressAccess;
      const [hi, lo] = [addressHi(words, 0), addressLo(words, 0)];
      const size = sizeLg2(hi, lo, get(name, "S")(words, 0) !== 0);
      const pasid = withPasid ? get(name, "PASID")(words, 0) : null;
      const global = withPasid && get(name, "G")(words, 0) !== 0;
      const keep = (bits: number, from: number): number =>
        size >= from + 32 ? 0 : size <= from ? bits : bits & (-1 << (size - from));
      devices.invalidate(get(name, "SID")(words, 0), pasid, global, keep(hi, 32), keep(lo, 0), size);
      return Outcome.Done;
    };
  const response = (field: string): FieldAccess["get"] => get("page_grp_resp_dsc", field);
  const [present, pasid, rid] = [response("PP"), response("PASID"), response("RID")];
  const [index, code] = [response("PRGI"), response("RC")];
  const group: Handler = (words) => {
    devices.respond(rid(words, 0), present(words, 0) === 0 ? null : pasid(words, 0), index(words, 0), code(words, 0));
    return Outcome.Done;
  };
  return { 3: request("dev_tlb_inv_dsc", false), 8: request("p_dev_tlb_inv_dsc", true), 9: group };
}
