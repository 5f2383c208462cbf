/** Files that a process opens by their path, as far as the era of the kernel has them. Linux 7.2, Documentation/driver-api/vfio.rst. */
import type { HostDevice } from "../../host/drivers/driver.ts";
import type { HostKernel } from "../../host/kernel.ts";
import { KvmFile } from "../../host/kvm/files.ts";
import type { OpenFile, Process } from "../../host/process.ts";
import { Type1Container } from "../../host/vfio/container.ts";
import { VfioDeviceFile } from "../../host/vfio/device_file.ts";
import { VfioGroupFile } from "../../host/vfio/group_file.ts";
import { MediatedDevice } from "../../host/vfio/mediated.ts";

/** @returns an errno's name where there is no such file */
export function openFile(kernel: HostKernel, process: Process, path: string): OpenFile | string {
  const { era, devices } = kernel;
  const { kvm } = kernel.config;
  if (path === "/dev/iommu") return era.iommufd ? kernel.openIommufd() : "ENOENT";
  if (path === "/dev/ioasid") return era.ioasid ? kernel.openIoasid(process) : "ENOENT";
  if (path === "/dev/kvm") return kvm === undefined ? "ENOENT" : new KvmFile(kvm);
  if (path === "/dev/vfio/vfio") return new Type1Container(kernel);
  const device = devices.find((d) => path === `/dev/vfio/devices/${d.name}`);
  if (device !== undefined) return era.iommufd ? new VfioDeviceFile(kernel, device) : "ENOENT";
  const group = devices.find((d) => path === `/dev/vfio/${d.group}`)?.group;
  return group === undefined ? "ENOENT" : VfioGroupFile.open(kernel, group);
}

/** Where a symbolic link of a device leads to: its group; null for any other path. */
export function readLink({ devices }: HostKernel, path: string): string | null {
  const bus = (device: HostDevice): string => (device instanceof MediatedDevice ? "mdev" : "pci");
  const device = devices.find((d) => path === `/sys/bus/${bus(d)}/devices/${d.name}/iommu_group`);
  return device === undefined ? null : `../../../kernel/iommu_groups/${device.group}`;
}
