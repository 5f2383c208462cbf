/**
 * What the structures of a requester and a PASID mean for its requests, worked out once for the stages: tables, limits
 * and controls as numbers (VT-d §3.4, §9.1 to §9.6). Nothing of a single request is in here.
 */
import { PASID_TABLE_ENTRY } from "../../arch/vtd/pasid_entries.ts";
import { SM_CONTEXT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { PageTableFormat } from "../../pagetable/format.ts";
import { highBitsFrom, TableRoot } from "../common/table_root.ts";
import { type Capabilities, widthOf } from "./capabilities.ts";

export class RequestConfig {
  /** Structures as they were read; those of the other mode, or never reached, hold nothing of meaning. */
  readonly root = new Uint32Array(4);
  readonly context = new Uint32Array(SM_CONTEXT_ENTRY.bits / 32);
  readonly directory = new Uint32Array(2);
  readonly entry = new Uint32Array(PASID_TABLE_ENTRY.bits / 32);

  /** Scalable mode; decides which conditions a fault is. */
  scalable = false;
  first = false;
  second = false;
  readonly fs = new TableRoot();
  readonly ss = new TableRoot();
  did = 0;
  /** PASID used: that of the request, or RID_PASID; 0 in legacy mode. */
  pasid = 0;

  /** FPD of any of the structures. */
  fpd = false;
  /** Translation requests and translated requests are served (TT 01b, DTE), page requests (PRE). */
  ats = false;
  pageRequests = false;
  /** Requests without PASID count as a supervisor's (RID_PRIV). */
  ridPrivileged = false;
  sre = false;
  wpe = false;
  nxe = false;
  ere = false;
  smep = false;
  eafe = false;
  /** Accessed and dirty bits of the second stage are managed. */
  ssade = false;
  /** Accesses snoop, whatever the device says (PGSNP). */
  snoops = false;
  /** The fast walk may try. */
  fast = false;

  /**
   * The second stage translates, by tables of the width that a code of AW gives, which the unit offers. Addresses have no
   * more bits than CAP.MGAW either.
   */
  setSecond(fmt: PageTableFormat, caps: Capabilities, aw: number, rootHi: number, rootLo: number): void {
    const bits = widthOf(aw, caps);
    const { ss } = this;
    this.second = true;
    ss.set(fmt, rootHi, rootLo, aw + 1, bits, caps.haw, 12);
    ss.inputBits = Math.min(bits, caps.mgaw);
    ss.overHi = highBitsFrom(ss.inputBits);
    ss.overLo = ss.inputBits >= 32 ? 0 : -1 << ss.inputBits;
  }

  /** Nothing of an earlier request stays. */
  begin(scalable: boolean): void {
    this.scalable = scalable;
    this.first = false;
    this.second = false;
    this.fs.clear();
    this.ss.clear();
    this.did = 0;
    this.pasid = 0;
    this.fpd = false;
    this.ats = false;
    this.pageRequests = false;
    this.ridPrivileged = false;
    this.sre = false;
    this.wpe = false;
    this.nxe = false;
    this.ere = false;
    this.smep = false;
    this.eafe = false;
    this.ssade = false;
    this.snoops = false;
    this.fast = false;
  }
}
