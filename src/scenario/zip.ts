/**
 * Reading zip archives: central directory, stored and deflated entries (PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.16).
 * Encrypted entries, zip64 and archives in several parts are refused with a message.
 */
import type { Result } from "../protocol/engine.ts";
import { inflate, type Pause } from "./compression.ts";
import { LIMITS } from "./limits.ts";
import { CANCELLED, ok, problem } from "./problem.ts";

/** A file in the archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes it unpacks to, as the directory says. */
  readonly size: number;
  readonly compressedSize: number;
  /** 0 stored, 8 deflated; anything else cannot be read. */
  readonly method: number;
  readonly encrypted: boolean;
  readonly crc: number;
  /** Offset of its local header in the archive. */
  readonly at: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const END64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Offset of the end record, which a comment of up to 65535 bytes may follow; -1 for none. */
function findEnd(d: DataView): number {
  const last = d.byteLength - END_BYTES;
  for (let at = last; at >= 0 && at >= last - 0xffff; at--) {
    if (d.getUint32(at, true) === END && at + END_BYTES + d.getUint16(at + 20, true) <= d.byteLength) return at;
  }
  return -1;
}

/** The archive's directory, without folders. `name` is what the archive is called in a message. */
export function readZip(bytes: Uint8Array, name: string): Result<readonly ZipEntry[]> {
  const refuse = (place: string, detail: string): Result<never> =>
    problem("This zip archive cannot be read.", `${name}, ${place}`, detail);
  const d = view(bytes);
  const end = findEnd(d);
  if (end < 0)
    return refuse("end", "The directory at the end of an archive is missing; the file may have been cut short.");
  const count = d.getUint16(end + 10, true);
  const from = d.getUint32(end + 16, true);
  const to = from + d.getUint32(end + 12, true);
  if (count === 0xffff || from === 0xffffffff || (end >= 20 && d.getUint32(end - 20, true) === END64_LOCATOR)) {
    return refuse("end", "It is a zip64 archive (over 65534 files or 4 GiB); pack the capture alone.");
  }
  if (d.getUint16(end + 4, true) !== 0 || d.getUint16(end + 8, true) !== count) {
    return refuse("end", "It is one part of an archive in several parts.");
  }
  if (count > LIMITS.files) return refuse("end", `It has ${count} entries; at most ${LIMITS.files} are read.`);
  if (to > end)
    return refuse("end", `The directory is said to lie at ${from} to ${to}; the file's directory ends at ${end}.`);
  const entries: ZipEntry[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    const place = `directory entry ${i + 1}`;
    if (at + CENTRAL_BYTES > to || d.getUint32(at, true) !== CENTRAL)
      return refuse(place, `No entry stands at offset ${at}.`);
    const next =
      at + CENTRAL_BYTES + d.getUint16(at + 28, true) + d.getUint16(at + 30, true) + d.getUint16(at + 32, true);
    if (next > to) return refuse(place, `It ends at ${next}, after the directory's end at ${to}.`);
    const entry: ZipEntry = {
      name: new TextDecoder().decode(
        bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + d.getUint16(at + 28, true)),
      ),
      size: d.getUint32(at + 24, true),
      compressedSize: d.getUint32(at + 20, true),
      method: d.getUint16(at + 10, true),
      encrypted: (d.getUint16(at + 8, true) & 1) !== 0,
      crc: d.getUint32(at + 16, true),
      at: d.getUint32(at + 42, true),
    };
    if (entry.size === 0xffffffff || entry.compressedSize === 0xffffffff || entry.at === 0xffffffff) {
      return refuse(place, "It is a zip64 entry (over 4 GiB); pack the capture alone.");
    }
    if (!entry.name.endsWith("/")) entries.push(entry);
    at = next;
  }
  return ok(entries);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = (c & 1) !== 0 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** CRC-32 as zip and gzip use it (reflected, polynomial 0x04c11db7). */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const b of bytes) c = CRC_TABLE[(c ^ b) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** Unpack one entry of the archive, at most `cap` bytes. `name` is what the entry is called in a message. */
export async function unzip(
  archive: Uint8Array,
  entry: ZipEntry,
  name: string,
  cap: number,
  pause?: Pause,
): Promise<Result<Uint8Array>> {
  const refuse = (detail: string): Result<never> => problem("This file cannot be unpacked.", name, detail);
  if (entry.encrypted) return refuse("It is encrypted; pack it without a password.");
  if (entry.method !== 0 && entry.method !== 8) {
    return refuse(`It is compressed by method ${entry.method}; only stored (0) and deflated (8) files can be read.`);
  }
  if (entry.size > cap) return refuse(`It would unpack to ${entry.size} bytes; at most ${cap} are read.`);
  const d = view(archive);
  if (entry.at + LOCAL_BYTES > archive.length || d.getUint32(entry.at, true) !== LOCAL) {
    return refuse(`Its header is missing at offset ${entry.at} of the archive.`);
  }
  const from = entry.at + LOCAL_BYTES + d.getUint16(entry.at + 26, true) + d.getUint16(entry.at + 28, true);
  const packed = archive.subarray(from, from + entry.compressedSize);
  if (packed.length < entry.compressedSize) {
    return refuse(`Its ${entry.compressedSize} bytes start at ${from}; the archive ends at ${archive.length}.`);
  }
  let bytes = packed;
  if (entry.method === 8) {
    const out = await inflate(packed, "deflate-raw", entry.size, pause);
    if (out.type === "cancelled") return CANCELLED;
    if (out.type !== "done") {
      const why =
        out.type === "too big" ? "more bytes come out than the directory says" : "the compressed data is damaged";
      return refuse(`After ${out.produced} of ${entry.size} bytes ${why}.`);
    }
    bytes = out.bytes;
  }
  if (bytes.length !== entry.size) return refuse(`${bytes.length} bytes came out; the directory says ${entry.size}.`);
  if (crc32(bytes) !== entry.crc)
    return refuse("Its checksum (CRC-32) differs from the directory's; the archive is damaged.");
  return ok(bytes);
}
