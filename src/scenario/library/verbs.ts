/** What happens in lessons, in short. Addresses are IOVAs of the card; lengths are pages of 4 KiB unless bytes are said. */
import { REMAPPABLE_ADDRESS } from "../../arch/vtd/irte.ts";
import { encodeFields } from "../../base/encode.ts";
import type { Access, Action } from "../../protocol/machine.ts";
import { NIC } from "./machines.ts";

const PAGE = 4096;

/** Whoever is asked knows the card by this id. */
type Asked = { readonly device: number; readonly pasid?: number };

/** A guest in a virtual machine, and a kernel on hardware. */
export const GUEST: Asked = { device: NIC.virtualId };
export const KERNEL: Asked = { device: NIC.sid };

const of = ({ device, pasid }: Asked) => ({ device, pasid: pasid ?? null });

export const map = (who: Asked, iova: number, pages: number): Action => ({
  do: "guest map",
  ...of(who),
  iova: BigInt(iova),
  bytes: pages * PAGE,
  write: true,
});

export const unmap = (who: Asked, iova: number, pages: number): Action => ({
  do: "guest unmap",
  ...of(who),
  iova: BigInt(iova),
  bytes: pages * PAGE,
});

/** Give the process that the PASID stands for addresses, without pages. */
export const bind = (who: Asked & { readonly pasid: number }, iova: number, pages: number): Action => ({
  do: "guest bind",
  ...of(who),
  iova: BigInt(iova),
  bytes: pages * PAGE,
  write: true,
});

export const flush = (who: Asked): Action => ({ do: "guest flush", ...of(who) });
export const detach = (who: Asked): Action => ({ do: "guest detach", ...of(who) });
export const readFaults: Action = { do: "guest faults" };

const writes = (iova: number, ssid: number | null): Access => ({
  sid: NIC.sid,
  ssid,
  iova: BigInt(iova),
  write: true,
  privileged: false,
  instruction: false,
});

/** The card writes four bytes. */
export const dma = (iova: number, ssid: number | null = null): Extract<Action, { readonly do: "dma" }> => ({
  do: "dma",
  ...writes(iova, ssid),
  length: 4,
});

/** The card writes four bytes by a translation of its own where it has one. */
export const access = (iova: number, ssid: number | null = null): Action => ({
  do: "access",
  ...writes(iova, ssid),
  length: 4,
});

/** The VMM calls the host's kernel; a device is named for calls of VFIO. */
export const call = (
  name: string,
  fields: Readonly<Record<string, number>>,
  more: { readonly device?: number; readonly data?: Uint8Array } = {},
): Action => ({
  do: "vmm call",
  call: name,
  fields: Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, BigInt(value)])),
  ...more,
});
export const destroy = (id: number): Action => call("IOMMU_DESTROY", { id });
export const closeFile = (fd: number): Action => call("close", { fd });

/** The guest maps what lies at a guest physical address. */
export const mapAt = (who: Asked, iova: number, to: number): Action => ({
  do: "guest map at",
  ...of(who),
  iova: BigInt(iova),
  bytes: PAGE,
  to: BigInt(to),
});

/** The guest labels what the card accesses. */
export const partition = (who: Asked, partid: number, pmg: number): Action => ({
  do: "guest partition",
  ...of(who),
  partid,
  pmg,
});

/** The guest has enabled the card's first interrupt, and the VMM routes it. */
export const routeInterrupt: Action = { do: "vmm msi", device: NIC.virtualId };

/** The card interrupts by way of VT-d: the address of its message has the handle of an entry. */
export const remappable = (handle: number): Action => {
  const [at] = encodeFields(REMAPPABLE_ADDRESS, { FEE: 0xfee, FORMAT: 1, SHV: 1, HANDLE_14_0: handle });
  return message(at!, 0);
};

/** The card interrupts: it writes a message. */
export const message = (at: number, word: number): Action => ({
  do: "dma",
  ...writes(at, null),
  length: 4,
  data: new Uint8Array(new Uint32Array([word]).buffer),
});
