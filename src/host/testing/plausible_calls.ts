/**
 * A process that makes calls by chance, but such as a program would make: ids of objects that are there, flags and
 * lengths that fit, structures that are right but for a field. For tests of what no call may do.
 */
import type { Returned } from "../errno.ts";
import * as iommufd from "../iommufd/ioctls.ts";
import { Selftest } from "../iommufd/selftest.ts";
import type { StructField, UapiStruct, Values } from "../uapi_struct.ts";
import { Type1Container } from "../vfio/container.ts";
import { VfioDeviceFile } from "../vfio/device_file.ts";
import { VfioGroupFile } from "../vfio/group_file.ts";
import * as vfio from "../vfio/ioctls.ts";
import { CHECK_EXTENSION, SET_IOMMU } from "../vfio/ioctls.ts";
import { type HostWorld, USER_BYTES, USER_VA } from "./host_world.ts";
import { Draw, PAGE } from "./plausible_values.ts";

type Sized = UapiStruct & { readonly request: number };
type Deed = () => number | string | object | null | undefined;

export class PlausibleCalls {
  readonly #host: HostWorld;
  readonly #selftest: Selftest;
  readonly #draw: Draw;
  /** Offsets of regions that are mapped. */
  readonly #mapped: bigint[] = [];
  readonly #deeds: readonly Deed[];

  constructor(host: HostWorld, seed: number) {
    this.#host = host;
    this.#selftest = new Selftest(host.context, host.process);
    this.#draw = new Draw(host, seed);
    this.#deeds = [
      ...iommufd.IOCTLS.flatMap((ioctl): Deed[] =>
        Array<Deed>(COMMON.has(ioctl.name) ? 4 : 1).fill(() => this.#ioctl(ioctl)),
      ),
      ...Array<Deed>(8).fill(() => this.#attach()),
      ...Array<Deed>(8).fill(() => this.#selftestCall()),
      ...Array<Deed>(4).fill(() => this.#file()),
      ...Array<Deed>(6).fill(() => this.#container()),
      () => this.#mmap(),
      () => this.#open(),
    ];
  }

  /** Mappings of regions that there are. */
  get mapped(): number {
    return this.#mapped.length;
  }

  /** Begin as an honest program does: a device of its own over memory that is mapped, others in a container or mock. */
  begin(): void {
    const { process, kernel } = this.#host;
    const [own, ...others] = kernel.devices;
    const device = process.install(new VfioDeviceFile(kernel, own!));
    const bound = this.#host.device(device, vfio.DEVICE_BIND_IOMMUFD, { iommufd: this.#host.iommufd }).out.out_devid;
    const { out_ioas_id: ioas_id } = this.#host.must(iommufd.IOAS_ALLOC, {});
    const map = { flags: 7, ioas_id, user_va: USER_VA, length: 64n * PAGE, iova: 1n << 24n };
    this.#host.must(iommufd.IOAS_MAP, map);
    // For nesting and for PASIDs: not every unit has tables for both, or for the latter.
    const alloc = (flags: number) =>
      this.#host.call(iommufd.HWPT_ALLOC, { flags, dev_id: bound, pt_id: ioas_id }).out.out_hwpt_id;
    const own_id = alloc(9) || alloc(8) || alloc(1);
    this.#host.attach(device, own_id);
    this.#host.device(device, vfio.DEVICE_ATTACH_IOMMUFD_PT, { flags: 1, pasid: 3, pt_id: own_id });
    this.#selftest.makeDevice(ioas_id, 0);
    const { out_idev_id: mock = 0 } = this.#selftest.makeDevice(ioas_id, 4) as Record<string, number>;
    const under = this.#host.must(iommufd.HWPT_ALLOC, { flags: 1, dev_id: mock, pt_id: ioas_id }).out_hwpt_id;
    this.#host.must(iommufd.VIOMMU_ALLOC, { type: 0xdeadbeef, dev_id: mock, hwpt_id: under });
    const container = process.install(new Type1Container(kernel));
    const group = VfioGroupFile.open(kernel, others[0]!.group);
    if (typeof group === "string") return;
    const fd = process.install(group);
    process.ioctl(fd, vfio.GROUP_SET_CONTAINER, this.#host.put(Uint8Array.of(container, 0, 0, 0)));
    process.ioctl(container, SET_IOMMU, 3n);
  }

  /** Make one call: what it came to. */
  step(): ReturnType<Deed> {
    return this.#draw.pick(this.#deeds)();
  }

  /** Close everything, in any order. */
  finish(): void {
    const { process, context } = this.#host;
    // A mapping keeps its file: it goes first.
    for (const offset of this.#mapped.splice(0)) this.#unmap(offset, context);
    for (let files = process.openFiles(); files.length > 0; files = process.openFiles()) {
      process.close(this.#draw.pick(files)[0]);
    }
  }

  #fields<F extends readonly StructField[]>(struct: UapiStruct<F>): Partial<Values<F>> {
    const values = struct.fields.slice(1).map(({ name }) => [name, this.#draw.field(name, struct.name)] as const);
    return { ...Object.fromEntries(values), ...this.#draw.recipe(struct.name) } as Partial<Values<F>>;
  }

  #ioctl(ioctl: iommufd.Ioctl): Returned {
    const size = this.#draw.chance(96) ? ioctl.size : this.#draw.below(64);
    return this.#host.call(ioctl, { ...this.#fields(ioctl), size } as never).returned;
  }

  #sized(fd: number, call: Sized): Returned {
    const argsz = this.#draw.chance(90) ? call.size : this.#draw.below(80);
    return this.#host.device(fd, call, { ...this.#fields(call), argsz } as never).returned;
  }

  #filesOf(kind: string): number[] {
    return this.#host.process.openFiles().flatMap(([fd, file]) => (file.kind === kind ? [fd] : []));
  }

  /** A call of a device's own file. */
  #attach(): Returned {
    const files = this.#filesOf("vfio device");
    if (files.length === 0) return this.#open();
    const { DEVICE_ATTACH_IOMMUFD_PT, DEVICE_BIND_IOMMUFD, DEVICE_DETACH_IOMMUFD_PT, DEVICE_GET_INFO } = vfio;
    const attach = DEVICE_ATTACH_IOMMUFD_PT;
    const calls: readonly Sized[] = [
      DEVICE_BIND_IOMMUFD,
      attach,
      attach,
      attach,
      DEVICE_DETACH_IOMMUFD_PT,
      DEVICE_GET_INFO,
    ];
    return this.#sized(this.#draw.pick(files), this.#draw.pick(calls));
  }

  #open(): Returned {
    const { kernel, process } = this.#host;
    const device = this.#draw.pick(kernel.devices);
    const files = [
      () => new VfioDeviceFile(kernel, device),
      () => VfioGroupFile.open(kernel, device.group),
      () => new Type1Container(kernel),
      () => kernel.openIommufd(),
    ];
    if (process.openFiles().length > 24) return "EBUSY";
    const file = this.#draw.pick(files)();
    return typeof file === "string" ? file : process.install(file);
  }

  /** A call of a group or a container, or of an iommufd as one. */
  #container(): Returned {
    const { process } = this.#host;
    const group = this.#draw.pick(this.#filesOf("vfio group"));
    const container = this.#draw.chance(80) ? this.#draw.pick(this.#filesOf("vfio container")) : this.#host.iommufd;
    if (container === undefined) return this.#open();
    const number = (request: number, from: readonly number[]): Returned =>
      process.ioctl(container, request, BigInt(this.#draw.pick(from)));
    const ofGroup = (request: number, argument: bigint): Returned =>
      group === undefined ? this.#open() : process.ioctl(group, request, argument);
    const name = this.#draw.pick(this.#host.kernel.devices).name;
    return this.#draw.pick<() => Returned>([
      () => number(CHECK_EXTENSION, [1, 3, 4, 6, 9, 10]),
      () => number(SET_IOMMU, [1, 3, 3, 6, 9]),
      () => this.#sized(container, vfio.IOMMU_MAP_DMA),
      () => this.#sized(container, vfio.IOMMU_MAP_DMA),
      () => this.#sized(container, vfio.IOMMU_UNMAP_DMA),
      () => this.#sized(container, vfio.IOMMU_GET_INFO),
      () => process.ioctl(container, vfio.DIRTY_PAGES, this.#dirtyPages()),
      () => ofGroup(vfio.GROUP_SET_CONTAINER, this.#host.put(Uint8Array.of(container, 0, 0, 0))),
      () => ofGroup(vfio.GROUP_SET_CONTAINER, this.#host.put(Uint8Array.of(container, 0, 0, 0))),
      () => ofGroup(vfio.GROUP_UNSET_CONTAINER, 0n),
      () => ofGroup(vfio.GROUP_GET_DEVICE_FD, this.#host.put(Uint8Array.from(`${name}\0`, (c) => c.charCodeAt(0)))),
      () => (group === undefined ? this.#open() : this.#sized(group, vfio.GROUP_GET_STATUS)),
    ])();
  }

  #dirtyPages(): bigint {
    const bytes = new Uint8Array(48);
    bytes.set(new Uint8Array(new Uint32Array([48, this.#draw.pick([1, 2, 4, 4, 5])]).buffer));
    const words = [
      this.#draw.address(),
      this.#draw.length(),
      PAGE,
      BigInt(this.#draw.below(64)),
      USER_VA + USER_BYTES - PAGE,
    ];
    bytes.set(new Uint8Array(new BigUint64Array(words).buffer), 8);
    return this.#host.put(bytes);
  }

  /** Read, write, poll or close a file. */
  #file(): object | Returned | null {
    const [fd, file] = this.#draw.pick(this.#host.process.openFiles());
    const count = this.#draw.pick([0, 8, 16, 40, 64, 400]);
    const offset = this.#draw.chance(5) ? 8n : 0n;
    if (this.#draw.chance(40)) return file.read?.(count, offset) ?? null;
    if (this.#draw.chance(40)) return file.write?.(new Uint8Array(count).fill(this.#draw.below(3)), offset) ?? null;
    if (this.#draw.chance(40)) return file.poll?.() ?? null;
    return fd === this.#host.iommufd ? null : this.#host.process.close(fd);
  }

  #mmap(): Returned | null {
    const { context } = this.#host;
    if (this.#mapped.length > 0 && this.#draw.chance(40)) {
      this.#unmap(this.#mapped.pop()!, context);
      return 0;
    }
    const known = [...context.regions].map(([at, { length: bytes }]) => ({ offset: at, length: bytes }));
    const { offset, length } = known.length === 0 ? { offset: PAGE, length: PAGE } : this.#draw.pick(known);
    const flags = { shared: this.#draw.chance(95), executable: this.#draw.chance(5) };
    const file = this.#host.process.file(this.#host.iommufd)!;
    const errno = file.mmap!(this.#draw.chance(90) ? offset : PAGE / 2n, this.#draw.chance(90) ? length : PAGE, flags);
    if (errno === null) this.#mapped.push(offset);
    return errno;
  }

  #unmap(offset: bigint, context: HostWorld["context"]): void {
    if (context.regions.has(offset)) this.#host.process.file(this.#host.iommufd)!.munmap!(offset);
  }

  #selftestCall(): object | string {
    const test = this.#selftest;
    const stdev = this.#draw.id("SELFTEST");
    const pt = this.#draw.id("IOAS", "HWPT_PAGING", "HWPT_NESTED");
    const idev = this.#draw.id("DEVICE");
    const pasid = this.#draw.pick([0, 1, 5, 1024, 1 << 20]);
    const [iova, length, user, fd] = [this.#draw.address(), this.#draw.length(), this.#draw.user(), this.#draw.fd()];
    const word = BigInt(this.#draw.below(16));
    return this.#draw.pick<() => object | string>([
      () => test.makeDevice(pt, this.#draw.below(8)),
      () => test.makeDevice(pt, 4),
      () => test.replace(stdev, pt),
      () => test.replace(stdev, pt),
      () => test.attachPasid(stdev, pasid, pt),
      () => test.replacePasid(stdev, pasid, pt),
      () => test.detachPasid(stdev, pasid),
      () => test.checkPasid(stdev, pasid, pt),
      () => test.checkIotlb(pt, this.#draw.below(5), 0),
      () => test.checkCache(idev, this.#draw.below(5), 0),
      () => test.checkMap(pt, iova, length, user),
      () => test.checkRefs(user, length, this.#draw.below(3)),
      () => test.addReserved(pt, iova, this.#draw.chance(20) ? length : 0n),
      () => test.createAccess(this.#draw.id("IOAS"), this.#draw.below(2)),
      () => test.replaceIoas(fd, this.#draw.id("IOAS")),
      () => test.pinPages(fd, iova, length, this.#draw.chance(20) ? user : 0n, this.#draw.below(2)),
      () => test.unpinPages(fd, this.#draw.below(3)),
      () => test.readWrite(fd, iova, length, user, this.#draw.below(2)),
      () => test.triggerEvent(idev),
      () => test.triggerFault(idev, pasid, 1, 1, iova),
      () => test.markDirty(pt, iova, length, PAGE, [word]),
    ])();
  }
}

/** Calls that make or change something, which the others work on. */
const COMMON: ReadonlySet<string> = new Set([
  "IOMMU_IOAS_ALLOC",
  "IOMMU_IOAS_MAP",
  "IOMMU_HWPT_ALLOC",
  "IOMMU_VIOMMU_ALLOC",
  "IOMMU_VDEVICE_ALLOC",
  "IOMMU_HW_QUEUE_ALLOC",
  "IOMMU_HWPT_INVALIDATE",
]);
