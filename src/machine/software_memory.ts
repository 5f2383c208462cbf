/** Where the software of a machine has its memory. */
import type { MachineDescription } from "../protocol/machine.ts";

/** Physical memory of the host's kernel, of the VMM, and of the guest: the last from here on. */
export const PLACES = {
  host: { at: 0x8000_0000, bytes: 0x400_0000 },
  vmm: { at: 0x9000_0000, bytes: 0x20_0000 },
  guest: 0x1_0000_0000,
  /** Where an interrupt controller takes messages that are plain writes. */
  doorbell: { at: 0x809_0000, bytes: 0x1000 },
} as const;

/** In whose memory an address lies that software has written to. */
export function whoseMemory(at: number): "host" | "VMM" | "guest" {
  const { vmm, guest } = PLACES;
  if (at >= guest) return "guest";
  return at >= vmm.at && at < vmm.at + vmm.bytes ? "VMM" : "host";
}

/** A machine with the memory that its software needs: ranges that read as zero. */
export function withSoftwareMemory(machine: MachineDescription): MachineDescription {
  const { software, memory } = machine;
  if (software === undefined) return machine;
  const own = [
    [PLACES.host.at, PLACES.host.bytes],
    [PLACES.vmm.at, PLACES.vmm.bytes],
    [PLACES.guest, software.guestBytes],
    ...(machine.arch === "smmuv3" ? [[PLACES.doorbell.at, PLACES.doorbell.bytes]] : []),
  ].map(([at, bytes]) => [BigInt(at!), BigInt(bytes!)] as const);
  return { ...machine, memory: { ...memory, zero: [...memory.zero, ...own] } };
}
