/**
 * Who can make a change to tables, in sessions with software: the kernel whose tables they are, by what it can be asked to
 * do; the VMM, by a call of the host; or somebody who writes to memory behind their backs.
 */
import type { MachineDescription } from "../protocol/machine.ts";
import { MAX_EDIT_BYTES, type MapEdit, type MapPlan } from "../protocol/map_edit.ts";
import type { GuestAction, KernelObjectRow, SoftwareDescription } from "../protocol/software.ts";
import { guestActionFault } from "./guest_actions.ts";

type Way = Omit<MapPlan, "revision">;

/** Writes and commands that change the tables, as {@link MapPlan} has them. */
type Planned = Pick<MapPlan, "actions" | "freed" | "bigEndian">;

/**
 * The ways to make a change, the owner's first.
 * @param objects of the host's kernel
 */
export function softwareWays(
  machine: MachineDescription & { readonly software: SoftwareDescription },
  objects: readonly KernelObjectRow[],
  edit: MapEdit,
  planned: Planned | string,
): Way[] {
  const owners = ownersAct(machine, objects, edit).filter(({ actions }) =>
    actions.every((action) => guestActionFault(action, machine) === null),
  );
  return [...owners, ...(typeof planned === "string" ? [] : [rawWrites(planned)])];
}

type OwnWay = Omit<Way, "actions"> & { readonly actions: readonly GuestAction[] };

function ownersAct(
  machine: MachineDescription & { readonly software: SoftwareDescription },
  objects: readonly KernelObjectRow[],
  edit: MapEdit,
): OwnWay[] {
  const { change } = edit;
  if (!("bytes" in change) || change.bytes <= 0n || change.bytes > MAX_EDIT_BYTES) return [];
  const { kind, mode } = machine.software;
  if (kind === "virtual machine" && mode !== "emulated" && edit.stage === 2) return hostUnmaps(objects, edit);
  return kernelMaps(machine, edit);
}

/** The kernel whose device it is maps and unmaps; one with an emulated IOMMU has its VMM follow. */
function kernelMaps({ software, devices }: MachineDescription, { sid, ssid, change }: MapEdit): OwnWay[] {
  const bdf = devices.find((d) => d.sid === sid)?.bdf;
  const guest = software?.kind === "virtual machine";
  const device = guest ? software.assigned.find((d) => d.bdf === bdf)?.virtualId : sid;
  if (device === undefined) return [];
  const [by, who] = guest ? (["guest", "The guest's kernel"] as const) : (["kernel", "The kernel"] as const);
  const target = { device, pasid: ssid, iova: change.from };
  if (change.do === "unmap") {
    const about = `${who} unmaps it, gives back the buffers that lie there wholly, and invalidates as it always does.`;
    return [{ by, about, freed: [], actions: [{ do: "guest unmap", ...target, bytes: Number(change.bytes) }] }];
  }
  if (change.do !== "map") return [];
  const space = guest ? "guest physical " : "";
  const about = `${who} maps it for reads and writes, whatever is chosen here; the output is a ${space}address.`;
  const bytes = Number(change.bytes);
  return [{ by, about, freed: [], actions: [{ do: "guest map at", ...target, bytes, to: change.to }] }];
}

/** Stage 2 is the host's: guest memory goes out of it by a call, where it is plain by which object. */
function hostUnmaps(objects: readonly KernelObjectRow[], { change }: MapEdit): OwnWay[] {
  const [ioas, another] = objects.filter(({ type }) => type === "IOAS");
  if (change.do !== "unmap" || ioas === undefined || another !== undefined) return [];
  const fields = { ioas_id: BigInt(ioas.id), iova: change.from, length: change.bytes };
  const about = "The VMM has the host unmap it, as though that memory left the virtual machine.";
  return [{ by: "VMM", about, freed: [], actions: [{ do: "vmm call", call: "IOMMU_IOAS_UNMAP", fields }] }];
}

/** The writes alone: the queue of commands is the driver's, which does not know of them. */
function rawWrites({ actions, bigEndian }: Planned): Way {
  const writes = actions.filter((action) => action.do === "write");
  return {
    by: "raw",
    about:
      "Memory is written behind the driver's back: nothing is invalidated, so that caches keep what they have, and new " +
      "tables lie in memory that its kernel may give to others.",
    actions: writes,
    freed: [],
    ...(bigEndian === true ? { bigEndian } : {}),
  };
}
