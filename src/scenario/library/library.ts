/** The scenarios that come with the page. Each opens as it stands, and none is read from anywhere. */
import { AMD_VIOMMU } from "./amd_viommu.ts";
import { ARCHITECTURES } from "./architectures.ts";
import { BROADCAST } from "./broadcast.ts";
import { BROKEN_GUESTS } from "./broken_guests.ts";
import { COHERENCY } from "./coherency.ts";
import { COSTS } from "./costs.ts";
import { OTHER_ERAS } from "./eras.ts";
import { ERRATA } from "./errata.ts";
import { GUEST_FAULTS } from "./guest_faults.ts";
import type { Lesson } from "./lesson.ts";
import { MPAM } from "./mpam.ts";
import { MSI } from "./msi.ts";
import { NESTING } from "./nesting.ts";
import { OBJECTS } from "./objects.ts";
import { PAGE_FAULTS } from "./page_faults.ts";
import { PAGE_FAULTS_X86 } from "./page_faults_x86.ts";
import { SHARING } from "./sharing.ts";

/** In the order in which they are shown; groups stand together. */
export const LIBRARY: readonly Lesson[] = [
  ...NESTING,
  ...AMD_VIOMMU,
  ...COSTS,
  ...BROKEN_GUESTS,
  ...ARCHITECTURES,
  ...PAGE_FAULTS,
  ...PAGE_FAULTS_X86,
  ...GUEST_FAULTS,
  ...MSI,
  ...BROADCAST,
  ...MPAM,
  ...SHARING,
  ...OBJECTS,
  ...COHERENCY,
  ...ERRATA,
  ...OTHER_ERAS,
];
