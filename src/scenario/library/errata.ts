/** Lessons on hardware that does not do what its specification says, and on what software does about it. */
import { GSTS, RTADDR } from "../../arch/vtd/control_registers.ts";
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import type { PagingLevel } from "../../arch/vtd/paging_names.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { MachineDescription } from "../../protocol/machine.ts";
import { register, structure } from "./hardware.ts";
import { type Lesson, lesson } from "./lesson.ts";
import { NIC, virtualMachineOn } from "./machines.ts";
import { call, dma, GUEST, map } from "./verbs.ts";

const GROUP = "Errata";
const PAGE = 0x1000;

/** Structures of the host, one page each; then guest memory, where the second stage puts it. */
const [ROOT, CONTEXTS, DIRECTORY, PASIDS, SECOND] = [0x1000, 0x2000, 0x3000, 0x4000, 0x5000];
const MEMORY = 0x4000_0000;
/** Guest physical: four pages of first-stage tables, the last of which holds the leaf, and the card's buffer. */
const [TABLES, BUFFER] = [0x10_0000, 0x20_0000];
const LEAVES = TABLES + 3 * PAGE;
const IOVA = 0x7000;

const present = { first: { P: 1, R_W: 1, U_S: 1 }, second: { R: 1, W: 1 } };
const entry = (stage: 1 | 2, level: PagingLevel, at: number, fields: Readonly<Record<string, number>>, leaf = false) =>
  structure(at, pagingEntryLayout(stage, level, leaf), fields);
const slot = (table: number, address: number): number => table + 8 * Math.floor(address / PAGE);

/** A unit that nests, and a guest whose page of leaves is read-only in the second stage. */
const machine = (erratum772415: boolean): MachineDescription => ({
  arch: "vtd",
  preset: "sapphire-rapids",
  registers: { RTADDR: register(RTADDR, { RTA: ROOT, TTM: 1 }), GSTS: register(GSTS, { RTPS: 1, TES: 1 }) },
  memory: {
    outside: "abort",
    zero: [
      [BigInt(ROOT), 0x8000n],
      [BigInt(MEMORY), 0x40_0000n],
    ],
    segments: [
      structure(ROOT, SM_ROOT_ENTRY, { LP: 1, LCTP: CONTEXTS }),
      structure(CONTEXTS + (SM_CONTEXT_ENTRY.bits / 8) * NIC.sid, SM_CONTEXT_ENTRY, { P: 1, PASIDDIRPTR: DIRECTORY }),
      structure(DIRECTORY, PASID_DIRECTORY_ENTRY, { P: 1, SMPTBLPTR: PASIDS }),
      structure(PASIDS, PASID_TABLE_ENTRY, {
        P: 1,
        PGTT: Pgtt.Nested,
        AW: 2,
        SSPTPTR: SECOND,
        FSPTPTR: TABLES,
        DID: 1,
      }),
      ...([4, 3, 2] as const).map((level, i) =>
        entry(2, level, SECOND + i * PAGE, { ...present.second, ADDR: SECOND + (i + 1) * PAGE }),
      ),
      ...[TABLES, TABLES + PAGE, TABLES + 2 * PAGE, LEAVES].map((at) =>
        entry(2, 1, slot(SECOND + 3 * PAGE, at), { R: 1, W: at === LEAVES ? 0 : 1, ADDR: MEMORY + at }),
      ),
      entry(2, 2, SECOND + 2 * PAGE + 8, { ...present.second, PS: 1, ADDR: MEMORY + BUFFER }, true),
      ...([4, 3, 2] as const).map((level, i) =>
        entry(1, level, MEMORY + TABLES + i * PAGE, { ...present.first, ADDR: TABLES + (i + 1) * PAGE }),
      ),
      entry(1, 1, MEMORY + slot(LEAVES, IOVA), { ...present.first, ADDR: BUFFER }),
    ],
  },
  devices: [{ sid: NIC.sid, bdf: NIC.bdf, label: "nic" }],
  options: { erratum772415 },
});

/** Ids in a virtual machine on VT-d, in the order in which its VMM makes them; the last by a call of this lesson. */
const ID = { ioas: 1, device: 2, parent: 3, nested: 4, second: 5 };
/** IOMMU_IOAS_MAP: at the address that is given, for writing, for reading. */
const Flag = { FIXED_IOVA: 1, WRITEABLE: 2, READABLE: 4 };
/** Where the VMM has the guest's memory, and where a PC has its firmware. */
const [GUEST_RAM, FIRMWARE] = [0x7e00_0000_0000, 0xc_0000];

/** The VMM maps a page of its memory into an IOAS, as a machine with a ROM there would have it. */
const mapFirmware = (ioas_id: number, flags: number) =>
  call("IOMMU_IOAS_MAP", { ioas_id, flags, user_va: GUEST_RAM, length: PAGE, iova: FIRMWARE });
const READ_ONLY = Flag.FIXED_IOVA | Flag.READABLE;

const SETTING =
  "Hardware alone, translating in two stages. The first-stage leaf of IOVA 0x7000 lies in a page of guest memory, 0x103000, that the second stage makes read-only; the tables above it and the buffer can be written.";

export const ERRATA: readonly Lesson[] = [
  lesson(
    {
      id: "read-only-tables",
      group: GROUP,
      title: "Accessed and dirty bits are writes",
      about: "By the specification a first-stage table that the second stage makes read-only stops the walk.",
    },
    machine(false),
    [
      SETTING,
      dma(IOVA),
      "The card is refused. To set A and D in the leaf is a write of the unit's own, and the second stage forbids it: condition SFS.8 (VT-d §7.1.3). The entries above were writable, and have their A bits now.",
    ],
  ),
  lesson(
    {
      id: "erratum-772415",
      group: GROUP,
      title: "Erratum 772415 (SPR17)",
      about: "A unit that sets accessed and dirty bits of a nested walk in pages that are read-only.",
    },
    machine(true),
    [
      SETTING,
      dma(IOVA),
      "The card got through: in its walk the unit set A and D in the leaf at 0x40103038, in a page that the second stage makes read-only. Whoever shares that page finds it changed, by a write that no permission allowed.",
      "No setting of the unit avoids it, so software keeps read-only pages out of the second stage of a nested walk: the next lesson.",
    ],
  ),
  lesson(
    {
      id: "read-only-refused",
      group: GROUP,
      title: "Linux and erratum 772415",
      about: "A nest-parent HWPT takes no read-only mapping, so a VMM has to do without ROMs that devices can read.",
    },
    virtualMachineOn("vtd", "sapphire-rapids"),
    [
      map(GUEST, 0x10_0000, 1),
      `A guest with a first stage of its own. HWPT ${ID.parent} is the parent that holds guest memory, filled from IOAS ${ID.ioas}; HWPT ${ID.nested} nests on it. IOMMU_GET_HW_INFO answered with IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17: Linux says so of every VT-d unit.`,
      mapFirmware(ID.ioas, READ_ONLY),
      "The VMM asked for a page at 0xc0000 that can be read and not written, as firmware is. EINVAL: the page would be in the second stage of a nested walk, and a unit with the erratum might write to it all the same.",
      dma(0x10_0000),
      "What was mapped before is as it was.",
      call("IOMMU_IOAS_ALLOC", {}),
      call("IOMMU_HWPT_ALLOC", { dev_id: ID.device, pt_id: ID.second }),
      mapFirmware(ID.second, READ_ONLY),
      "The same in an IOAS of its own, whose HWPT is no parent: done. Nothing nests there: no guest has tables in that page.",
      mapFirmware(ID.ioas, READ_ONLY | Flag.WRITEABLE),
      "With write permission the parent takes it. But then devices can write where the guest's firmware is; QEMU leaves such regions out, and a device that reads there faults.",
    ],
  ),
];
