/** What an action of the log did, in a few words. */
import type { Action, CommandWords, ConsumerStep } from "../../protocol/machine.ts";
import { exactBytesText } from "./bytes_text.ts";

const CONSUMER_TEXT: Readonly<Record<ConsumerStep, string>> = {
  hold: "held",
  step: "taken one step on",
  "let go": "let go",
};

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const commandText = ({ name, fields }: CommandWords): string =>
  [name, ...Object.entries(fields).map(([field, value]) => `${field} ${hex(value)}`)].join(", ");

export function actionText(action: Action): string {
  switch (action.do) {
    case "toggle":
      return `bit ${action.bit} of ${hex(action.at)} flipped`;
    case "write":
      return `${exactBytesText(action.bytes.length)} written at ${hex(action.at)}`;
    case "command":
      return `${action.queue === undefined ? "" : `${action.queue}: `}${commandText(action)}`;
    case "consumer":
      return `consumer of ${action.queue ?? "the command queue"} ${CONSUMER_TEXT[action.what]}`;
    case "register":
      return `${action.block === undefined ? "" : `${action.block} `}${action.name} = ${hex(action.value)}`;
    case "mmio":
      return `register at ${action.block === undefined ? "" : `${action.block} `}0x${action.offset.toString(16)} = ${hex(action.value)}`;
    case "translated":
      return `translated ${action.write ? "write" : "read"} of ${action.length} bytes at ${hex(action.iova)}`;
    case "translation request":
      return `translation request for ${action.write ? "writing" : "reading"} IOVA ${hex(action.iova)}`;
    case "page request":
      return `page request for ${hex(action.address)}, group ${action.prgIndex}`;
    case "access":
      return `device ${action.write ? "writes" : "reads"} ${action.length} bytes at IOVA ${hex(action.iova)}`;
    case "guest map":
      return `guest maps ${exactBytesText(action.bytes)} at IOVA ${hex(action.iova)} for device 0x${action.device.toString(16)}`;
    case "guest map at":
      return `guest maps IPA ${hex(action.to)} at IOVA ${hex(action.iova)} for device 0x${action.device.toString(16)}`;
    case "guest bind":
      return `guest binds ${exactBytesText(action.bytes)} at IOVA ${hex(action.iova)} of a process to device 0x${action.device.toString(16)}`;
    case "guest unmap":
      return `guest unmaps ${exactBytesText(action.bytes)} at IOVA ${hex(action.iova)} of device 0x${action.device.toString(16)}`;
    case "guest flush":
      return `guest waits for what it unmapped of device 0x${action.device.toString(16)}`;
    case "guest detach":
      return `guest detaches device 0x${action.device.toString(16)}`;
    case "guest switch":
      return `guest switches its IOMMU to ${action.to}`;
    case "dirty log":
      return action.what === "read"
        ? "VMM reads the log of written pages"
        : `VMM ${action.what}s logging written pages`;
    case "vmm":
      return action.what === "hold" ? "VMM is busy and reads none of its files" : "VMM reads its files";
    case "vmm msi":
      return `VMM routes the interrupt of device 0x${action.device.toString(16)}`;
    case "vmm call": {
      const fields = Object.entries(action.fields).map(([name, value]) => `${name} ${hex(value)}`);
      return `VMM calls ${[action.call, ...fields].join(", ")}`;
    }
    case "guest partition":
      return `guest labels device 0x${action.device.toString(16)} with PARTID ${action.partid} and PMG ${action.pmg}`;
    case "vmids begin anew":
      return "other virtual machines run until KVM's VMIDs begin anew";
    case "guest faults":
      return "guest reads the events of its IOMMU";
    case "dma":
      return `DMA ${action.write ? "write" : "read"} of ${action.length} bytes at IOVA ${hex(action.iova)}`;
  }
}
