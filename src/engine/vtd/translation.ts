/** One request in progress: what was asked, what was decided on the way, how it ended (VT-d §3, §7.1). */
import { REASONS } from "../../arch/vtd/reasons.ts";
import { PciTranslation } from "../common/pci_request.ts";
import { End } from "../common/request.ts";

export class Translation extends PciTranslation {
  /** Source id: bus, device and function in 16 bits. */
  sid = 0;
  /** A page request: only the structures that lead to its PASID are looked at. */
  pageRequest = false;

  // The end.
  /** FPD of the structures read so far (VT-d §7.1.3). */
  fpd = false;
  /** The request counts as a supervisor's. */
  supervisor = false;

  // The answer.
  /** Set of `Want` that the tables allow this requester. */
  permissions = 7;
  /** log2 of what the leaf of each stage maps, 64 where the stage is off. */
  sizeLg2First = 64;
  sizeLg2Second = 64;
  /** PASID that was used: that of the request, or RID_PASID. */
  usedPasid = 0;
  did = 0;

  /** Forget the last request's answers. */
  begin(): void {
    this.beginRequest();
    this.fpd = false;
    this.supervisor = false;
    this.permissions = 7;
    this.sizeLg2First = 64;
    this.sizeLg2Second = 64;
    this.usedPasid = 0;
    this.did = 0;
  }

  /** Fault reason code of the record. */
  get code(): number {
    return REASONS[this.reason]!.code;
  }

  /** Block the request. @returns false, for the caller to return */
  fault(reason: number): false {
    const { code, qualified } = REASONS[reason]!;
    this.end = End.Fault;
    this.reason = reason;
    this.record = code !== 0 && !(qualified && this.fpd);
    return false;
  }
}
