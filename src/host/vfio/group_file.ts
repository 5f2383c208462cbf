/**
 * Group files: what puts a group into a container and opens its devices. One is open for a group at a time.
 * Linux 7.2, drivers/vfio/group.c.
 */
import type { Errno, Returned, Status } from "../errno.ts";
import { IommufdFile } from "../iommufd/file.ts";
import type { HostKernel } from "../kernel.ts";
import type { OpenFile, Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { Type1Container } from "./container.ts";
import { GroupDeviceFile } from "./group_device.ts";
import {
  GROUP_GET_DEVICE_FD,
  GROUP_GET_STATUS,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  GroupFlag,
} from "./ioctls.ts";

const GROUP_ARGUMENT = 4;
/** Longest name of a device, with the zero that ends it. */
const MOST_NAME = 64;

export class VfioGroupFile implements OpenFile {
  readonly kind = "vfio group";
  readonly #kernel: HostKernel;
  readonly #group: number;
  #container: Type1Container | IommufdFile | null = null;
  /** Devices that are open through it: they keep the file. */
  #devices = 0;
  #closed = false;

  private constructor(kernel: HostKernel, group: number) {
    this.#kernel = kernel;
    this.#group = group;
  }

  /** Open the file of a group; EBUSY where it is open, or a device of the group is bound by a file of its own. */
  static open(kernel: HostKernel, group: number): VfioGroupFile | Errno {
    return kernel.openGroup(group) ?? new VfioGroupFile(kernel, group);
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case GROUP_GET_STATUS.request:
        return this.#status(process, argument) ?? 0;
      case GROUP_SET_CONTAINER:
        return this.#set(process, argument) ?? 0;
      case GROUP_UNSET_CONTAINER:
        return this.#unset() ?? 0;
      case GROUP_GET_DEVICE_FD:
        return this.#openDevice(process, argument);
      default:
        return "ENOTTY";
    }
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #status(process: Process, argument: bigint): Status {
    const given = readSized(process, argument, GROUP_GET_STATUS.size, GROUP_GET_STATUS.size);
    if (typeof given === "string") return given;
    const flags = GroupFlag.VIABLE | (this.#container === null ? 0 : GroupFlag.CONTAINER_SET);
    const answer = GROUP_GET_STATUS.encode({ ...GROUP_GET_STATUS.decode(given.bytes), flags });
    return process.write(argument, answer) ? null : "EFAULT";
  }

  #set(process: Process, argument: bigint): Status {
    const bytes = process.read(argument, GROUP_ARGUMENT);
    if (bytes === null) return "EFAULT";
    const file = process.file(new DataView(bytes.buffer).getInt32(0, true));
    if (file === null) return "EBADF";
    if (this.#container !== null) return "EINVAL";
    if (file instanceof IommufdFile) {
      file.context.vfioIoas ??= file.context.newIoas();
      file.context.hold();
      this.#container = file;
      return null;
    }
    if (!(file instanceof Type1Container)) return "EBADFD";
    const status = file.addGroup(this.#group);
    if (status === null) this.#container = file;
    return status;
  }

  #unset(): Status {
    if (this.#container === null) return "EINVAL";
    if (this.#devices > 0) return "EBUSY";
    this.#leave();
    return null;
  }

  /** UNMODELLED: devices of a group in an iommufd: they have files of their own. */
  #openDevice(process: Process, argument: bigint): Returned {
    const name = readName(process, argument);
    if (name === null) return "EFAULT";
    const device = this.#kernel.devices.find((d) => d.group === this.#group && d.name === name);
    if (device === undefined) return "ENODEV";
    const container = this.#container;
    if (!(container instanceof Type1Container) || !container.ready) return "EINVAL";
    this.#devices++;
    const closed = (): void => {
      this.#devices--;
      this.#release();
    };
    return process.install(new GroupDeviceFile(this.#kernel, device, container, closed));
  }

  /** Leave the container, and let the group go, once neither the file nor a device of it is open. */
  #release(): void {
    if (!this.#closed || this.#devices > 0) return;
    this.#leave();
    this.#kernel.closeGroup(this.#group);
  }

  #leave(): void {
    const container = this.#container;
    this.#container = null;
    if (container instanceof Type1Container) container.removeGroup(this.#group);
    else container?.context.drop();
  }
}

/** A name that ends with a zero; null where it cannot be read. */
function readName(process: Process, at: bigint): string | null {
  let name = "";
  for (let i = 0; i < MOST_NAME; i++) {
    const byte = process.read(at + BigInt(i), 1);
    if (byte === null) return null;
    if (byte[0] === 0) break;
    name += String.fromCharCode(byte[0]!);
  }
  return name;
}
