/** Deflate and inflate through the platform's streams, with a cap on what comes out. */

/** How an inflation ended. `produced` counts the bytes that came out before it stopped. */
export type Inflated =
  | { readonly type: "done"; readonly bytes: Uint8Array }
  /** More than the cap would come out. */
  | { readonly type: "too big"; readonly produced: number }
  /** The data ends early or breaks the format. */
  | { readonly type: "damaged"; readonly produced: number }
  | { readonly type: "cancelled"; readonly produced: number };

/** Called between pieces of work; answers true to stop. */
export type Pause = (produced: number) => Promise<boolean>;

/** Bytes handed to the platform at a time: bounds what one piece can inflate to (about 1000 times as much). */
const PIECE = 4096;

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A refusal is reported by the reader's side of the same stream. */
const ignore = (): void => {};

async function feed(bytes: Uint8Array, writable: WritableStream<BufferSource>): Promise<void> {
  const writer = writable.getWriter();
  // A view of a buffer that may be shared is not a BufferSource; these never are.
  for (let at = 0; at < bytes.length; at += PIECE) {
    await writer.write(bytes.subarray(at, at + PIECE) as Uint8Array<ArrayBuffer>);
  }
  await writer.close();
}

/** Compress with deflate, no header (RFC 1951). */
export async function deflateRaw(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new CompressionStream("deflate-raw");
  const feeding = feed(bytes, stream.writable);
  const compressed = new Uint8Array(await new Response(stream.readable).arrayBuffer());
  await feeding;
  return compressed;
}

/** Inflate at most `cap` bytes; stops reading as soon as more would come. */
export async function inflate(
  bytes: Uint8Array,
  format: "deflate-raw" | "gzip",
  cap: number,
  pause: Pause = async () => false,
): Promise<Inflated> {
  const stream = new DecompressionStream(format);
  const reader = stream.readable.getReader();
  const feeding = feed(bytes, stream.writable).catch(ignore);
  const pieces: Uint8Array[] = [];
  let produced = 0;
  const stop = (type: "too big" | "cancelled"): Inflated => {
    reader.cancel().catch(ignore);
    return { type, produced };
  };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      produced += value.length;
      if (produced > cap) return stop("too big");
      pieces.push(value);
      if (await pause(produced)) return stop("cancelled");
    }
    await feeding;
    return { type: "done", bytes: join(pieces, produced) };
  } catch {
    return { type: "damaged", produced };
  }
}
