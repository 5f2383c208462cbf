/** VFIO containers as a page shows them, beside objects of an iommufd: who holds whom. */
import type { HostDevice } from "../../host/drivers/driver.ts";
import { IoasidFile } from "../../host/eras/ioasid_file.ts";
import type { HostKernel } from "../../host/kernel.ts";
import type { OpenFile } from "../../host/process.ts";
import { Type1Container } from "../../host/vfio/container.ts";
import { MediatedDevice } from "../../host/vfio/mediated.ts";
import type { KernelObjectRow } from "../../protocol/software.ts";

const deviceText = (device: HostDevice): string =>
  device instanceof MediatedDevice
    ? `PASID ${device.defaultPasid} of ${device.parent.name}, mdev ${device.name}`
    : device.name;

/** Rows of the containers and sets of PASIDs among open files. @param first number of the first row */
export function containerObjects(kernel: HostKernel, files: readonly OpenFile[], first: number): KernelObjectRow[] {
  const rows: KernelObjectRow[] = [];
  const add = (type: string, about: string, holds: readonly number[], users = 0): number => {
    const id = first + rows.length;
    rows.push({ id, type, users, holds, about });
    return id;
  };
  for (const file of files) {
    if (file instanceof IoasidFile) {
      const pasids = kernel.pasids.of(file.owner);
      add("IOASID_SET", pasids.length === 0 ? "no PASIDs" : `PASIDs ${pasids.join(", ")}`, []);
    }
    if (!(file instanceof Type1Container)) continue;
    const { nesting, groups, mappings } = file;
    const parts = nesting?.parts() ?? [];
    const stage = nesting === null ? "one stage" : "stage 2";
    const about = `${stage}, ${mappings} mapped ${mappings === 1 ? "range" : "ranges"}`;
    const container = add("CONTAINER", about, [], groups.size + parts.length);
    for (const group of groups) {
      const names = kernel.devices.filter((d) => d.group === group).map(deviceText);
      add("GROUP", names.join(", "), [container]);
    }
    for (const part of parts) add(part.type, part.about, [container]);
  }
  return rows;
}
