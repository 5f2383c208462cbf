/** Lessons on the objects of iommufd: who holds whom, in what order they come and go, and what is lost on the way. */
import { type Lesson, lesson } from "./lesson.ts";
import { NIC, virtualMachine, virtualMachineOn } from "./machines.ts";
import { call, closeFile, destroy, dma, GUEST, map, readFaults } from "./verbs.ts";

const GROUP = "Objects of iommufd";
const IOVA = 0x10_0000;

/** Ids in a virtual machine with trapped commands, in the order in which its VMM makes them. */
const ID = { ioas: 1, parent: 3, viommu: 4, vdevice: 5, events: 6, faults: 7, nested: 8 };
/** Its files: the queues' come after /dev/iommu and the device's. */
const FILE = { events: 5, faults: 6 };

const TEARDOWN: Lesson = lesson(
  {
    id: "teardown-order",
    group: GROUP,
    title: "What may be destroyed when",
    about:
      "Every object is held by those that are made of it: the wrong order answers EBUSY, the right one goes through.",
  },
  virtualMachine(),
  [
    map(GUEST, IOVA, 1),
    dma(IOVA),
    "A running virtual machine. Look at the objects: the IOAS holds guest memory, the parent HWPT is filled from it, the vIOMMU stands on the parent, and the nested HWPT on the vIOMMU. The device is attached to the nested one.",
    destroy(ID.ioas),
    destroy(ID.parent),
    destroy(ID.viommu),
    destroy(ID.nested),
    "From the bottom up each is EBUSY, for the one above holds it; the topmost for the device that is attached. Nothing has changed.",
    dma(IOVA),
    "The card still gets through.",
    call("VFIO_DEVICE_DETACH_IOMMUFD_PT", {}, { device: NIC.virtualId }),
    "The device is detached. Its STE aborts now, so that no moment is left in which it reaches anything.",
    dma(IOVA),
    destroy(ID.nested),
    destroy(ID.vdevice),
    "The nested HWPT goes, and the vDEVICE, which only says by what number the guest knows the device.",
    destroy(ID.viommu),
    "Still EBUSY: the queue of events belongs to the vIOMMU.",
    destroy(ID.events),
    "And that one is held by its own file, which is open.",
    closeFile(FILE.events),
    destroy(ID.events),
    destroy(ID.viommu),
    destroy(ID.parent),
    "Queue, vIOMMU and parent are gone, one after the other. With the parent went stage 2, and its VMID.",
    closeFile(FILE.faults),
    destroy(ID.faults),
    destroy(ID.ioas),
    "Nobody holds the IOAS any more. The mapping of guest memory ends with it, and its pages are no longer pinned.",
  ],
);

const STRAYS = 70;

const LOST_EVENTS: Lesson = lesson(
  {
    id: "lost-events",
    group: GROUP,
    title: "Events on their way to a guest, and lost",
    about: "A vEVENTQ carries faults from the host to the VMM; one that nobody reads fills up, and says so.",
  },
  virtualMachine(),
  [
    map(GUEST, IOVA, 1),
    dma(0x20_0000),
    "The card strayed. The host read its own Event queue, put the StreamID that the guest knows into the record, and that into the vEVENTQ. The VMM read it there, behind a header with a sequence number, and wrote it into the guest's queue.",
    readFaults,
    "The guest logged it.",
    { do: "vmm", what: "hold" },
    "From here on the VMM is busy with something else.",
    ...Array.from({ length: STRAYS }, (_, i) => dma(0x30_0000 + i * 0x1000)),
    "70 faults, and room for 64. The host goes on: it drops what does not fit, and remembers that it did.",
    { do: "vmm", what: "let go" },
    "The VMM read 64 events and a header without one: IOMMU_VEVENTQ_FLAG_LOST_EVENTS. An SMMU tells its software of lost events by EVENTQ_PROD.OVFLG (IHI 0070 §7.4), so that is what the virtual one does.",
    readFaults,
    "64 faults and one line about those that are missing.",
  ],
);

const QUEUE = 0x40a0_0000;
const TEGRA241_CMDQV = 1;
/** Ids in a virtual machine with a queue of its own. */
const DIRECT = { viommu: 4, queue0: 9, queue1: 11 };

const queue = (index: number, where: { readonly at?: number; readonly bytes?: number; readonly type?: number } = {}) =>
  call("IOMMU_HW_QUEUE_ALLOC", {
    viommu_id: DIRECT.viommu,
    type: where.type ?? TEGRA241_CMDQV,
    index,
    nesting_parent_iova: where.at ?? QUEUE,
    length: where.bytes ?? 0x1000,
  });

const VCMDQ_ORDER: Lesson = lesson(
  {
    id: "vcmdq-order",
    group: GROUP,
    title: "Queues that hardware reads: in order, or not at all",
    about: "What IOMMU_HW_QUEUE_ALLOC refuses, and how queues hold each other and the guest's memory.",
  },
  virtualMachineOn("smmuv3", "grace", { mode: "nested, direct" }),
  [
    map(GUEST, IOVA, 1),
    "The guest has set its queue 0 up, and the VMM made a HW_QUEUE of it. Its memory is pinned by an ACCESS object: hardware reads it by physical address.",
    queue(0),
    "Queue 0 again: EEXIST.",
    queue(2),
    "The interface has two queues, 0 and 1: EINVAL.",
    queue(1, { bytes: 0x3000 }),
    queue(1, { at: QUEUE + 0x1000, bytes: 0x2000 }),
    "Three pages are no power of two, and two pages have to lie on a multiple of two pages: EINVAL.",
    queue(1, { at: 0x8000_0000 }),
    "No guest memory there: ENOENT.",
    queue(1, { type: 0 }),
    "A type that this vIOMMU does not have: EOPNOTSUPP.",
    queue(1),
    "A page of guest memory, in order: queue 1 is there.",
    destroy(DIRECT.queue0),
    "Queue 1 depends on queue 0: EBUSY.",
    call("IOMMU_IOAS_UNMAP", { ioas_id: 1, iova: 0x4000_0000, length: 0x100_0000 }),
    "Nor can the guest's memory be unmapped while hardware reads commands in it.",
    destroy(DIRECT.queue1),
    destroy(DIRECT.queue0),
    "From the highest down both go.",
    queue(1),
    "And queue 1 cannot be the first: EIO, for hardware has the queues of an interface without gaps.",
  ],
);

export const OBJECTS: readonly Lesson[] = [TEARDOWN, LOST_EVENTS, VCMDQ_ORDER];
