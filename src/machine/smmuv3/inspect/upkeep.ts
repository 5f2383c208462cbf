/** How software changes tables of an SMMUv3: entries, break-before-make and TLB maintenance (IHI 0070 §3.21.1, §4.4). */
import { S1_PAGE } from "../../../arch/smmuv3/descriptors.ts";
import { SMMU_IDR3 } from "../../../arch/smmuv3/id_registers.ts";
import { locate } from "../../../base/layout.ts";
import type { ResolvedStream } from "../../../engine/smmuv3/config_resolver.ts";
import { StreamWorld } from "../../../engine/smmuv3/stream_config.ts";
import { vmsav8Entries } from "../../../pagetable/entries/vmsav8.ts";
import { type GranuleLg2, vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import type { CommandWords } from "../../../protocol/machine.ts";
import { commandWords, type Dropped, type Upkeep } from "../../inspect/table_source.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

const AF = 1 << locate(S1_PAGE, "AF").shift;

export function upkeepOf(unit: SmmuUnit, config: ResolvedStream, stage: 1 | 2): Upkeep | null {
  const base = stage === 2 ? config.s2 : config.ttb0.disabled ? config.ttb1 : config.ttb0;
  if (base.fmt === null || base.bigEndian) return null;
  const granule = base.fmt.granuleLg2 as GranuleLg2;
  const wide = base.fmt === vmsav8Format(granule, true);
  const { registers } = unit.smmu;
  const bbml = SMMU_IDR3.f.BBML.get(registers.words, registers.at("SMMU_IDR3"));
  return {
    maker: vmsav8Entries(stage, granule, wide),
    breakFirst: bbml < 2,
    marks: AF,
    cachesAbsent: false,
    drop: (what) => (stage === 2 ? dropStage2(config, what) : dropStage1(config, what)),
    wait: commandWords("CMD_SYNC", {}),
  };
}

function dropStage1({ world, vmid, asid, stage2 }: ResolvedStream, what: Dropped | null): CommandWords[] {
  const ofGuest = world === StreamWorld.EL1 ? { VMID: stage2 ? vmid : 0 } : {};
  const ofSpace = world === StreamWorld.EL2 ? {} : { ASID: asid };
  if (what !== null) {
    const where = { Leaf: what.tables ? 0 : 1, Address: what.at };
    return [
      commandWords(world === StreamWorld.EL1 ? "CMD_TLBI_NH_VA" : "CMD_TLBI_EL2_VA", {
        ...ofGuest,
        ...ofSpace,
        ...where,
      }),
    ];
  }
  if (world === StreamWorld.EL2) return [commandWords("CMD_TLBI_EL2_ALL", {})];
  return [
    commandWords(world === StreamWorld.EL1 ? "CMD_TLBI_NH_ASID" : "CMD_TLBI_EL2_ASID", { ...ofGuest, ...ofSpace }),
  ];
}

/** Entries of both stages together are not found by IPA: where there is a stage 1 they go with their VMID. */
function dropStage2({ vmid, stage1 }: ResolvedStream, what: Dropped | null): CommandWords[] {
  if (what === null) return [commandWords("CMD_TLBI_S12_VMALL", { VMID: vmid })];
  const byIpa = commandWords("CMD_TLBI_S2_IPA", { VMID: vmid, Leaf: what.tables ? 0 : 1, Address: what.at });
  return stage1 ? [byIpa, commandWords("CMD_TLBI_NH_ALL", { VMID: vmid })] : [byIpa];
}
