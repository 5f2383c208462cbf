/**
 * What a device table entry means, worked out once for the stages: tables, limits and controls as numbers
 * (48882 §2.2.2.1). Stage 1 is the guest's tables, stage 2 the host's.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { AMD_V1, AMD_V1_LOOSE } from "../../pagetable/formats/amdv1.ts";
import { Want } from "../common/request.ts";
import { TableRoot } from "../common/table_root.ts";
import { type DteContext, translatesGuest } from "./dte_rules.ts";
import { Update } from "./entry_update.ts";

const f = DTE.f;

/** Output addresses have 52 bits. */
export const OUTPUT_BITS = 52;

export class DeviceConfig {
  readonly dte = new Uint32Array(DTE.bits / 32);
  domainId = 0;
  /** What IR and IW of the entry allow, a set of `Want`. */
  grants = 0;
  /** Host tables translate (Mode is not 0). */
  hostOn = false;
  readonly host = new TableRoot();
  /** What is set in host entries that are used, a set of `Update`. */
  hostUpdates = 0;
  /** Guest translation is on for requests that have a PASID, or with GIoV those that have none. */
  guestOn = false;
  giov = false;
  glx = 0;
  gcr3Hi = 0;
  gcr3Lo = 0;
  /** The guest CR3 table's root is a system physical address although host tables lie beneath. */
  gcr3Physical = false;
  guestLevels: 4 | 5 = 4;
  /** What is set in guest entries that are used, a set of `Update`. */
  guestUpdates = 0;
  /** The guest's tables, once the guest CR3 table is read. */
  readonly guest = new TableRoot();
  /** The request at hand goes through the guest's tables. */
  usesGuest = false;
  /** The fast walk may try. */
  fast = false;

  /** Take the meaning of {@link dte}, which is legal and has V and TV set. */
  apply(context: DteContext): void {
    const { dte } = this;
    const { caps, controls } = context;
    this.domainId = f.DomainID.get(dte, 0);
    this.grants = (f.IR.get(dte, 0) === 1 ? Want.Read | Want.Execute : 0) | (f.IW.get(dte, 0) === 1 ? Want.Write : 0);
    const mode = f.Mode.get(dte, 0);
    this.hostOn = mode !== 0;
    if (this.hostOn) {
      const root = f.HostPageTableRootPtr;
      const bits = Math.min(12 + 9 * mode, 64);
      const fmt = caps.ignoresSkippedBits ? AMD_V1_LOOSE : AMD_V1;
      this.host.set(fmt, root.addressHi(dte, 0), root.addressLo(dte, 0), mode - 1, bits, OUTPUT_BITS, 12);
    } else this.host.clear();
    const had = f.HAD.get(dte, 0);
    this.hostUpdates = (caps.haSup && had !== 0 ? Update.Accessed : 0) | (caps.hdSup && had === 3 ? Update.Dirty : 0);
    this.guestOn = translatesGuest(dte, context);
    this.giov = caps.gioSup && f.GIoV.get(dte, 0) === 1;
    this.glx = f.GLX.get(dte, 0);
    this.gcr3Hi = (f.GCR3TRP_51_31.get(dte, 0) >>> 1) | 0;
    this.gcr3Lo =
      (f.GCR3TRP_51_31.get(dte, 0) << 31) | (f.GCR3TRP_30_15.get(dte, 0) << 15) | (f.GCR3TRP_14_12.get(dte, 0) << 12);
    // CHOICE(GCR3_TRP): where the mode cannot be chosen, the pointer is translated as the entries it leads to are.
    this.gcr3Physical = caps.gcr3TrpModeSup && !controls.gcr3TrpMode;
    this.guestLevels = f.GuestPagingMode.get(dte, 0) === 1 ? 5 : 4;
    this.guestUpdates = (controls.gaUpdateDis ? 0 : Update.Accessed) | (controls.gdUpdateDis ? 0 : Update.Dirty);
    this.guest.clear();
    this.usesGuest = false;
    this.fast = false;
  }
}
