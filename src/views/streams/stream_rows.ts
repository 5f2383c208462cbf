/** Rows of the stream list: a row for each stream, and one for each context of the chosen stream that has several. */
import type { StreamRow } from "../../protocol/engine.ts";

export interface ListedRow {
  readonly stream: StreamRow;
  /** A SubstreamID of the stream, or null for the stream itself. */
  readonly ssid: number | null;
}

/** `open` is the StreamID whose contexts are listed. */
export function listRows(streams: readonly StreamRow[], open: number | null): ListedRow[] {
  return streams.flatMap((stream) => {
    const self: ListedRow = { stream, ssid: null };
    const contexts = stream.sid === open ? stream.ssids.filter((ssid) => ssid !== 0) : [];
    return [self, ...contexts.map((ssid) => ({ stream, ssid }))];
  });
}
