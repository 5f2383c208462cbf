/**
 * vIOMMUs of the AMD driver. Linux 7.2 has the code for nested domains but leaves it unreachable: the vIOMMU's operations
 * hold only the one that destroys it. Linux 7.2, drivers/iommu/amd/iommufd.c and nested.c.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { type Errno, type Made, made, refused } from "../../errno.ts";
import { HwptDataType } from "../../iommufd/ioctls.ts";
import { type DriverData, type DriverViommu, type NestedDomain, readDriverData } from "../driver.ts";
import { AmdNested, type AmdPaging } from "./amd_domains.ts";
import type { AmdDriver } from "./amd_driver.ts";

const DTE_BYTES = DTE.bits / 8;
const FOUR_LEVELS = 0;
const FIVE_LEVELS = 1;
const RESERVED_GLX = 3;

export class AmdViommu implements DriverViommu {
  readonly allocNested?: (flags: number, data: DriverData) => Made<NestedDomain>;
  readonly #driver: AmdDriver;
  readonly #parent: AmdPaging;
  /** Host domain id of each guest domain id, with how many nested domains use it. */
  readonly #ids = new Map<number, { readonly id: number; users: number }>();

  readonly #named: (guestId: number, hostId: number) => void;

  /**
   * @param reachable nested domains can be made, as the code intends
   * @param named told of the host's domain id for one of the guest's; 0 once there is none
   */
  constructor(
    driver: AmdDriver,
    parent: AmdPaging,
    reachable: boolean,
    named: (guestId: number, hostId: number) => void = () => {},
  ) {
    this.#driver = driver;
    this.#parent = parent;
    this.#named = named;
    if (reachable) this.allocNested = (flags, data) => this.#allocNested(flags, data);
  }

  release(): void {}

  #allocNested(flags: number, data: DriverData): Made<NestedDomain> {
    if (flags !== 0 || data.type !== HwptDataType.AMD_GUEST || data.length !== DTE_BYTES) return refused("EOPNOTSUPP");
    const bytes = readDriverData(data, DTE_BYTES, DTE_BYTES);
    if (!bytes.ok) return bytes;
    const words = new Uint32Array(bytes.value.buffer);
    const errno = this.#check(words);
    if (errno !== null) return refused(errno);
    const guestId = DTE.f.DomainID.get(words, 0);
    let shared = this.#ids.get(guestId);
    if (shared === undefined) {
      const id = this.#driver.domainIds.take();
      if (id === null) return refused("ENOSPC");
      shared = { id, users: 0 };
      this.#ids.set(guestId, shared);
      this.#named(guestId, id);
    }
    const used = shared;
    used.users++;
    return made(new AmdNested(this.#driver, this.#parent, words, used.id, () => this.#drop(guestId)));
  }

  #check(words: Uint32Array): Errno | null {
    const { f } = DTE;
    const root = f.HostPageTableRootPtr.addressLo(words, 0) | f.HostPageTableRootPtr.addressHi(words, 0);
    if (f.Mode.get(words, 0) !== 0 || root !== 0) return "EINVAL";
    const guestRoot = f.GCR3TRP_14_12.get(words, 0) | f.GCR3TRP_30_15.get(words, 0) | f.GCR3TRP_51_31.get(words, 0);
    if (f.V.get(words, 0) === 1 && f.GV.get(words, 0) === 1 && guestRoot === 0) return "EINVAL";
    const mode = f.GuestPagingMode.get(words, 0);
    if (mode !== FOUR_LEVELS && mode !== FIVE_LEVELS) return "EINVAL";
    if (f.GLX.get(words, 0) === RESERVED_GLX) return "EINVAL";
    return mode === FIVE_LEVELS && this.#driver.feature("EFR", "GATS") === 0 ? "EOPNOTSUPP" : null;
  }

  /** One nested domain less; nothing is cached of the last one, which every device has left. */
  #drop(guestId: number): void {
    const shared = this.#ids.get(guestId);
    if (shared === undefined || --shared.users > 0) return;
    this.#ids.delete(guestId);
    this.#named(guestId, 0);
    this.#driver.domainIds.release(shared.id);
  }
}
