/** What a device that is run works over in the open session: found by asking the engine. */
import type { DeviceRow, EngineApi, Problem, Result, StreamRow } from "../protocol/engine.ts";
import type { ProfileId } from "../protocol/profiles.ts";
import { type Ground, type Mover, PAGE } from "../scenario/profiles/ground.ts";
import { freeWindow, guestGround } from "../scenario/profiles/guest_ground.ts";
import { mappedGround, type Space } from "../scenario/profiles/mapped_ground.ts";
import { type DeviceStream, deviceStream } from "../scenario/profiles/profiles.ts";
import { runsOf } from "../scenario/profiles/runs.ts";

/** Address spaces that one device uses. */
const MOST_SPACES = 4;
/** PASIDs that a kernel is asked for where a device works for processes. */
const PROCESSES = [1, 2, 3, 4] as const;
const SEED = 0x5eed;

const nothing = (place: string, detail: string): { ok: false; error: Problem } => ({
  ok: false,
  error: { title: "This device cannot be run here.", place, detail },
});

/** The device at work in the open session. Found again for the same session, it does the same. */
export async function liveDevice(api: EngineApi, profile: ProfileId, stream: StreamRow): Promise<Result<DeviceStream>> {
  const device = (await api.devices()).find(({ sid }) => sid === stream.sid);
  const mover: Mover = { sid: stream.sid, ats: device?.ats ?? false };
  const ground = await groundOf(api, profile, stream, device);
  return ground.ok ? { ok: true, value: deviceStream(profile, mover, ground.value, SEED) } : ground;
}

async function groundOf(
  api: EngineApi,
  profile: ProfileId,
  stream: StreamRow,
  device: DeviceRow | undefined,
): Promise<Result<Ground>> {
  const pasids = profile === "accelerator";
  const place = `stream 0x${stream.sid.toString(16)}`;
  const kernelId = device?.kernelId ?? null;
  if (kernelId !== null) {
    const ssids = pasids ? PROCESSES : [null];
    const window = freeWindow((await mapped(api, stream.sid, ssids)).flatMap(({ runs }) => runs));
    if (window === null) return nothing(place, "All addresses from 256 MiB to 3 GiB are mapped already.");
    return { ok: true, value: guestGround(kernelId, ssids, window) };
  }
  const ssids = pasids ? stream.ssids.filter((ssid) => ssid !== 0).slice(0, MOST_SPACES) : [contextOf(stream)];
  if (ssids.length === 0) return nothing(place, "An accelerator works for processes; the stream has no PASIDs.");
  const spaces = (await mapped(api, stream.sid, ssids)).filter(({ runs }) => runs.length > 0);
  if (spaces.length === 0) return nothing(place, "Nothing is mapped for it to read or write.");
  return { ok: true, value: mappedGround(spaces) };
}

/** Traffic without a PASID where the stream takes it, else of its first one. */
function contextOf({ ssids }: StreamRow): number | null {
  return ssids.length === 0 || ssids.includes(0) ? null : ssids[0]!;
}

async function mapped(api: EngineApi, sid: number, ssids: readonly (number | null)[]): Promise<Space[]> {
  const leaves = await Promise.all(ssids.map((ssid) => api.leaves(sid, ssid)));
  return leaves.map((columns, i) => ({
    ssid: ssids[i] ?? null,
    runs: runsOf(columns).filter(({ bytes }) => bytes >= PAGE),
  }));
}
