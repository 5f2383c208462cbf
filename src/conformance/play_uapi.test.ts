import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isTranscript, playUapi } from "./play_uapi.ts";
import { readTranscript } from "./play_uapi_lines.ts";

const HEADER = JSON.stringify({
  machine: "QEMU, virt, SMMUv3 stage=1, device tree",
  kernel: "Linux",
  devices: [
    { device: 0, bdf: "0000:00:04.0", group: 1 },
    { device: 1, bdf: "0000:00:05.0", group: 2 },
  ],
});

type Fields = Readonly<Record<string, unknown>>;

/** A line; `end` is an errno, or the output of a call that succeeds. */
const line = (name: string, ioctl: string, given: Fields, end: string | Fields): string => {
  const failed = typeof end === "string";
  return JSON.stringify({
    case: name,
    seq: 1,
    ioctl,
    in: given,
    ret: failed ? -1 : 0,
    errno: failed ? end : null,
    out: failed ? {} : end,
    about: "",
  });
};

const alloc = (id: number, name = "a"): string =>
  line(name, "IOMMU_IOAS_ALLOC", { size: 12, flags: "0x0" }, { out_ioas_id: id });
const open = (device: number): string => line("a", "open(vfio cdev)", { device }, {});
const bind = (id: number): string =>
  line("a", "VFIO_DEVICE_BIND_IOMMUFD", { argsz: 16, flags: "0x0", iommufd: 4 }, { out_devid: id });
const attach = (given: number, hwpt: number): string =>
  line("a", "VFIO_DEVICE_ATTACH_IOMMUFD_PT", { argsz: 16, flags: "0x0", pt_id: given, pasid: 0 }, { pt_id: hwpt });
const destroy = (id: number, end: string | Fields): string => line("a", "IOMMU_DESTROY", { size: 8, id }, end);

const play = (...lines: readonly string[]) => playUapi([HEADER, ...lines].join("\n"), "t.jsonl");

describe("transcripts of the iommufd interface", () => {
  it("are told from other lines of JSON by their first line", () => {
    expect([isTranscript(HEADER), isTranscript('{"id":"x","text":"y","expect":[]}')]).toEqual([true, false]);
  });

  it("a line that the kernel answers otherwise fails, and the lines after it still count", () => {
    const report = play(alloc(1), alloc(3), alloc(3), destroy(1, "EBUSY"), destroy(2, {}));
    expect(report.passed).toBe(3);
    expect(report.failures.map((f) => f.difference)).toEqual([
      ": out_ioas_id: expected 3, got 2",
      ": expected EBUSY, got 0",
    ]);
  });

  it("a classic container: its groups are asked for their state, and open devices", () => {
    const header = { ...(JSON.parse(HEADER) as Fields), kernel_config: "VFIO container with the type1 backend" };
    const status = (flags: number): string => line("a", "VFIO_GROUP_GET_STATUS", { argsz: 8, flags: 0 }, { flags });
    const device = (end: string | Fields, bdf = "0000:00:04.0"): string =>
      line("a", "VFIO_GROUP_GET_DEVICE_FD", { bdf }, end);
    const lines = [
      line("a", "VFIO_GROUP_UNSET_CONTAINER", {}, "EINVAL"),
      status(1),
      line("a", "VFIO_GROUP_SET_CONTAINER", {}, {}),
      status(3),
      device("EINVAL"),
      line("a", "VFIO_SET_IOMMU", { arg: 3 }, {}),
      device("ENODEV", "0000:00:05.0"),
      device({}),
      line("a", "VFIO_DEVICE_GET_INFO", { argsz: 24 }, {}),
      line("a", "VFIO_GROUP_UNSET_CONTAINER", {}, "EBUSY"),
    ];
    expect(playUapi([JSON.stringify(header), ...lines].join("\n"), "t.jsonl").failures).toEqual([]);
  });

  it("a call that changes a field although it failed differs from one that does not", () => {
    const given = { size: 32, hwpt_id: 9, data_type: 1, entry_len: 16, entry_num: 1, data: [["0x0", "0x0"]] };
    const { failures } = play(line("a", "IOMMU_HWPT_INVALIDATE", given, "ENOENT"));
    expect(failures.map((f) => f.difference)).toEqual([": entry_num changed to 0"]);
  });

  it("the device that a call went to is found from what came of it", () => {
    const both = [open(0), bind(1), open(1), bind(2), alloc(3), attach(3, 4)];
    // The first attach could be of either device; only with the same IOAS on both does it stay in use.
    expect(play(...both, attach(3, 4), destroy(3, "EBUSY")).failures).toEqual([]);
    const detach = line("a", "VFIO_DEVICE_DETACH_IOMMUFD_PT", { argsz: 12, flags: "0x0", pasid: 0 }, {});
    expect(play(...both, attach(3, 4), detach, destroy(3, "EBUSY"), detach, destroy(3, {})).failures).toEqual([]);
  });

  it("a case that uses what it never made goes on where the one before it stopped", () => {
    const uses = line("b", "IOMMU_DESTROY", { size: 8, id: 1 }, {});
    const { transcript } = readTranscript([HEADER, alloc(1), uses, alloc(1, "c")].join("\n"))!;
    expect(transcript.sequences.map((s) => s.map((l) => l.case))).toEqual([["a", "b"], ["c"]]);
    expect(play(alloc(1), uses, alloc(1, "c")).failures).toEqual([]);
  });

  it("lines that are no calls are failures, whatever they hold", () => {
    const report = play("{", "[1]", '{"case":"a"}', alloc(1));
    expect([report.passed, report.failures.length]).toEqual([1, 3]);
  });

  it("an answer changed anywhere in a recording is noticed", () => {
    const path = fileURLToPath(new URL("./data/uapi/vfio-container-type1.jsonl", import.meta.url));
    const lines = readFileSync(path, "utf8").trim().split("\n");
    for (const at of [8, 61, 62, 66, 74]) {
      const changed = lines.map((text, i) => {
        if (i !== at) return text;
        const json = JSON.parse(text) as { ret: number; errno: string | null };
        return JSON.stringify({ ...json, ...(json.ret < 0 ? { errno: "EIO" } : { ret: -1, errno: "EIO" }) });
      });
      expect(playUapi(changed.join("\n"), "t").failures).toHaveLength(1);
    }
  });
});
