/**
 * Calls of the host's kernel that somebody has a VMM make one by one, by their names: what iommufd and VFIO say to a VMM
 * that does things in another order. Linux 7.2, include/uapi/linux/iommufd.h and vfio.h.
 */
import { IOCTLS } from "../../host/iommufd/ioctls.ts";
import { DEVICE_ATTACH_IOMMUFD_PT, DEVICE_DETACH_IOMMUFD_PT } from "../../host/vfio/ioctls.ts";
import type { VmmCall } from "../../protocol/software.ts";
import type { CallStruct } from "./user_space.ts";
import type { VmObjects } from "./vm_objects.ts";

interface Known {
  /** Values of any width may be given as bigints. */
  readonly struct: CallStruct<Readonly<Record<string, number | bigint>>> & {
    readonly fields: readonly { readonly name: string }[];
  };
  readonly sizeField: "size" | "argsz";
}

const known = (structs: readonly { readonly name: string }[], sizeField: Known["sizeField"]): [string, Known][] =>
  structs.map((struct) => [struct.name, { struct: struct as Known["struct"], sizeField }]);

/** By name: calls on /dev/iommu, and those on the file of a device. */
const ON_IOMMUFD = new Map(known(IOCTLS, "size"));
const ON_DEVICE = new Map(known([DEVICE_ATTACH_IOMMUFD_PT, DEVICE_DETACH_IOMMUFD_PT], "argsz"));

/** What a call came to, in words; `done` is false for one that could not be made at all. */
export interface CallOutcome {
  readonly done: boolean;
  readonly about: string;
}

const cannot = (about: string): CallOutcome => ({ done: false, about });
/** Flags and ids are easiest to compare in the form that pages show objects in; addresses are hexadecimal. */
const shown = (value: number | bigint): string => (typeof value === "bigint" ? `0x${value.toString(16)}` : `${value}`);

/** Make a call. `close` is one, too: it takes an `fd`. */
export function makeCall(vm: VmObjects, { call, fields, device, data }: VmmCall): CallOutcome {
  if (call === "close") {
    vm.caller.system.close(Number(fields.fd ?? -1n));
    return { done: true, about: `file ${fields.fd} is closed` };
  }
  const found = (device === undefined ? ON_IOMMUFD : ON_DEVICE).get(call);
  const file = device === undefined ? vm.iommufd : vm.device(device)?.fd;
  if (found === undefined) return cannot(`There is no call ${call} on such a file.`);
  if (file === undefined) return cannot(`The VMM has no device 0x${device!.toString(16)}.`);
  const { struct, sizeField } = found;
  const names = struct.fields.map(({ name }) => name);
  const stray = Object.keys(fields).find((name) => !names.includes(name) || name === sizeField);
  if (stray !== undefined) return cannot(`${call} has no field ${stray} to fill in.`);
  const pointed = data === undefined ? {} : { data_uptr: vm.caller.data(data), data_len: data.length };
  const called = vm.caller.call(file, struct, { ...pointed, ...fields }, sizeField);
  if (!called.ok) return { done: true, about: `${call} answered ${called.errno}` };
  const out = names.filter((name) => name.startsWith("out_")).map((name) => `${name} ${shown(called.out[name]!)}`);
  return { done: true, about: [`${call} is done`, ...out].join(", ") };
}
