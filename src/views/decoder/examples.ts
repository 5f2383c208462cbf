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
];
