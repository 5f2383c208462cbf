/**
 * What translation needs of the registers, as plain numbers: the programming interface writes them whenever a register
 * changes, translation reads them. 48882 revision 3.10, chapter 3.
 */

/** Device table segments there can be. */
const MOST_SEGMENTS = 8;

export class Controls {
  /** CONTROL.IommuEn. */
  iommuEn = false;
  /** CONTROL.GTEn: device table entries may ask for guest translation. */
  gtEn = false;
  /** CONTROL.PPREn. */
  pprEn = false;
  /** CONTROL.GAEn: interrupt table entries have 128 bits. */
  gaEn = false;
  /** CONTROL.GCR3TRPMode: the guest CR3 table pointer is a guest physical address. */
  gcr3TrpMode = false;
  /** CONTROL.GAUpdateDis and GDUpdateDis: Accessed and Dirty bits of guest tables are left alone. */
  gaUpdateDis = false;
  gdUpdateDis = false;
  /** log2 of the device table segments in use (CONTROL.DevTblSegEn, no more than EFR.DevTblSegSup), 0 to 3. */
  segmentsLg2 = 0;
  /** Address bits [51:12] of each segment's table, and its entries. */
  readonly segmentHi = new Int32Array(MOST_SEGMENTS);
  readonly segmentLo = new Int32Array(MOST_SEGMENTS);
  readonly segmentEntries = new Int32Array(MOST_SEGMENTS);
  /** EXCL_BASE.ExEn and Allow; first address, and last, both inclusive. */
  exclEn = false;
  exclAllow = false;
  exclBaseHi = 0;
  exclBaseLo = 0;
  exclLimitHi = 0;
  exclLimitLo = 0;
}
