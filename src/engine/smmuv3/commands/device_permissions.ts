/**
 * Invalidation of cached Device Permission Table entries: CMD_DPTI_* (IHI 0070 §4.6).
 *
 * UNMODELLED: operands Leaf and SIZE of CMD_DPTI_PA are not placed by the layout; every size and level is dropped, which
 * is more than is asked.
 */
import { Cerror, type CommandSet, type CommandTargets, offered } from "./command.ts";

export function devicePermissionCommands({ caps, caches }: CommandTargets): CommandSet {
  const drop = (): Cerror => {
    caches.dptiAll();
    return Cerror.NONE;
  };
  return offered(caps.dpt, { CMD_DPTI_ALL: drop, CMD_DPTI_PA: drop });
}
