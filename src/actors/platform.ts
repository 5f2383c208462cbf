/** What a kernel can reach of the machine it runs on, for the VMMs that offer it. */
export type { KernelMemory, RegisterPages } from "../kernel/platform.ts";
