/**
 * Physical memory of up to 52 address bits, sparse, with copy-on-write images.
 *
 * Pages of 4 KiB live as frames in one Int32Array; a two-level map finds the frame of an address. Memory exists
 * where the description says so: ranges that read as zero until written, and segments with contents. Anything else
 * either does not answer (an external abort) or is unknown to the session, which is not the same: a walk that runs
 * into unknown memory has no outcome. Words of 8 bytes are the unit of what is known.
 *
 * Images: a live frame never moves. Its contents get an identity; the first write after an image was taken saves
 * the old contents under that identity. An image is a table of identities that shares unchanged chunks with others.
 */
import { fromHalves, highHalf, lowHalf } from "../../base/address.ts";
import { Digest } from "../../base/digest.ts";
import { FrameHashes } from "./frame_hashes.ts";
import { holdsPage, mergeRanges, type Range } from "./zero_ranges.ts";

/** Answer of a memory access. */
export const MemoryStatus = {
  Ok: 0,
  /** Nothing answers at the address: an external abort. */
  Abort: 1,
  /** The session does not hold this memory. */
  Unknown: 2,
  /** The session holds as much memory as it may; the write did not happen. */
  Full: 3,
} as const;
export type MemoryStatus = (typeof MemoryStatus)[keyof typeof MemoryStatus];

/** A run of bytes at a physical address; addresses of bytes are numbers here, exact up to 2^52. */
export interface MemorySegment {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What memory there is at the start. Addresses and lengths are multiples of 8. */
export interface MemoryLayout {
  /** Whether an address outside the rest does not answer, or is just not known. */
  readonly outside: "abort" | "unknown";
  /** Ranges `[address, bytes]` that read as zero until written. */
  readonly zero: readonly (readonly [number, number])[];
  readonly segments: readonly MemorySegment[];
}

/** A saved state; only meaningful to the memory that made it. */
export interface MemoryImage {
  /** Identity of the contents of each frame, in chunks; 0 for a frame that did not exist. */
  readonly chunks: readonly Int32Array[];
}

/** Most frames a memory may hold: 512 MiB. */
const MAX_FRAMES = 1 << 17;

/** Bits of a frame in {@link PhysicalMemory.targets}; a mark stands above. */
export const TARGET_FRAME_BITS = 24;

/** High-half bits of addresses that do not exist: from 2^52 on. */
const BEYOND = ~0xfffff;
/** 32-bit words of a frame. */
export const FRAME_WORDS = 1024;
/** Words that say which of a frame's 512 eight-byte units are known. */
const KNOWN_WORDS = 16;
const CHUNK = 64;
const LEAF = 1024;
const EMPTY = -1;

/** Told of writes; see {@link PhysicalMemory.tap}. */
export interface MemoryTap {
  word(at: number, hi: number, lo: number): void;
  run(at: number, bytes: Uint8Array): void;
}

export class PhysicalMemory {
  /** Low half of the last word read by {@link read64}, as a signed 32-bit number. */
  lo = 0;
  /** High half of the last word read by {@link read64}, as a signed 32-bit number. */
  hi = 0;
  /** The frames. Replaced when memory grows: do not keep it across calls. */
  words = new Int32Array(16 * FRAME_WORDS);
  #bytes = new Uint8Array(this.words.buffer);

  /**
   * For each 8-byte word, the frame at the address that its bits [47:12] hold: 0 where nobody asked yet.
   * Page-table walks follow pointers by it; {@link target} fills it, a write to the word clears it. Only a word that a
   * walk may follow is looked up, so that one with a target need not be looked at again. Replaced as `words` is.
   */
  targets = new Int32Array((16 * FRAME_WORDS) / 2);

  /** Bits that the address of every frame fits in: what has a {@link targets} entry lies below 2^addressBits. */
  addressBits = 0;

  readonly outside: "abort" | "unknown";
  readonly #maxFrames: number;
  readonly #zero: readonly Range[];
  #frames = 1;
  #pageOf: number[] = [0];
  #known = new Int32Array(16 * KNOWN_WORDS);
  // Map: the 4 MiB chunk number, hashed, gives a run of LEAF entries; an entry is a frame, negative if partly known.
  #keys = new Int32Array(64).fill(EMPTY);
  #leafs = new Int32Array(64);
  #leafCount = 0;
  #map = new Int32Array(2 * LEAF);
  #lastKey = EMPTY;
  #lastLeaf = 0;
  // Images.
  #identity: Int32Array[] = [new Int32Array(CHUNK)];
  #shared: boolean[] = [false];
  #nextIdentity = 1;
  #clean = new Uint8Array(16);
  #saved = new Map<number, Int32Array>();
  readonly #hashes = new FrameHashes();

  /** Ranges and segments at or beyond 2^52 do not exist; a later segment wins over an earlier one. */
  constructor(layout: MemoryLayout, maxFrames = MAX_FRAMES) {
    this.outside = layout.outside;
    this.#maxFrames = maxFrames;
    this.#hashes.grow(this.words.length / FRAME_WORDS);
    this.#zero = mergeRanges(layout.zero);
    for (const range of this.#zero) this.#pinEdges(range);
    for (const { at, bytes } of layout.segments) this.#load(at, bytes);
    for (let frame = 1; frame < this.#frames; frame++) this.#setIdentity(frame, this.#nextIdentity++);
  }

  /** Ranges that read as zero until they are written. */
  get zeroRanges(): readonly Range[] {
    return this.#zero;
  }

  /** Bytes in frames. */
  get bytes(): number {
    return (this.#frames - 1) * 4096;
  }

  /**
   * Read the aligned 8 bytes at an address into {@link lo} and {@link hi}.
   * @param hi address bits 63:32; an address of 2^52 or more does not answer
   * @param lo address bits 31:0; bits 2:0 are taken as zero
   */
  read64(hi: number, lo: number): MemoryStatus {
    const frame = this.#frameAt(hi, lo);
    if (frame <= 0) return this.#readSlow(frame, hi, lo);
    const at = (frame << 10) | ((lo & 0xff8) >>> 2);
    this.lo = this.words[at]!;
    this.hi = this.words[at + 1]!;
    return MemoryStatus.Ok;
  }

  /** Told of every write while it is set: of {@link write64} as a word, of {@link writeBytes} as one run. */
  tap: MemoryTap | null = null;

  /** Write the aligned 8 bytes at an address. Memory that was unknown is known from then on. */
  write64(hi: number, lo: number, valueHi: number, valueLo: number): MemoryStatus {
    if (this.tap !== null) this.tap.word(fromHalves(hi, lo), valueHi, valueLo);
    let frame = this.#frameAt(hi, lo);
    if (frame === 0) {
      if ((hi & BEYOND) !== 0) return MemoryStatus.Abort;
      const page = pageNumber(hi, lo);
      const zero = this.#isZeroPage(page);
      if (!zero && this.outside === "abort") return MemoryStatus.Abort;
      frame = this.#addFrame(page, zero);
      if (frame === 0) return MemoryStatus.Full;
    }
    const index = frame < 0 ? -frame : frame;
    this.#beforeWrite(index);
    if (frame < 0) this.#learn(index, (lo & 0xff8) >>> 3);
    const at = (index << 10) | ((lo & 0xff8) >>> 2);
    this.words[at] = valueLo;
    this.words[at + 1] = valueHi;
    this.targets[at >>> 1] = 0;
    return MemoryStatus.Ok;
  }

  /** The frame of a wholly known page, or 0: `words[(frame << 10) + i]` is its 32-bit word number `i`. */
  wholeFrame(hi: number, lo: number): number {
    const frame = this.#frameAt(hi, lo);
    return frame > 0 ? frame : 0;
  }

  /**
   * Look up {@link targets} for 8-byte word number `slot` of the arena.
   * @param mark 7 bits for whoever follows the pointer: what it knows of the word, kept above the frame
   * @returns a frame, or 0
   */
  target(slot: number, mark = 0): number {
    const frame = this.wholeFrame(this.words[2 * slot + 1]! & 0xffff, this.words[2 * slot]!);
    this.targets[slot] = frame === 0 ? 0 : frame | (mark << TARGET_FRAME_BITS);
    return frame;
  }

  /** Read any run of bytes; stops at the first that cannot be read. */
  readBytes(at: number, out: Uint8Array): MemoryStatus {
    for (let i = 0; i < out.length; ) {
      const a = at + i;
      const status = this.read64(highHalf(a), lowHalf(a));
      if (status !== MemoryStatus.Ok) return status;
      for (let b = a % 8; b < 8 && i < out.length; b++, i++) {
        out[i] = (b < 4 ? this.lo : this.hi) >>> (8 * (b & 3));
      }
    }
    return MemoryStatus.Ok;
  }

  /** Whether nothing in a range reads as anything but zero. @param at multiple of 8, as `bytes` is */
  isZero(at: number, bytes: number): boolean {
    const end = at + bytes;
    for (let from = at; from < end; ) {
      const to = Math.min(end, from - (from % 4096) + 4096);
      const frame = Math.abs(this.#frameAt(highHalf(from), lowHalf(from)));
      const first = (frame << 10) + (from % 4096) / 4;
      if (frame !== 0 && !this.#areZero(first, first + (to - from) / 4)) return false;
      from = to;
    }
    return true;
  }

  /** Write any run of bytes; a word written in part and not known before has zero in its other bytes. */
  writeBytes(at: number, bytes: Uint8Array): MemoryStatus {
    const { tap } = this;
    if (tap === null) return this.#put(at, bytes);
    tap.run(at, bytes);
    this.tap = null;
    const status = this.#put(at, bytes);
    this.tap = tap;
    return status;
  }

  #put(at: number, bytes: Uint8Array): MemoryStatus {
    for (let i = 0; i < bytes.length; ) {
      const a = at + i;
      const run = a % 8 === 0 ? this.#writeRun(a, bytes, i) : 0;
      if (run > 0) {
        i += run;
        continue;
      }
      const [hi, lo] = [highHalf(a), lowHalf(a)];
      const status = this.read64(hi, lo);
      if (status === MemoryStatus.Abort) return status;
      const old = status === MemoryStatus.Ok;
      let [wordLo, wordHi] = [old ? this.lo : 0, old ? this.hi : 0];
      for (let b = a % 8; b < 8 && i < bytes.length; b++, i++) {
        const shift = 8 * (b & 3);
        const put = bytes[i]! << shift;
        if (b < 4) wordLo = (wordLo & ~(0xff << shift)) | put;
        else wordHi = (wordHi & ~(0xff << shift)) | put;
      }
      const wrote = this.write64(hi, lo, wordHi, wordLo);
      if (wrote !== MemoryStatus.Ok) return wrote;
    }
    return MemoryStatus.Ok;
  }

  /** Write whole words from `bytes[from]` on as far as a wholly known page goes. @returns bytes written, 0 for none */
  #writeRun(at: number, bytes: Uint8Array, from: number): number {
    const offset = at % 4096;
    const run = Math.min(4096 - offset, bytes.length - from) & ~7;
    const frame = run === 0 ? 0 : this.#frameAt(highHalf(at), lowHalf(at));
    if (frame <= 0) return 0;
    this.#beforeWrite(frame);
    const start = frame * 4096 + offset;
    this.#bytes.set(run === bytes.length ? bytes : bytes.subarray(from, from + run), start);
    this.targets.fill(0, start >>> 3, (start + run) >>> 3);
    return run;
  }

  /** Save the state. The cost is that of one table of identities; contents are saved when first overwritten. */
  snapshot(): MemoryImage {
    this.#clean.fill(1, 0, this.#frames);
    this.#shared.fill(true);
    return { chunks: this.#identity.slice() };
  }

  /** Go back (or forward) to a saved state. Images stay valid whichever way one goes. */
  restore(image: MemoryImage): void {
    for (let c = 0; c < this.#identity.length; c++) {
      const want = image.chunks[c];
      const have = this.#identity[c]!;
      if (want === have) continue;
      for (let i = 0; i < CHUNK && c * CHUNK + i < this.#frames; i++) {
        const id = want === undefined ? 0 : want[i]!;
        if (id !== have[i]) this.#become(c * CHUNK + i, have[i]!, id);
      }
      this.#identity[c] = want ?? new Int32Array(CHUNK);
      this.#shared[c] = true;
    }
    this.#clean.fill(1, 0, this.#frames);
  }

  /** As {@link read64}, of a saved state. */
  readImage64(image: MemoryImage, hi: number, lo: number): MemoryStatus {
    const entry = this.#frameAt(hi, lo);
    const frame = Math.abs(entry);
    const then = image.chunks[frame >>> 6]?.[frame & (CHUNK - 1)] ?? 0;
    if (frame === 0 || then === this.#identity[frame >>> 6]![frame & (CHUNK - 1)]) return this.read64(hi, lo);
    const word = (lo & 0xff8) >>> 3;
    const saved = this.#saved.get(then);
    if (saved === undefined) return this.#readSlow(0, hi, lo);
    if (((saved[FRAME_WORDS + (word >>> 5)]! >>> (word & 31)) & 1) === 0) return this.#nothing(hi);
    this.lo = saved[2 * word]!;
    this.hi = saved[2 * word + 1]!;
    return MemoryStatus.Ok;
  }

  /** Whether the page of an address has one and the same contents in two states, and was not written between them. */
  isSamePage(one: MemoryImage, other: MemoryImage, hi: number, lo: number): boolean {
    const frame = Math.abs(this.#frameAt(hi, lo));
    const identityIn = ({ chunks }: MemoryImage): number => chunks[frame >>> 6]?.[frame & (CHUNK - 1)] ?? 0;
    return identityIn(one) === identityIn(other);
  }

  /** Pages whose contents were saved for images, and are kept until {@link retain}. */
  get savedPages(): number {
    return this.#saved.size;
  }

  /** Forget saved contents that none of `images` needs. */
  retain(images: readonly MemoryImage[]): void {
    const needed = new Set<number>();
    const seen = new Set<Int32Array>();
    for (const image of images) for (const chunk of image.chunks) seen.add(chunk);
    for (const chunk of seen) for (const id of chunk) needed.add(id);
    for (const id of this.#saved.keys()) if (!needed.has(id)) this.#saved.delete(id);
  }

  /** Take the contents of memory into a digest. Zeros that were read but never written do not count. */
  digest(into: Digest): void {
    this.#hashes.digest(into, (frame) => this.#hashOf(frame));
  }

  /** Every known 8-byte word as runs, in ascending order of address; zeros of a wholly known page are left out. */
  segments(): MemorySegment[] {
    const runs: MemorySegment[] = [];
    const frames = Array.from({ length: this.#frames - 1 }, (_, i) => i + 1);
    frames.sort((a, b) => this.#pageOf[a]! - this.#pageOf[b]!);
    const bytes = new Uint8Array(this.words.buffer);
    for (const frame of frames) {
      if (this.#isWhole(frame) && this.#isZeroPage(this.#pageOf[frame]!) && this.#isZero(frame)) continue;
      for (let from = 0; from < 512; from++) {
        if (!this.#isKnown(frame, from)) continue;
        let to = from + 1;
        while (to < 512 && this.#isKnown(frame, to)) to++;
        const at = this.#pageOf[frame]! * 4096 + from * 8;
        runs.push({ at, bytes: bytes.slice(frame * 4096 + from * 8, frame * 4096 + to * 8) });
        from = to;
      }
    }
    return runs;
  }

  /** Frame of an address: positive, negative when only partly known, 0 for none. */
  #frameAt(hi: number, lo: number): number {
    if ((hi & BEYOND) !== 0) return 0;
    const key = (hi << 10) | (lo >>> 22);
    const leaf = key === this.#lastKey ? this.#lastLeaf : this.#leafOf(key);
    return leaf === 0 ? 0 : this.#map[leaf + ((lo >>> 12) & 1023)]!;
  }

  #leafOf(key: number): number {
    const mask = this.#keys.length - 1;
    let at = hashKey(key) & mask;
    while (this.#keys[at] !== key) {
      if (this.#keys[at] === EMPTY) return 0;
      at = (at + 1) & mask;
    }
    this.#lastKey = key;
    this.#lastLeaf = this.#leafs[at]!;
    return this.#lastLeaf;
  }

  #readSlow(frame: number, hi: number, lo: number): MemoryStatus {
    const word = (lo & 0xff8) >>> 3;
    if (frame < 0 && this.#isKnown(-frame, word)) {
      this.lo = this.words[(-frame << 10) | (word << 1)]!;
      this.hi = this.words[(-frame << 10) | (word << 1) | 1]!;
      return MemoryStatus.Ok;
    }
    if (frame === 0 && (hi & BEYOND) === 0 && this.#isZeroPage(pageNumber(hi, lo))) {
      this.lo = 0;
      this.hi = 0;
      return MemoryStatus.Ok;
    }
    return this.#nothing(hi);
  }

  #nothing(hi: number): MemoryStatus {
    return this.outside === "abort" || (hi & BEYOND) !== 0 ? MemoryStatus.Abort : MemoryStatus.Unknown;
  }

  /** Whether a page lies wholly in a range that reads as zero. */
  #isZeroPage(page: number): boolean {
    return holdsPage(this.#zero, page);
  }

  /** Give a page a frame that knows all (zeros) or nothing. Answers as {@link #frameAt}, 0 when memory is full. */
  #addFrame(page: number, known: boolean): number {
    if (this.#frames > this.#maxFrames) return 0;
    const frame = this.#frames++;
    if (frame * FRAME_WORDS >= this.words.length) this.#grow();
    if (frame % CHUNK === 0) {
      this.#identity.push(new Int32Array(CHUNK));
      this.#shared.push(false);
    }
    this.#pageOf.push(page);
    this.addressBits = Math.max(this.addressBits, 12 + bitsOf(page));
    this.#known.fill(known ? -1 : 0, frame * KNOWN_WORDS, (frame + 1) * KNOWN_WORDS);
    // Clean, so that the first write gives it an identity of its own.
    this.#clean[frame] = 1;
    this.#mapPage(page, known ? frame : -frame);
    return known ? frame : -frame;
  }

  #grow(): void {
    const frames = (this.words.length / FRAME_WORDS) * 2;
    this.words = copyInto(new Int32Array(frames * FRAME_WORDS), this.words);
    this.#bytes = new Uint8Array(this.words.buffer);
    this.targets = copyInto(new Int32Array((frames * FRAME_WORDS) / 2), this.targets);
    this.#known = copyInto(new Int32Array(frames * KNOWN_WORDS), this.#known);
    this.#clean = copyInto(new Uint8Array(frames), this.#clean);
    this.#hashes.grow(frames);
  }

  #mapPage(page: number, entry: number): void {
    const key = Math.floor(page / LEAF);
    let leaf = this.#leafOf(key);
    if (leaf === 0) {
      leaf = ++this.#leafCount * LEAF;
      if (leaf >= this.#map.length) this.#map = copyInto(new Int32Array(this.#map.length * 2), this.#map);
      if (this.#leafCount * 2 > this.#keys.length) this.#rehashKeys();
      this.#insertKey(key, leaf);
    }
    this.#map[leaf + (page % LEAF)] = entry;
  }

  #insertKey(key: number, leaf: number): void {
    const mask = this.#keys.length - 1;
    let at = hashKey(key) & mask;
    while (this.#keys[at] !== EMPTY) at = (at + 1) & mask;
    this.#keys[at] = key;
    this.#leafs[at] = leaf;
  }

  #rehashKeys(): void {
    const [keys, leafs] = [this.#keys, this.#leafs];
    this.#keys = new Int32Array(keys.length * 2).fill(EMPTY);
    this.#leafs = new Int32Array(keys.length * 2);
    for (let i = 0; i < keys.length; i++) if (keys[i] !== EMPTY) this.#insertKey(keys[i]!, leafs[i]!);
  }

  /** A range of zeros that begins or ends inside a page: those pages get frames that know their part. */
  #pinEdges({ from, to }: Range): void {
    const headEnd = Math.min(to, Math.ceil(from / 4096) * 4096);
    if (from % 4096 !== 0) this.#knowZeros(from, headEnd);
    const tail = Math.floor(to / 4096) * 4096;
    if (to % 4096 !== 0 && tail >= from) this.#knowZeros(tail, to);
  }

  /** The words from `from` up to `to`, all of one page, read as zero. */
  #knowZeros(from: number, to: number): void {
    const found = this.#frameAt(highHalf(from), lowHalf(from));
    const frame = found === 0 ? this.#addFrame(Math.floor(from / 4096), false) : found;
    for (let at = from; at < to && frame < 0; at += 8) this.#learn(-frame, (at % 4096) / 8);
  }

  #load(at: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i + 8 <= bytes.length; i += 8) {
      const [hi, lo] = [highHalf(at + i), lowHalf(at + i)];
      // What is described is there, whatever stands outside.
      if ((hi & BEYOND) === 0 && this.#frameAt(hi, lo) === 0) {
        const page = pageNumber(hi, lo);
        this.#addFrame(page, this.#isZeroPage(page));
      }
      this.write64(hi, lo, view.getInt32(i + 4, true), view.getInt32(i, true));
    }
  }

  #isKnown(frame: number, word: number): boolean {
    return ((this.#known[frame * KNOWN_WORDS + (word >>> 5)]! >>> (word & 31)) & 1) !== 0;
  }

  #isWhole(frame: number): boolean {
    const from = frame * KNOWN_WORDS;
    for (let i = from; i < from + KNOWN_WORDS; i++) if (this.#known[i] !== -1) return false;
    return true;
  }

  #isZero(frame: number): boolean {
    return this.#areZero(frame << 10, (frame + 1) << 10);
  }

  /** Words that are not known are zero. */
  #areZero(from: number, to: number): boolean {
    const { words } = this;
    let i = from;
    // Eight at a time: tables are looked through often, and most of the time is spent on what is empty.
    for (; i + 8 <= to; i += 8) {
      const first = words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]!;
      if ((first | words[i + 4]! | words[i + 5]! | words[i + 6]! | words[i + 7]!) !== 0) return false;
    }
    for (; i < to; i++) if (words[i] !== 0) return false;
    return true;
  }

  /** One more word of a frame is known; with the last one it becomes an ordinary frame. */
  #learn(frame: number, word: number): void {
    this.#known[frame * KNOWN_WORDS + (word >>> 5)]! |= 1 << (word & 31);
    if (this.#isWhole(frame)) this.#mapPage(this.#pageOf[frame]!, frame);
  }

  /** Keep the contents an image needs, and give those about to come an identity of their own. */
  #beforeWrite(frame: number): void {
    this.#hashes.changes(frame);
    if (this.#clean[frame] === 0) return;
    const old = this.#identity[frame >>> 6]![frame & (CHUNK - 1)]!;
    if (old !== 0) this.#save(frame, old);
    this.#setIdentity(frame, this.#nextIdentity++);
    this.#clean[frame] = 0;
  }

  #setIdentity(frame: number, id: number): void {
    const c = frame >>> 6;
    if (this.#shared[c]) {
      this.#identity[c] = this.#identity[c]!.slice();
      this.#shared[c] = false;
    }
    this.#identity[c]![frame & (CHUNK - 1)] = id;
  }

  #save(frame: number, id: number): void {
    if (this.#saved.has(id)) return;
    const copy = new Int32Array(FRAME_WORDS + KNOWN_WORDS);
    copy.set(this.words.subarray(frame << 10, (frame + 1) << 10));
    copy.set(this.#known.subarray(frame * KNOWN_WORDS, (frame + 1) * KNOWN_WORDS), FRAME_WORDS);
    this.#saved.set(id, copy);
  }

  /** Replace the contents of a frame by those of an identity; 0 is the frame as it was first made. */
  #become(frame: number, have: number, want: number): void {
    // Contents written since the last image have an identity that no image knows.
    if (have !== 0 && this.#clean[frame] === 1) this.#save(frame, have);
    this.#hashes.changes(frame);
    const copy = this.#saved.get(want);
    const known = this.#known.subarray(frame * KNOWN_WORDS, (frame + 1) * KNOWN_WORDS);
    if (copy === undefined) {
      this.words.fill(0, frame << 10, (frame + 1) << 10);
      known.fill(this.#isZeroPage(this.#pageOf[frame]!) ? -1 : 0);
    } else {
      this.words.set(copy.subarray(0, FRAME_WORDS), frame << 10);
      known.set(copy.subarray(FRAME_WORDS));
    }
    this.targets.fill(0, frame << 9, (frame + 1) << 9);
    const whole = this.#isWhole(frame);
    // What pointed to a wholly known page may have to find out that it no longer is one.
    if (!whole) this.targets.fill(0, 0, this.#frames << 9);
    this.#mapPage(this.#pageOf[frame]!, whole ? frame : -frame);
  }

  /** Null for a frame that nobody wrote, or that holds zeros where there are zeros anyway. */
  #hashOf(frame: number): Digest | null {
    const whole = this.#isWhole(frame);
    const untouched = this.#identity[frame >>> 6]![frame & (CHUNK - 1)] === 0;
    if (untouched || (whole && this.#isZero(frame) && this.#isZeroPage(this.#pageOf[frame]!))) return null;
    const digest = new Digest().number(this.#pageOf[frame]!).words(this.words, frame << 10, FRAME_WORDS);
    return whole ? digest : digest.words(this.#known, frame * KNOWN_WORDS, KNOWN_WORDS);
  }
}

const pageNumber = (hi: number, lo: number): number => hi * 0x100000 + (lo >>> 12);

/** Significant bits of a page number. */
const bitsOf = (page: number): number =>
  page < 0x100000 ? 32 - Math.clz32(page) : 52 - Math.clz32(Math.floor(page / 0x100000));

const hashKey = (key: number): number => Math.imul(key, 0x9e3779b1) >>> 8;

function copyInto<T extends Int32Array | Uint8Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
