/**
 * Near misses: messages that look like an IOMMU fault, yet are none of an Arm SMMUv3, a VT-d unit or an AMD-Vi unit.
 * They are named, so that a reader knows what to look for instead.
 */
import type { RefuseEntry } from "./entry.ts";
import type { LogLine } from "./lines.ts";

interface Signature {
  readonly what: string;
  /** All must be found in one message. */
  readonly all: readonly RegExp[];
  /** What it is, as a sentence. */
  readonly says: string;
  /** Only when the paste holds nothing else. */
  readonly alone?: true;
}

const FAULT = /\bfault\b/i;

const SIGNATURES: readonly Signature[] = [
  {
    what: "arm-smmu-v2-context-fault",
    all: [/\barm-smmu\b/, /\b(?:Unhandled context fault|Unexpected global fault|Blocked unknown Stream ID)\b/],
    says: "This is an SMMUv1 or SMMUv2: it reports registers of a context bank and has no event records.",
  },
  {
    what: "tegra-smmu",
    all: [/\bmc-err: |\bSMMU fault: |\bsmmu_dump_pagetable\(\)|\btegra-mc\b/],
    says: "This is the memory controller of an older Tegra, which shares nothing with the Arm SMMU.",
  },
  {
    what: "gpu-page-fault",
    all: [/\b(?:no-)?retry page fault\b|\b(?:GC|MM)?VM_L2_PROTECTION_FAULT_STATUS\b/],
    says: "This is a fault of a GPU's own page tables, not of an IOMMU.",
  },
  {
    what: "gpu-page-fault",
    all: [/\bNVRM: Xid\b|\b(?:panfrost|panthor|lima|etnaviv|nouveau)\b/, /\b(?:MMU|page) fault\b/i],
    says: "This is a fault of a GPU's own page tables, not of an IOMMU.",
  },
  { what: "rockchip-iommu", all: [/\brk_iommu\b/], says: "This is Rockchip's own IOMMU." },
  { what: "apple-dart", all: [/\bapple-dart\b/, FAULT], says: "This is Apple's DART." },
  { what: "mediatek-iommu", all: [/\bmtk-iommu\b/, FAULT], says: "This is MediaTek's own IOMMU." },
  { what: "exynos-sysmmu", all: [/\b(?:exynos-)?sysmmu\b/, FAULT], says: "This is Samsung's SysMMU." },
  { what: "riscv-iommu", all: [/\briscv-iommu\b/, FAULT], says: "This is a RISC-V IOMMU." },
  {
    what: "windows-bugcheck",
    all: [/\bDRIVER_VERIFIER_(?:DMA|IOMANAGER)_VIOLATION\b/],
    says: "This is a Windows stop code: it carries no record of the IOMMU.",
  },
  {
    what: "invented-log",
    all: [/\bpage request queue overflowed\b|\bPRI queue full, dropping page requests\b/],
    says: "No kernel prints these lines.",
  },
  {
    what: "kernel-trace",
    all: [/\bunchecked MSR access error\b|\bCall Trace:|\bkernel BUG at\b|\bUnable to handle kernel\b|\bOops: /],
    says: "This is a kernel trace without an IOMMU event.",
    alone: true,
  },
  {
    what: "boot-message",
    all: [
      /\bprobing hardware configuration\b|\bSMMUv[12] with:|\bAMD-Vi: (?:Found IOMMU|Extended features|Interrupt remapping enabled|Using )|\bDMAR: (?:Host address width|DRHD base|IOMMU enabled|dmar\d+: reg_base_addr)|\biommu: Default domain type\b/,
    ],
    says: "These are messages from start-up; nothing has failed.",
    alone: true,
  },
  {
    what: "boot-message",
    all: [/\barm-smmu-v3\b/, /\bias \d+-bit|\ballocated \d+ entries\b|\boption mask\b|\bmsi_domain absent\b/],
    says: "These are messages from start-up; nothing has failed.",
    alone: true,
  },
];

/**
 * What the messages are instead of an event, each kind once. `others` tells whether anything was decoded: then
 * harmless lines in between are not worth naming.
 */
export function findRefusals(lines: readonly LogLine[], others: boolean): RefuseEntry[] {
  const found = new Map<string, { readonly signature: Signature; readonly lines: [number, number] }>();
  for (const { text, line } of lines) {
    const signature = SIGNATURES.find((s) => !(s.alone && others) && s.all.every((p) => p.test(text)));
    if (signature === undefined) continue;
    const known = found.get(signature.what);
    if (known === undefined) found.set(signature.what, { signature, lines: [line, line] });
    else known.lines[1] = line;
  }
  const all = [...found.values()];
  const named = all.filter((f) => !f.signature.alone);
  // A boot message beside a foreign fault adds nothing.
  const told = named.length > 0 ? named : all.slice(0, 1);
  return told.map(({ signature, lines }) => ({
    type: "refuse",
    what: signature.what,
    lines,
    summary: signature.says,
  }));
}
