/**
 * The program that made the transcripts, played against the modelled kernel: it has an address space at fixed
 * addresses, makes the recorded calls and compares what comes back.
 */
import type { Returned } from "../host/errno.ts";
import type { IommufdFile } from "../host/iommufd/file.ts";
import { IOCTLS, type Ioctl } from "../host/iommufd/ioctls.ts";
import { Selftest } from "../host/iommufd/selftest.ts";
import { EventFile, HostKernel } from "../host/kernel.ts";
import { type OpenFile, Process, type UserRegion } from "../host/process.ts";
import type { UapiStruct } from "../host/uapi_struct.ts";
import { Type1Container } from "../host/vfio/container.ts";
import { VfioDeviceFile } from "../host/vfio/device_file.ts";
import { GroupDeviceFile } from "../host/vfio/group_device.ts";
import { VfioGroupFile } from "../host/vfio/group_file.ts";
import {
  CHECK_EXTENSION,
  DEVICE_ATTACH_IOMMUFD_PT,
  DEVICE_BIND_IOMMUFD,
  DEVICE_DETACH_IOMMUFD_PT,
  DEVICE_GET_INFO,
  DEVICE_SET_IRQS,
  DIRTY_PAGES,
  GET_API_VERSION,
  GROUP_GET_DEVICE_FD,
  GROUP_GET_STATUS,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  SET_IOMMU,
} from "../host/vfio/ioctls.ts";
import type { Choices } from "./play_uapi_choices.ts";
import { bytesOf, difference, hexOf, named, type Outcome, wordsOf } from "./play_uapi_compare.ts";
import { DeviceProbe } from "./play_uapi_device.ts";
import { type Hardware, USER_MEMORY } from "./play_uapi_hardware.ts";
import { type Json, type JsonObject, type Line, numberOf, textOf } from "./play_uapi_lines.ts";
import type { MachineProfile } from "./play_uapi_profile.ts";
import { selftestCall } from "./play_uapi_selftest.ts";

/** Addresses of the program: memory it maps, a page it may only read, and room for arguments and data. */
const USER_VA = 0x4000_0000n;
const SMALL_BYTES = 0x4_0000n;
const READ_ONLY_VA = 0x4010_0000n;
const GUEST_BYTES = 0x20_0000n;
const ARGUMENT_VA = 0x7f00_0000_0000n;
const DATA_VA = 0x7f00_0001_0000n;
const ROOM_BYTES = 0x20_0000n;
/** Bytes of the file that it maps. */
const FILE_BYTES = 0x1_0000n;
/** Stands for a pointer that leads nowhere. */
const BAD_POINTER = 8n;
/** The standard streams are open, but no iommufd; numbers this large are of no open file. */
const LAST_STREAM = 2;
const NEVER_OPEN = 256;

const regions = (guest: boolean): UserRegion[] => [
  { va: USER_VA, bytes: guest ? GUEST_BYTES : SMALL_BYTES, pa: USER_MEMORY, writable: true },
  ...(guest ? [] : [{ va: READ_ONLY_VA, bytes: SMALL_BYTES, pa: USER_MEMORY + GUEST_BYTES, writable: false }]),
  { va: ARGUMENT_VA, bytes: ROOM_BYTES, pa: USER_MEMORY + 2n * GUEST_BYTES, writable: true },
];

/** A case that lends a guest's memory maps all of it. */
const lendsGuestMemory = (lines: readonly Line[]): boolean =>
  lines.some((l) => l.call === "IOMMU_IOAS_MAP" && l.ret === 0 && numberOf(l.in.length) === GUEST_BYTES);

const IOCTL_BY_NAME: ReadonlyMap<string, Ioctl> = new Map(IOCTLS.map((i) => [i.name, i]));

type SizedCall = UapiStruct & { readonly request: number };

const DEVICE_CALLS: Readonly<Record<string, SizedCall>> = {
  VFIO_DEVICE_GET_INFO: DEVICE_GET_INFO,
  VFIO_DEVICE_BIND_IOMMUFD: DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_DETACH_IOMMUFD_PT: DEVICE_DETACH_IOMMUFD_PT,
};
const CONTAINER_CALLS: Readonly<Record<string, SizedCall>> = {
  VFIO_IOMMU_GET_INFO: IOMMU_GET_INFO,
  VFIO_IOMMU_MAP_DMA: IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA: IOMMU_UNMAP_DMA,
};
const NUMBER_CALLS: Readonly<Record<string, number>> = {
  VFIO_GET_API_VERSION: GET_API_VERSION,
  VFIO_CHECK_EXTENSION: CHECK_EXTENSION,
  VFIO_SET_IOMMU: SET_IOMMU,
  VFIO_IOMMU_DIRTY_PAGES: DIRTY_PAGES,
};

export class UapiProgram {
  readonly #profile: MachineProfile;
  readonly #choices: Choices;
  readonly #hardware: Hardware;
  readonly #kernel: HostKernel;
  readonly #process: Process;
  readonly #probe: DeviceProbe;
  /** The case's own file: an iommufd, or a container. */
  readonly #file: number;
  readonly #iommufd: IommufdFile | null;
  readonly #selftest: Selftest | null;
  /** Recorded descriptors of iommufd files and of mapped files. */
  readonly #names = new Map<number, number>();
  readonly #events = new EventFile();
  #group: number | null = null;

  constructor(profile: MachineProfile, lines: readonly Line[], choices: Choices, earlier: readonly JsonObject[]) {
    this.#profile = profile;
    this.#choices = choices;
    this.#hardware = profile.makeHardware();
    this.#kernel = new HostKernel(profile.kernel, this.#hardware.devices);
    this.#process = new Process(this.#hardware.memory, regions(lendsGuestMemory(lines)));
    this.#probe = new DeviceProbe(this.#hardware, this.#process, lendsGuestMemory(lines), earlier);
    if (profile.classicContainer) {
      this.#iommufd = null;
      this.#file = this.#process.install(new Type1Container(this.#kernel));
    } else {
      this.#iommufd = this.#kernel.openIommufd();
      this.#file = this.#process.install(this.#iommufd);
    }
    this.#selftest = this.#iommufd === null ? null : new Selftest(this.#iommufd.context, this.#process);
  }

  /** Make the call of a line. @returns what differs, or null */
  play(line: Line): string | null {
    return difference(line, this.#run(line));
  }

  #run(line: Line): Outcome {
    const { call } = line;
    const ioctl = IOCTL_BY_NAME.get(call);
    if (ioctl !== undefined) return this.#ioctl(ioctl, line);
    if (call in DEVICE_CALLS) return this.#deviceCall(DEVICE_CALLS[call]!, line);
    if (call in CONTAINER_CALLS) return this.#structCall(this.#file, CONTAINER_CALLS[call]!, line);
    if (call in NUMBER_CALLS) {
      const argument = numberOf(line.in.arg) ?? 0n;
      return { returned: this.#process.ioctl(this.#file, NUMBER_CALLS[call]!, argument), out: {} };
    }
    if (call.startsWith("_IO")) return this.#numberedCall(line);
    return this.#otherCall(line);
  }

  #otherCall(line: Line): Outcome {
    switch (line.call) {
      case "open(vfio cdev)":
        return this.#openDevice(Number(line.in.device));
      case "close":
        return { returned: this.#close(textOf(line.in.fd)) ?? 0, out: {} };
      case "read":
        return this.#read(line);
      case "write":
        return this.#write(line);
      case "poll":
        return this.#poll(line);
      case "mmap":
        return this.#mmap(line);
      case "IOMMU_TEST_CMD":
        return this.#selftestCall(line);
      case "VFIO_DEVICE_SET_IRQS":
        return this.#setIrqs(line);
      case "driver-data":
        return { returned: 0, out: { data: this.#dataWords(line.out.data) } };
      case "VFIO_GROUP_SET_CONTAINER":
        return this.#ofGroup((group) => this.#setContainer(group));
      case "VFIO_GROUP_UNSET_CONTAINER":
        return this.#ofGroup((group) => ({ returned: this.#process.ioctl(group, GROUP_UNSET_CONTAINER, 0n), out: {} }));
      case "VFIO_GROUP_GET_STATUS":
        return this.#ofGroup((group) => this.#structCall(group, GROUP_GET_STATUS, line));
      case "VFIO_GROUP_GET_DEVICE_FD":
        return this.#ofGroup((group) => this.#groupDevice(group, line));
      case "DMA":
        return { returned: 0, out: { result: this.#probe.dma(line) } };
      case "MSI":
        return { returned: 0, out: { eventfd_count: this.#probe.message(this.#kernel, line, this.#events) } };
      case "guest-memory":
        this.#probe.guestMemory(line.in);
        return { returned: 0, out: {} };
      case "force":
        // Capabilities were changed behind the kernel's back: the profile has them from the start.
        return { returned: 0, out: line.out };
      default:
        return { returned: "ENOTTY", out: { unknown: line.call } };
    }
  }

  /** A call of /dev/iommu. */
  #ioctl(ioctl: Ioctl, line: Line): Outcome {
    const size = Number(numberOf(line.in.size) ?? BigInt(ioctl.size));
    const values = line.in.body === undefined ? this.#values(ioctl, line) : { size };
    const bytes = new Uint8Array(Math.max(size, ioctl.size, 4));
    bytes.set(ioctl.encode(values));
    new DataView(bytes.buffer).setUint32(0, size, true);
    if (typeof line.in.byte_offset === "number") bytes[line.in.byte_offset] = Number(line.in.byte_value);
    this.#process.write(ARGUMENT_VA, bytes);
    // Structures without contents are tried out on a file of their own.
    const alone = line.in.body !== undefined;
    const fd = alone ? this.#process.install(this.#kernel.openIommufd()) : this.#file;
    const returned = this.#process.ioctl(fd, ioctl.request, ARGUMENT_VA);
    if (alone) this.#process.close(fd);
    const after = this.#process.read(ARGUMENT_VA, bytes.length)!;
    const out = ioctl.decode(after) as Record<string, number | bigint>;
    const before = ioctl.decode(bytes) as Record<string, number | bigint>;
    return {
      returned,
      out: { ...named(out), ...this.#behindPointers(line, out) },
      changed: Object.keys(out).filter((key) => out[key] !== before[key]),
    };
  }

  /** Field values of a line; data it shows goes into memory. */
  #values(ioctl: Ioctl, line: Line): Record<string, number | bigint> {
    const values: Record<string, number | bigint> = {};
    for (const f of ioctl.fields) {
      const value = numberOf(line.in[f.name]);
      if (value !== null) values[f.name] = value;
    }
    if (line.call === "IOMMU_IOAS_MAP_FILE") values.fd = this.#mappedFile(Number(line.in.fd), line.about);
    const pointer = ioctl.fields.find((f) => ["data_uptr", "allowed_iovas", "data"].includes(f.name));
    if (pointer !== undefined) values[pointer.name] = this.#putData(line, pointer.name);
    return values;
  }

  /** Put the data of a line into memory: its address. */
  #putData(line: Line, pointer: string): bigint {
    const given = line.in[pointer] ?? line.in.data;
    this.#process.write(DATA_VA, new Uint8Array(Number(ROOM_BYTES / 4n)));
    if (given === "bad pointer") return BAD_POINTER;
    if (given === null) return 0n;
    if (line.call === "IOMMU_HWPT_INVALIDATE" && Array.isArray(given)) {
      const length = Number(line.in.entry_len);
      for (const [i, entry] of given.entries()) {
        this.#process.write(DATA_VA + BigInt(i * length), bytesOf(entry, length));
      }
      if (given.length === 0) this.#fillEntries(line, length);
    } else if (Array.isArray(given)) {
      const words = given.flat() as Json[];
      const length = line.in.data_len === undefined ? words.length * 8 : Number(line.in.data_len);
      this.#process.write(DATA_VA, bytesOf(words, length));
    } else if (line.in.data_len === 0) return 0n;
    return DATA_VA;
  }

  /** Long arrays are told in words only: harmless commands, with a bad one at a number that is mentioned. */
  #fillEntries(line: Line, length: number): void {
    const count = Math.min(Number(line.in.entry_num), Number(ROOM_BYTES / 4n) / Math.max(length, 1));
    if (count > 4096) return;
    const mentioned = [...line.about.matchAll(/\d+/g)].map((m) => Number(m[0])).filter((n) => n < count);
    const bad = line.ret === 0 ? -1 : this.#choices.take(mentioned.flatMap((n) => [n, n - 1]).concat(-1));
    for (let i = 0; i < count; i++) {
      this.#process.write(DATA_VA + BigInt(i * length), bytesOf([i === bad ? "0x3" : "0x10"], length));
    }
  }

  /** What the kernel wrote behind a pointer of the line. */
  #behindPointers(line: Line, out: Readonly<Record<string, number | bigint>>): Record<string, Json> {
    switch (line.call) {
      case "IOMMU_IOAS_IOVA_RANGES": {
        const pairs = Math.min(Number(line.in.num_iovas ?? 0), Number(out.num_iovas));
        const words = wordsOf(this.#process.read(DATA_VA, pairs * 16)!);
        return { allowed_iovas: Array.from({ length: pairs }, (_, i) => [words[2 * i]!, words[2 * i + 1]!]) };
      }
      case "IOMMU_GET_HW_INFO":
        return { data_hex: hexOf(this.#process.read(DATA_VA, Number(line.in.data_len))!) };
      case "IOMMU_HWPT_GET_DIRTY_BITMAP": {
        const pageSize = numberOf(line.in.page_size) ?? 0n;
        if (pageSize === 0n) return {};
        const bits = Number((numberOf(line.in.length) ?? 0n) / pageSize);
        const words = wordsOf(this.#process.read(DATA_VA, Math.min(Math.ceil(bits / 64) * 8, 65536))!);
        while (words.at(-1) === "0x0") words.pop();
        return { data: words };
      }
      default:
        return {};
    }
  }

  /** Open files of devices; the line may say of which. */
  #deviceFiles(line: Line): [number, OpenFile][] {
    const device = this.#hardware.devices[Number(line.in.device ?? -1)];
    const files = this.#openFiles((f) => f instanceof VfioDeviceFile && (device === undefined || f.device === device));
    return files.length > 0 ? files : this.#openFiles((f) => f instanceof GroupDeviceFile);
  }

  #deviceCall(call: SizedCall, line: Line): Outcome {
    const files = this.#deviceFiles(line);
    if (files.length === 0) return { returned: "EBADF", out: {} };
    // A bind is of a file that is not bound yet, as long as there is one.
    const unbound = files.filter(([, f]) => f instanceof VfioDeviceFile && f.bound === null);
    const likely = call === DEVICE_BIND_IOMMUFD ? [...unbound, ...files.filter((f) => !unbound.includes(f))] : files;
    const [fd] = this.#choices.take(likely);
    return this.#structCall(fd, call, line);
  }

  /** A call whose structure says how long it is. */
  #structCall(fd: number, call: SizedCall, line: Line): Outcome {
    const values: Record<string, number | bigint> = { argsz: call.size };
    for (const f of call.fields) {
      const value = numberOf(line.in[f.name]);
      if (value !== null) values[f.name] = value;
    }
    if (typeof line.in.iommufd === "number") values.iommufd = this.#iommufdNamed(line.in.iommufd);
    const bytes = new Uint8Array(Math.max(Number(values.argsz), call.size));
    bytes.set(call.encode(values));
    this.#process.write(ARGUMENT_VA, bytes);
    const returned = this.#process.ioctl(fd, call.request, ARGUMENT_VA);
    const out = call.decode(this.#process.read(ARGUMENT_VA, call.size)!) as Record<string, number | bigint>;
    const before = call.decode(bytes) as Record<string, number | bigint>;
    return { returned, out: named(out), changed: Object.keys(out).filter((key) => out[key] !== before[key]) };
  }

  /** A request given as a number: `_IO(';',0x95)`, `_IOWR(';',0x81,12 bytes)` or with a sum for the number. */
  #numberedCall({ call, in: given }: Line): Outcome {
    const parts = /^_IO(WR|W|R)?\(';',\s*([^,)]+)(?:,\s*(\d+) bytes)?\)/.exec(call);
    if (parts === null) return { returned: "ENOTTY", out: { unknown: call } };
    const nr = parts[2]!.split("+").reduce((sum, n) => sum + Number(n), 0);
    const direction = { WR: 3, R: 2, W: 1 }[parts[1] ?? ""] ?? 0;
    const request = (direction * 2 ** 30 + Number(parts[3] ?? 0) * 2 ** 16 + 0x3b00 + nr) >>> 0;
    const size = numberOf(given.size);
    if (size !== null) this.#process.write(ARGUMENT_VA, bytesOf([Number(size)], 64));
    const argument = size === null ? (numberOf(given.arg) ?? 0n) : ARGUMENT_VA;
    return { returned: this.#process.ioctl(this.#file, request, argument), out: {} };
  }

  /** A control call of the selftest; files that it makes are known by their recorded numbers from then on. */
  #selftestCall(line: Line): Outcome {
    const outcome = selftestCall(this.#selftest, line.in, (name) => this.#names.get(name) ?? name);
    const [named, made] = [numberOf(line.out.out_access_fd), outcome.out.out_access_fd];
    if (named !== null && typeof made === "number") this.#names.set(Number(named), made);
    return outcome;
  }

  #openDevice(index: number): Outcome {
    const device = this.#hardware.devices[index];
    if (device === undefined) return { returned: "ENODEV", out: {} };
    this.#process.install(new VfioDeviceFile(this.#kernel, device));
    return { returned: 0, out: {} };
  }

  #openFiles(wanted: (file: OpenFile) => boolean): [number, OpenFile][] {
    return this.#process.openFiles().filter(([, file]) => wanted(file));
  }

  #close(what: string): Returned | null {
    const wanted = (f: OpenFile): boolean =>
      /veventq/i.test(what)
        ? f.kind === "vEVENTQ"
        : /fault/i.test(what)
          ? f.kind === "fault queue"
          : f instanceof VfioDeviceFile;
    const files = this.#openFiles(wanted);
    if (files.length === 0) return "EBADF";
    const last = /second|other/.test(what) ? files.toReversed() : files;
    return this.#process.close(this.#choices.take(last)[0]);
  }

  /** A queue's file that a read, write or poll may be of; the line may say which kind it is. */
  #queue(line: Line): OpenFile | null {
    const said = textOf(line.in.fd ?? line.in.file);
    const kinds = /veventq/i.test(said)
      ? ["vEVENTQ"]
      : /fault/i.test(said)
        ? ["fault queue"]
        : ["vEVENTQ", "fault queue"];
    const files = this.#openFiles((f) => kinds.includes(f.kind));
    return files.length === 0 ? null : this.#choices.take(files)[1];
  }

  #read(line: Line): Outcome {
    const bytes = this.#queue(line)?.read?.(Number(line.in.count), 0n) ?? "EBADF";
    if (typeof bytes === "string") return { returned: bytes, out: {} };
    const words = [...new Uint32Array(bytes.slice().buffer)].map((w) => `0x${w.toString(16)}`);
    return { returned: bytes.length, out: { words } };
  }

  #write(line: Line): Outcome {
    const words = Array.isArray(line.in.words) ? line.in.words.map(Number) : [];
    const bytes = new Uint8Array(Number(line.in.count));
    bytes.set(new Uint8Array(new Uint32Array(words).buffer).subarray(0, bytes.length));
    return { returned: this.#queue(line)?.write?.(bytes, 0n) ?? "EBADF", out: {} };
  }

  #poll(line: Line): Outcome {
    const events = textOf(line.in.events);
    const mask = (events.includes("POLLIN") ? 1 : 0) | (events.includes("POLLOUT") ? 4 : 0);
    const revents = (this.#queue(line)?.poll?.() ?? 0) & mask;
    return { returned: revents === 0 ? 0 : 1, out: { revents: `0x${revents.toString(16)}` } };
  }

  #mmap(line: Line): Outcome {
    const words = JSON.stringify(line.in);
    const offset = numberOf(line.in.offset) ?? 0n;
    const flags = { shared: !words.includes("PRIVATE"), executable: words.includes("EXEC") };
    const errno = this.#iommufd?.mmap(offset, numberOf(line.in.length) ?? 0n, flags) ?? null;
    return { returned: errno ?? 0, out: {} };
  }

  /** The first number that is no standard stream is the case's own file, any other one more iommufd. */
  #iommufdNamed(name: number): number {
    if (name < 0 || name >= NEVER_OPEN) return name;
    if (name <= LAST_STREAM) return this.#stream();
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const fd = this.#names.size === 0 ? this.#file : this.#process.install(this.#kernel.openIommufd());
    this.#names.set(name, fd);
    return fd;
  }

  /** An open file that is no iommufd. */
  #stream(): number {
    return this.#process.install({ kind: "stream", close: () => {} });
  }

  /** A file to map: a device, if the line says so, or memory. */
  #mappedFile(name: number, about: string): number {
    if (name < 0) return name;
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const pageAt = (offset: bigint): bigint | null => (offset < FILE_BYTES ? USER_MEMORY + offset : null);
    const memory = /\bdevice\b/.test(about) ? {} : { pageAt };
    const fd = this.#process.install({ kind: "file", ...memory, close: () => {} });
    this.#names.set(name, fd);
    return fd;
  }

  /** What a driver wrote behind the pointer of the call before, as many words as are shown. */
  #dataWords(shown: Json | undefined): string[] {
    const count = Array.isArray(shown) ? shown.length : 0;
    return wordsOf(this.#process.read(DATA_VA, 8 * count) ?? new Uint8Array());
  }

  /** A call of the first device's group, which is opened by the first of them. */
  #ofGroup(call: (group: number) => Outcome): Outcome {
    if (this.#group === null) {
      const file = VfioGroupFile.open(this.#kernel, this.#profile.header.devices[0]?.group ?? 0);
      if (typeof file === "string") return { returned: file, out: {} };
      this.#group = this.#process.install(file);
    }
    return call(this.#group);
  }

  #setContainer(group: number): Outcome {
    this.#process.write(ARGUMENT_VA, bytesOf([this.#file], 8));
    return { returned: this.#process.ioctl(group, GROUP_SET_CONTAINER, ARGUMENT_VA), out: {} };
  }

  /** Open a device by its group; the line says its name, or which it is. */
  #groupDevice(group: number, { in: given }: Line): Outcome {
    const name = textOf(given.bdf ?? given.name) || (this.#hardware.devices[Number(given.device ?? 0)]?.name ?? "");
    this.#process.write(ARGUMENT_VA, new TextEncoder().encode(`${name}\0`));
    const returned = this.#process.ioctl(group, GROUP_GET_DEVICE_FD, ARGUMENT_VA);
    return { returned: typeof returned === "number" ? 0 : returned, out: {} };
  }

  #setIrqs(line: Line): Outcome {
    const fd = this.#process.install(this.#events);
    const fields = { argsz: DEVICE_SET_IRQS.size + 4, flags: 0x24, index: 1, start: 0, count: 1 };
    this.#process.write(ARGUMENT_VA, DEVICE_SET_IRQS.encode(fields));
    this.#process.write(ARGUMENT_VA + BigInt(DEVICE_SET_IRQS.size), bytesOf([fd], 8));
    const files = this.#deviceFiles(line);
    if (files.length === 0) return { returned: "EBADF", out: {} };
    return {
      returned: this.#process.ioctl(this.#choices.take(files)[0], DEVICE_SET_IRQS.request, ARGUMENT_VA),
      out: {},
    };
  }
}
