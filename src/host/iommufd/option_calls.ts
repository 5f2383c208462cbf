/** Options of the file and of IOAS, and the IOAS that VFIO calls use. Linux 7.2, iommufd/main.c, ioas.c, vfio_compat.c. */
import type { Status } from "../errno.ts";
import { type Caller, call } from "./call.ts";
import { Ioas } from "./ioas.ts";
import { OPTION, VFIO_IOAS } from "./ioctls.ts";

const Op = { SET: 0, GET: 1 } as const;
const VfioOp = { GET: 0, SET: 1, CLEAR: 2 } as const;
const Option = { RLIMIT_MODE: 0, HUGE_PAGES: 1 } as const;

type OptionValues = ReturnType<typeof OPTION.decode>;

/** Which limit of locked memory is charged. */
function rlimitMode({ context }: Caller, v: OptionValues): Status {
  if (v.object_id !== 0) return "EOPNOTSUPP";
  if (v.op === Op.GET) {
    v.val64 = BigInt(context.rlimitMode);
    return null;
  }
  if (v.op !== Op.SET) return "EOPNOTSUPP";
  if (!context.kernel.config.mayChangeLimits) return "EPERM";
  if (!context.objects.empty) return "EBUSY";
  if (v.val64 > 1n) return "EINVAL";
  context.rlimitMode = Number(v.val64);
  return null;
}

function hugePages({ context }: Caller, v: OptionValues): Status {
  const ioas = context.objects.find(v.object_id, Ioas);
  if (ioas === null) return "ENOENT";
  if (v.op === Op.GET) {
    v.val64 = ioas.table.largePages ? 1n : 0n;
    return null;
  }
  if (v.op !== Op.SET) return "EOPNOTSUPP";
  return v.val64 > 1n ? "EINVAL" : ioas.table.setLargePages(v.val64 === 1n);
}

export const OPTION_CALLS = [
  call(OPTION, (caller, v) => {
    if (v.__reserved !== 0) return "EOPNOTSUPP";
    if (v.option_id === Option.RLIMIT_MODE) return rlimitMode(caller, v);
    return v.option_id === Option.HUGE_PAGES ? hugePages(caller, v) : "EOPNOTSUPP";
  }),

  call(VFIO_IOAS, ({ context }, v) => {
    if (v.__reserved !== 0) return "EOPNOTSUPP";
    switch (v.op) {
      case VfioOp.GET:
        if (context.vfioIoas === null) return "ENODEV";
        v.ioas_id = context.vfioIoas.id;
        return null;
      case VfioOp.SET: {
        const ioas = context.objects.find(v.ioas_id, Ioas);
        if (ioas === null) return "ENOENT";
        context.vfioIoas = ioas;
        return null;
      }
      case VfioOp.CLEAR:
        context.vfioIoas = null;
        return null;
      default:
        return "EOPNOTSUPP";
    }
  }),
] as const;
