import { describe, expect, it } from "vitest";
import { decode } from "../decode.ts";
import { describeEntry } from "../describe.ts";

describe("trace lines of QEMU's SMMUv3", () => {
  it("a command takes its operand from the next line", () => {
    const text =
      "smmuv3_cmdq_opcode <--- SMMU_CMD_CFGI_CD\nsmmuv3_cmdq_cfgi_cd sid=0x38\nsmmuv3_cmdq_opcode <--- SMMU_CMD_SYNC";
    expect(decode(text).entries).toMatchObject([
      { type: "qemu-smmuv3-trace", event: "command", name: "CFGI_CD", sid: "0x38", lines: [1, 2] },
      { type: "qemu-smmuv3-trace", event: "command", name: "SYNC", lines: [3, 3] },
    ]);
  });

  it("a configuration fetch is one entry", () => {
    const text = [
      "4711@1700000000.123456:smmuv3_config_cache_miss Config cache MISS for sid=0x38 (hits=3, misses=2, hit rate=60)",
      "4711@1700000000.123457:smmuv3_find_ste sid=0x38 features:0x1, sid_split:0x8",
      "4711@1700000000.123458:smmuv3_get_ste STE addr: 0x48001e00",
      "4711@1700000000.123459:smmuv3_get_cd CD addr: 0x48100000",
      "4711@1700000000.123460:smmuv3_decode_cd oas=48",
      "4711@1700000000.123461:smmuv3_decode_cd_tt TT[0]:tsz:25 ttb:0x48200000 granule_sz:14 had:0",
      "4711@1700000000.123462:smmuv3_decode_cd_tt TT[1]:tsz:16 ttb:0x48300000 granule_sz:12 had:0",
    ].join("\n");
    const [e, ...more] = decode(text).entries;
    expect(more).toEqual([]);
    expect(e).toMatchObject({
      event: "config_fetch",
      sid: "0x38",
      ste: "0x48001e00",
      cd: "0x48100000",
      oas: 48,
      tsz: 25,
      ttb: "0x48200000",
      granule_bits: 14,
    });
  });

  it("translations and recorded events", () => {
    const text = [
      "smmuv3_translate_success smmuv3-iommu-memory-region-7-1 sid=0x38 iova=0x1000 translated=0x2000 perm=0x1 stage=1",
      "smmuv3_translate_abort smmuv3-iommu-memory-region-7-1 sid=0x38 abort on iova:0x3000 is_write=1",
      "smmuv3_record_event F_TRANSLATION sid=0x38",
    ].join("\n");
    expect(decode(text).entries).toMatchObject([
      { event: "translate_success", sid: "0x38", iova: "0x1000", translated: "0x2000", perm: "r", stage: 1 },
      { event: "translate_abort", iova: "0x3000", write: true },
      { event: "record_event", name: "F_TRANSLATION", sid: "0x38" },
    ]);
  });

  it("lines about one descriptor of a walk are one entry", () => {
    const text = [
      "smmu_iotlb_lookup_miss IOTLB cache MISS asid=1 vmid=-1 addr=0x40201000 hit=0 miss=4 hit rate=0",
      "smmu_get_pte baseaddr=0x48200000 index=0x1, pteaddr=0x48200008, pte=0x48300003",
      "smmu_ptw_level stage=1 level=1 iova=0x40201000 subpage_sz=0x40000000 baseaddr=0x48200000 offset=1 => pte=0x48300003",
      "smmu_get_pte baseaddr=0x48300000 index=0x1, pteaddr=0x48300008, pte=0x60000050000f41",
      "smmu_ptw_level stage=1 level=2 iova=0x40201000 subpage_sz=0x200000 baseaddr=0x48300000 offset=1 => pte=0x60000050000f41",
      "smmu_ptw_block_pte stage=1 level=2 base@=0x48300000 pte@=0x48300008 pte=0x60000050000f41 iova=0x40201000 block address = 0x50000000 block size = 2 MiB",
      "smmu_ptw_level stage=2 level=3 iova=0x9000 subpage_sz=0x1000 baseaddr=0x51000000 offset=9 => pte=0x0",
      "smmu_ptw_invalid_pte stage=2 level=3 base@=0x51000000 pte@=0x51000048 offset=9 pte=0x0",
    ].join("\n");
    const { entries } = decode(text);
    expect(entries).toMatchObject([
      { event: "tlb_miss", asid: "1", iova: "0x40201000" },
      { event: "descriptor", stage: 1, level: 1, at: "0x48200008", descriptor: "0x48300003", lines: [2, 3] },
      { event: "descriptor", level: 2, page: "0x50000000", block_mib: 2, lines: [4, 6] },
      { event: "descriptor", stage: 2, level: 3, at: "0x51000048", invalid: true, lines: [7, 8] },
    ]);
    expect(entries.map((e) => describeEntry(e).structure?.layout.name ?? null)).toEqual([
      null,
      "Stage 1 Table, 4KB",
      "Stage 1 Block, 4KB",
      "Invalid descriptor",
    ]);
    expect(describeEntry(entries[3]!)).toMatchObject({ weight: "fault", remark: "stage 2, level 3" });
  });

  it("an unknown trace event is passed over", () => {
    expect(decode("smmuv3_constructor sid=0x1").entries).toEqual([]);
  });
});
