/**
 * A guest with a virtualized IOMMU, its device being that of the nested world, for tests. The first data pages hold its
 * buffers.
 */
import { PRIVATE_REGIONS } from "../../../arch/amdvi/viommu.ts";
import { EVERY_CACHE } from "../caches/options.ts";
import { type Command, ON } from "./interface_world.ts";
import { DEVICE, DOMAIN, GPA, HOST_RW, NestedWorld, OWN_ID, SPA } from "./nested_world.ts";

export const GUEST = 1;
/** What the guest calls its device and its domain. */
export const GUEST_DEVICE = 0x18;
export const GUEST_DOMAIN = 5;
/** Pages of the guest's buffers, where guest and host find them. */
const [COMMANDS, EVENTS, REQUESTS] = [0, 0x1000, 0x2000];
/** A guest's page that the guest may have written to. */
export const STORE = 0x3000;

/** Enable and the length of a buffer of 256 entries. */
export const ENABLED = 0x108;
/** CONTROL[63:32]: vCmdEn, vIommuEn, GCR3TRPMode, GstBufferTRPMode. */
export const GUESTS_ON = (1 << 20) | (1 << 21) | (1 << 26) | (1 << 28);

/** Name of a register of a guest's. */
export const vf = (name: string, guest = GUEST): string => `VF${guest}_${name}`;

/** The tables of the private address space, and pages of the guest's two mapping tables behind it. */
const ROOT = 0x150000;
const MAPS = [
  { ...PRIVATE_REGIONS.DeviceIdMap, tables: [0x151000, 0x152000], page: 0x160000 },
  { ...PRIVATE_REGIONS.DomainIdMap, tables: [0x153000, 0x154000], page: 0x161000 },
] as const;

export class GuestWorld extends NestedWorld {
  constructor() {
    super(EVERY_CACHE);
    this.entry({ vImuEn: 1, GuestID: GUEST, GDeviceID: GUEST_DEVICE });
    this.entry({ V: 1, TV: 1, Mode: 3, HostPageTableRootPtr: ROOT >>> 12, IR: 1, IW: 1, DomainID: 1 }, OWN_ID);
    for (const { baseHi, bytes, tables, page } of MAPS) {
      const [upper, lower] = tables;
      this.memory.write64(0, ROOT + 8 * (baseHi << 2), HOST_RW, upper | 0x401);
      this.memory.write64(0, upper, HOST_RW, lower | 0x201);
      this.memory.write64(0, lower + 8 * ((GUEST * bytes) >>> 12), HOST_RW, page | 1);
    }
    // GTEn and PPREn.
    this.write("CONTROL", ON | 0x10000 | 0x8000, GUESTS_ON);
    this.write(vf("GUEST_MISC_CONTROL"), DEVICE << 16);
    this.write(vf("GUEST_CMD_CONTROL"), (GPA + COMMANDS) | ENABLED);
    this.write(vf("GUEST_EVT_CONTROL"), (GPA + EVENTS) | ENABLED);
    this.write(vf("GUEST_PPR_CONTROL"), ((GPA + REQUESTS) << 4) | ENABLED | 0x400);
    this.map("GUEST_DID_MAP_CONTROL0", GUEST_DEVICE, DEVICE);
    this.map("GUEST_DID_MAP_CONTROL1", GUEST_DOMAIN, DOMAIN);
  }

  /** Write one of the two mapping tables; host id 0 takes a mapping away. */
  map(register: string, guestId: number, hostId: number): void {
    this.write(vf(register), ((hostId << 14) | 1) >>> 0, ((1 << 31) | (guestId << 14)) >>> 0);
  }

  /** The guest writes commands and moves its tail behind them. */
  guestCommand(...commands: readonly Command[]): void {
    this.append(vf("CMD_TAIL"), SPA + COMMANDS, commands);
  }

  guestEvents(): number[][] {
    return this.records(SPA + EVENTS, this.read(vf("EVT_TAIL")) / 16);
  }

  guestRequests(): number[][] {
    return this.records(SPA + REQUESTS, this.read(vf("PPR_TAIL")) / 16);
  }
}
