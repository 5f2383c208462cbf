/**
 * Commands about configuration structures: invalidation and prefetch (IHI 0070 §4.2, §4.3).
 */
import { type RegisterFile, registerBit } from "../register_file.ts";
import { addressOf, Cerror, type CommandSet, type CommandTargets, fieldOf, nonSecure, offered } from "./command.ts";

const SID = fieldOf("CMD_CFGI_STE", "StreamID");
const LEAF = fieldOf("CMD_CFGI_STE", "Leaf");
const RANGE = fieldOf("CMD_CFGI_STE_RANGE", "Range");
const SSID = fieldOf("CMD_CFGI_CD", "SubstreamID");
const SSV = fieldOf("CMD_PREFETCH_CONFIG", "SSV");
const VMID = fieldOf("CMD_CFGI_VMS_PIDM", "VMID");
const SIZE = fieldOf("CMD_PREFETCH_ADDR", "Size");
const STRIDE = fieldOf("CMD_PREFETCH_ADDR", "Stride");
const ADDRESS = addressOf("CMD_PREFETCH_ADDR");

/** Range of a CMD_CFGI_STE_RANGE that means everything: CMD_CFGI_ALL (§4.3.6). */
const ALL_STREAMS = 31;

const SMMUEN = registerBit("SMMU_CR0", "SMMUEN");

/** Translation is on. */
export const translating = (registers: RegisterFile): boolean => (registers.words[SMMUEN.at]! & SMMUEN.mask) !== 0;

export function configurationCommands({ registers, caps, caches, prefetch }: CommandTargets): CommandSet {
  const substreams = caps.ssidSize !== 0;
  return {
    CMD_CFGI_STE: nonSecure((words, at) => {
      caches.cfgiSte(SID(words, at), LEAF(words, at) !== 0);
      return Cerror.NONE;
    }),
    CMD_CFGI_STE_RANGE: nonSecure((words, at) => {
      const range = RANGE(words, at);
      if (range === ALL_STREAMS) caches.cfgiAll();
      else caches.cfgiSteRange(SID(words, at), range);
      return Cerror.NONE;
    }),
    ...offered(caps.s1p, {
      CMD_CFGI_CD: nonSecure((words, at) => {
        caches.cfgiCd(SID(words, at), SSID(words, at), LEAF(words, at) !== 0);
        return Cerror.NONE;
      }),
      CMD_CFGI_CD_ALL: nonSecure((words, at) => {
        caches.cfgiCdAll(SID(words, at));
        return Cerror.NONE;
      }),
    }),
    ...offered(caps.vms, {
      CMD_CFGI_VMS_PIDM: nonSecure((words, at) => {
        caches.vmsPidm(VMID(words, at), 0xffff);
        return Cerror.NONE;
      }),
    }),
    CMD_PREFETCH_CONFIG: nonSecure((words, at) => {
      // CHOICE(prefetch-substream): without SubstreamIDs, SSV counts as 0 (§4.2).
      const ssv = substreams && SSV(words, at) !== 0;
      if (translating(registers)) prefetch.config(SID(words, at), ssv, ssv ? SSID(words, at) : 0);
      return Cerror.NONE;
    }),
    CMD_PREFETCH_ADDR: nonSecure((words, at) => {
      const ssv = substreams && SSV(words, at) !== 0;
      if (!translating(registers)) return Cerror.NONE;
      // SMMUv3.0 has no stride; this model ignores one rather than refusing it (§4.2.2).
      const stepLg2 = 12 + (caps.v31 ? STRIDE(words, at) : 0);
      const hi = ADDRESS.addressHi(words, at) | 0;
      const lo = ADDRESS.addressLo(words, at) | 0;
      prefetch.addresses(SID(words, at), ssv, ssv ? SSID(words, at) : 0, hi, lo, SIZE(words, at), stepLg2);
      return Cerror.NONE;
    }),
  };
}
