/** How software changes tables of an SMMUv3: entries, break-before-make and TLB maintenance (IHI 0070 §3.21.1, §4.4). */
import { S1_PAGE, S2_PAGE } from "../../../arch/smmuv3/descriptors.ts";
import { SMMU_IDR3 } from "../../../arch/smmuv3/id_registers.ts";
import { STE } from "../../../arch/smmuv3/ste.ts";
import { Eats, effectiveEats } from "../../../engine/smmuv3/ats_config.ts";
import type { ResolvedStream } from "../../../engine/smmuv3/config_resolver.ts";
import { StreamWorld } from "../../../engine/smmuv3/stream_config.ts";
import { vmsav8Entries } from "../../../pagetable/entries/vmsav8.ts";
import { type GranuleLg2, vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import type { CommandWords } from "../../../protocol/machine.ts";
import { bitsOf, commandWords, type Forgotten, rangeOf, type Upkeep } from "../../inspect/upkeep.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

/** What a live entry keeps until it is broken: memory type, shareability, nG, beside its address (DDI 0487 §D8.16.1). */
const FIXED = {
  1: bitsOf(S1_PAGE, ["AttrIndx", "SH", "nG"]),
  2: bitsOf(S2_PAGE, ["MemAttr", "SH"]),
} as const;
/** Not global. */
const [, OWN_SPACE] = bitsOf(S1_PAGE, ["nG"]);
/** CMD_ATC_INV.Size for everything (§4.5.1). */
const EVERYTHING = 52;

/** A stream and its substream. */
interface Who {
  readonly sid: number;
  readonly ssid: number | null;
}

export function upkeepOf(unit: SmmuUnit, config: ResolvedStream, who: Who, stage: 1 | 2): Upkeep | null {
  const base = stage === 2 ? config.s2 : config.ttb0.disabled ? config.ttb1 : config.ttb0;
  if (base.fmt === null) return null;
  const granule = base.fmt.granuleLg2 as GranuleLg2;
  const wide = base.fmt === vmsav8Format(granule, true);
  const { registers, caps } = unit.smmu;
  const bbml = SMMU_IDR3.f.BBML.get(registers.words, registers.at("SMMU_IDR3"));
  const eats = effectiveEats(config.ste, registers, caps);
  // Devices of split-stage ATS hold what stage 1 gives.
  const cached = eats !== Eats.Off && (stage === 1 || eats !== Eats.Split);
  return {
    maker: vmsav8Entries(stage, granule, wide, stage === 2 && caps.fwb && STE.f.S2FWB.get(config.ste, 0) === 1),
    breakFirst: bbml < 2,
    fixed: [FIXED[stage][0] | base.fmt.oaHiMask, FIXED[stage][1] | base.fmt.oaLoMask],
    marks: bitsOf(S1_PAGE, ["AF"])[1],
    ownSpace: stage === 1 ? OWN_SPACE : 0,
    cachesAbsent: false,
    drop: (what) => (stage === 2 ? dropStage2(config, what) : dropStage1(config, what)),
    dropAtDevice: cached ? (what) => [dropAtDevice(who, stage === 2 && config.stage1 ? "space" : what)] : null,
    wait: commandWords("CMD_SYNC", {}),
  };
}

function dropStage1({ world, vmid, asid, stage2 }: ResolvedStream, what: Forgotten): CommandWords[] {
  const ofGuest = world === StreamWorld.EL1 ? { VMID: stage2 ? vmid : 0 } : {};
  const ofSpace = world === StreamWorld.EL2 ? {} : { ASID: asid };
  if (typeof what !== "string") {
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
  if (what === "all spaces") {
    return [commandWords(world === StreamWorld.EL1 ? "CMD_TLBI_NH_ALL" : "CMD_TLBI_EL2_ALL", ofGuest)];
  }
  return [
    commandWords(world === StreamWorld.EL1 ? "CMD_TLBI_NH_ASID" : "CMD_TLBI_EL2_ASID", { ...ofGuest, ...ofSpace }),
  ];
}

/** Entries of both stages together are not found by IPA: where there is a stage 1 they go with their VMID. */
function dropStage2({ vmid, stage1 }: ResolvedStream, what: Forgotten): CommandWords[] {
  if (typeof what === "string") return [commandWords("CMD_TLBI_S12_VMALL", { VMID: vmid })];
  const byIpa = commandWords("CMD_TLBI_S2_IPA", { VMID: vmid, Leaf: what.tables ? 0 : 1, Address: what.at });
  return stage1 ? [byIpa, commandWords("CMD_TLBI_NH_ALL", { VMID: vmid })] : [byIpa];
}

/** What the device keeps by itself of a range, or everything of its substream (§4.5.1). */
function dropAtDevice({ sid, ssid }: Who, what: Forgotten): CommandWords {
  const substream = ssid === null ? {} : { SSV: 1, SubstreamID: ssid };
  const pages = rangeOf(what);
  const range = pages === null ? { Size: EVERYTHING } : { Size: pages.pagesLg2, Address: pages.at };
  return commandWords("CMD_ATC_INV", { StreamID: sid, ...substream, ...range });
}
