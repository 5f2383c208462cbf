/**
 * What Linux logs of the events of an AMD IOMMU. Linux 7.2, drivers/iommu/amd/iommu.c (iommu_print_event,
 * amd_iommu_report_page_fault). 48882 §2.5.
 */
import { eventOf, IO_PAGE_FAULT } from "../../arch/amdvi/events.ts";
import { bdfOf } from "../../arch/requester_id.ts";
import { fieldValue, locate } from "../../base/layout.ts";

/** Who did what, as far as a record of its kind has it. */
export interface AmdEvent {
  /** Null for an event of no device. */
  readonly sid: number | null;
  /** Null without. */
  readonly pasid: number | null;
  readonly address: bigint | null;
}

/** How operands are printed: name, digits and the value. */
type Operand = (event: Printed) => string;

/** What the operands are made of. */
interface Printed {
  readonly event: AmdEvent;
  readonly words: Uint32Array;
  readonly get: (field: string) => bigint;
}

const hex = (value: bigint | number, digits = 1): string => `0x${value.toString(16).padStart(digits, "0")}`;
/** Flags are twelve bits of the second word, from GN on. */
const FLAGS = { shift: locate(IO_PAGE_FAULT.layout, "GN").shift, mask: 0xfff };

const device: Operand = ({ event }) => `device=0000:${bdfOf(event.sid ?? 0)}`;
const address: Operand = ({ event }) => `address=${hex(event.address ?? 0n)}`;
const flags: Operand = ({ words }) => `flags=${hex((words[1]! >>> FLAGS.shift) & FLAGS.mask, 4)}`;
/** Of a record without a PASID the field holds the domain. */
const addressSpace = ({ get }: Printed): bigint =>
  (get("PASID_19_16") << 16n) + get("PASID_15_0") + get("DomainID_PASID");
const domain: Operand = (printed) => `domain=${hex(addressSpace(printed), 4)}`;
const pasid: Operand = (printed) => `pasid=${hex(addressSpace(printed), 5)}`;
const tag: Operand = ({ get }) => `tag=${hex(get("PPRtag"), 3)}`;

/** What is printed of each event, in this order. */
const OPERANDS: Readonly<Record<string, readonly Operand[]>> = {
  ILLEGAL_DEV_TABLE_ENTRY: [device, pasid, address, flags],
  IO_PAGE_FAULT: [domain, address, flags],
  DEV_TAB_HARDWARE_ERROR: [device, address, flags],
  PAGE_TAB_HARDWARE_ERROR: [device, pasid, address, flags],
  ILLEGAL_COMMAND_ERROR: [address],
  COMMAND_HARDWARE_ERROR: [address, flags],
  IOTLB_INV_TIMEOUT: [device, address],
  INVALID_DEVICE_REQUEST: [device, pasid, address, flags],
  INVALID_PPR_REQUEST: [device, pasid, address, flags, tag],
};

export function readEvent(words: Uint32Array): AmdEvent {
  const layout = eventOf(words)?.layout;
  const value = (field: string): bigint | null => (layout === undefined ? null : fieldValue(layout, field, words));
  const sid = value("DeviceID");
  const space = (value("DomainID_PASID") ?? value("PASID_15_0") ?? 0n) + ((value("PASID_19_16") ?? 0n) << 16n);
  return {
    sid: sid === null ? null : Number(sid),
    pasid: value("GN") === 1n ? Number(space) : null,
    address: value("Address"),
  };
}

/** The line of a record. */
export function eventLine(words: Uint32Array): string {
  const definition = eventOf(words);
  const event = readEvent(words);
  const name = definition?.linuxName ?? null;
  const operands = name === null ? undefined : OPERANDS[name];
  if (definition === undefined || operands === undefined)
    return `iommu ivhd0: AMD-Vi: Event logged [UNKNOWN ${Array.from(words, (word, i) => `event[${i}]=${hex(word, 8)}`).join(" ")}]`;
  const get = (field: string): bigint => fieldValue(definition.layout, field, words) ?? 0n;
  // A page fault is logged by its device, any other event by the IOMMU.
  const who = definition.code === IO_PAGE_FAULT.code ? `pci 0000:${bdfOf(event.sid ?? 0)}` : "iommu ivhd0";
  return `${who}: AMD-Vi: Event logged [${name} ${operands.map((operand) => operand({ event, words, get })).join(" ")}]`;
}
