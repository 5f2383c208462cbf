/** The device models that can be run, for menus: their generators are fetched when one is started. */
export const PROFILES = {
  nic: { text: "Network card", about: "Rings of descriptors, a buffer for each packet." },
  nvme: { text: "NVMe disk", about: "A pair of queues, data by lists of pages." },
  accelerator: { text: "Accelerator", about: "Copies for processes, each in its own PASID." },
} as const;
export type ProfileId = keyof typeof PROFILES;
export const PROFILE_IDS = Object.keys(PROFILES) as ProfileId[];
