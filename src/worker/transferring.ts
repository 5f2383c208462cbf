/** Answers sent across the worker's boundary: columns of typed arrays move, everything else is cloned. */
import { type ProxyMarked, releaseProxy, transfer } from "comlink";
import type { EngineApi, Progress } from "../protocol/engine.ts";

/**
 * Mark the typed arrays that are direct members of an answer for moving. An array that is a window on a larger buffer
 * is copied out first, so that nothing but the answer moves.
 */
export function moving<Answer extends object | null>(answer: Answer): Answer {
  if (answer === null) return answer;
  const members: Record<string, unknown> = { ...answer };
  const buffers = new Set<ArrayBuffer>();
  for (const [name, member] of Object.entries(members)) {
    if (
      !(
        member instanceof Uint32Array ||
        member instanceof Int32Array ||
        member instanceof Uint16Array ||
        member instanceof Uint8Array
      )
    )
      continue;
    const whole = member.byteLength === member.buffer.byteLength ? member : member.slice();
    members[name] = whole;
    buffers.add(whole.buffer as ArrayBuffer);
  }
  return transfer(members as Answer, [...buffers]);
}

/** The API as the worker exposes it: large answers move, and the caller's progress callback is let go of at the end. */
export function transferring(api: EngineApi): EngineApi {
  return {
    ...api,
    openFiles: (files, report) => lettingGo(report, api.openFiles(files, report)),
    openShipped: (base, report) => lettingGo(report, api.openShipped(base, report)),
    overlaps: (query, report) => lettingGo(report, api.overlaps(query, report)),
    leaves: async (sid, ssid) => moving(await api.leaves(sid, ssid)),
    recorded: async () => moving(await api.recorded()),
    walk: async (access, before) => moving(await api.walk(access, before)),
    memory: async (at, length) => moving(await api.memory(at, length)),
    tableMap: async (sid, ssid, stage) => moving(await api.tableMap(sid, ssid, stage)),
  };
}

/** The answer, with the callback let go of when it is there. */
async function lettingGo<T>(report: (p: Progress) => void, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } finally {
    (report as ((p: Progress) => void) & Partial<ProxyMarked> & { [releaseProxy]?: () => void })[releaseProxy]?.();
  }
}
