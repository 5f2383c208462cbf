/** IOAS objects: an IOVA space, and the HWPTs that are filled from it. */

import type { HwptPaging } from "./hwpt.ts";
import { IoPageTable, type PageSizes } from "./io_page_table.ts";
import { KernelObject } from "./objects.ts";

export class Ioas extends KernelObject {
  readonly type = "IOAS";
  readonly table: IoPageTable;
  readonly hwpts: HwptPaging[] = [];
  readonly #onRelease: (ioas: Ioas) => void;

  constructor(sizes: PageSizes, onRelease: (ioas: Ioas) => void) {
    super();
    this.table = new IoPageTable(sizes);
    this.#onRelease = onRelease;
  }

  release(): void {
    this.#onRelease(this);
  }
}
