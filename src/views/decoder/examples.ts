/** Pastes to try the decoder with, in the shape in which Linux prints them. */
export const EXAMPLES: readonly { readonly name: string; readonly text: string }[] = [
  {
    name: "Event 0x07, which Linux calls UNKNOWN",
    text: `[  412.660147] arm-smmu-v3 arm-smmu-v3.0.auto: event 0x07 received:
[  412.660152] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000010000000007
[  412.660155] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000
[  412.660157] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000
[  412.660159] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000
[  412.660163] arm-smmu-v3 arm-smmu-v3.0.auto: event: UNKNOWN client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0x0 ipa: 0x0
`,
  },
  {
    name: "A stage-2 fault of the shipped capture",
    text: `[    8.564816] arm-smmu-v3 9050000.smmuv3: event 0x10 received:
[    8.564906] arm-smmu-v3 9050000.smmuv3: \t0x0000001000000010
[    8.564933] arm-smmu-v3 9050000.smmuv3: \t0x0000028800000000
[    8.564941] arm-smmu-v3 9050000.smmuv3: \t0x0000000000060000
[    8.564949] arm-smmu-v3 9050000.smmuv3: \t0x00000000c0000000
[    8.564997] arm-smmu-v3 9050000.smmuv3: event: F_TRANSLATION client: 0000:00:02.0 sid: 0x10 ssid: 0x0 iova: 0x60000 ipa: 0xc0000000
[    8.565049] arm-smmu-v3 9050000.smmuv3: unpriv data read s2 "Input address caused fault" stag: 0x0
`,
  },
  {
    name: "A DMAR fault with its tables",
    text: `[   12.418021] DMAR: DRHD: handling fault status reg 2
[   12.418030] DMAR: [DMA Write NO_PASID] Request device [00:1f.6] fault addr 0x7f400000 [fault reason 0x59] SM: Present bit in PASID Table Entry is clear
[   12.418034] DMAR: Dump dmar0 table entries for IOVA 0x7f400000
[   12.418036] DMAR: scalable mode root entry: hi 0x0000000104a55001, low 0x0000000104a54001
[   12.418038] DMAR: context entry: hi 0x0000000000000000, low 0x0000000104a61401
[   12.418040] DMAR: pasid dir entry: 0x0000000104a62001
[   12.418042] DMAR: pasid table entry[0]: 0x0000000000000000
[   12.418044] DMAR: pasid table entry[1]: 0x0000000000000000
[   12.418046] DMAR: pasid table entry[2]: 0x0000000000000000
`,
  },
  {
    name: "An AMD-Vi page fault",
    text: `[   31.005117] nvme 0000:41:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x001c address=0xbf3e1000 flags=0x0070]
[   31.005123] AMD-Vi: Completion-Wait loop timed out
`,
  },
  {
    name: "Registers of a VT-d unit, from debugfs",
    text: `IOMMU: dmar1 Register Base Address: fed91000
Name\t\t\tOffset\t\tContents
VER             \t0x00\t\t0x0000000000000010
GSTS            \t0x1c\t\t0x00000000c7000000
FSTS            \t0x34\t\t0x0000000000000010
CAP             \t0x08\t\t0x00d2008c40660462
RTADDR          \t0x20\t\t0x0000000100fe4000
IQH             \t0x80\t\t0x0000000000000260
IQT             \t0x88\t\t0x0000000000000290
IQA             \t0x90\t\t0x0000000102a40000
`,
  },
];
