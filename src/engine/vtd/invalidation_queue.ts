/**
 * The invalidation queue of a VT-d unit: fetching descriptors, errors and their recovery, completion events
 * (VT-d §6.5.2, §11.4).
 */
import { IQEI } from "../../arch/vtd/queue_registers.ts";
import { OffsetRing } from "../common/offset_ring.ts";
import type { RegisterBit, RegisterFile } from "../common/register_file.ts";
import { MemoryStatus } from "../memory/physical_memory.ts";
import { DESCRIPTOR_WORDS, DescriptorProcessor, type DescriptorTargets, Outcome } from "./descriptors.ts";
import { EventMessage } from "./event_message.ts";
import type { FaultLog } from "./fault_log.ts";
import type { Offers } from "./registers.ts";
import { type RemappingState, Ttm } from "./remapping_state.ts";

const PAGE_LG2 = 12;
/** IQA.QS. */
const SIZE_MASK = 7;

export class InvalidationQueue {
  /** Most descriptors that one {@link run} carries out; 0 holds the queue. */
  limit = Infinity;
  readonly event: EventMessage;
  readonly processor: DescriptorProcessor;
  readonly #registers: RegisterFile;
  readonly #faults: FaultLog;
  readonly #state: RemappingState;
  readonly #offers: Offers;
  readonly #enabled: RegisterBit;
  readonly #wide: RegisterBit;
  readonly #complete: RegisterBit;
  readonly #head: number;
  readonly #tail: number;
  readonly #base: number;
  /** The queue, as IQA.DW has it: of 128-bit and of 256-bit descriptors. */
  readonly #rings: readonly [OffsetRing, OffsetRing];
  readonly #words = new Int32Array(DESCRIPTOR_WORDS);

  constructor(
    registers: RegisterFile,
    targets: Omit<DescriptorTargets, "waitComplete">,
    faults: FaultLog,
    state: RemappingState,
  ) {
    this.#registers = registers;
    this.#faults = faults;
    this.#state = state;
    this.#offers = targets.offers;
    this.event = new EventMessage(registers, targets.memory, "IE");
    this.processor = new DescriptorProcessor({ ...targets, waitComplete: () => this.#waitComplete() });
    this.#enabled = registers.bit("GSTS", "QIES");
    this.#wide = registers.bit("IQA", "DW");
    this.#complete = registers.bit("ICS", "IWC");
    this.#head = registers.at("IQH");
    this.#tail = registers.at("IQT");
    this.#base = registers.at("IQA");
    const ring = (words: number): OffsetRing => new OffsetRing(targets.memory, words);
    this.#rings = [ring(DESCRIPTOR_WORDS / 2), ring(DESCRIPTOR_WORDS)];
    registers.onWrite("IQT", 0, () => this.run());
    registers.onWrite("ICS", 0, () => {
      if (!this.#is(this.#complete)) this.event.cancel();
    });
  }

  /** Switch the queue on or off; off, the head goes back to the start. */
  enable(on: boolean): void {
    this.#registers.set("GSTS", "QIES", on ? 1 : 0);
    if (on) this.run();
    else this.#registers.words[this.#head] = 0;
  }

  /**
   * Carry out descriptors up to the tail, or to one that is wrong. After an error nothing is fetched until software has
   * cleared it.
   */
  run(): void {
    const { words } = this.#registers;
    if (!this.#is(this.#enabled) || this.#faults.has("IQE") || this.#faults.has("ITE")) return;
    const wide = this.#is(this.#wide);
    const bytes = 1 << ((words[this.#base]! & SIZE_MASK) + PAGE_LG2);
    const tail = words[this.#tail]!;
    const wrong = this.#configurationError(wide, tail, bytes);
    if (wrong !== null) {
      this.#stop(wrong);
      return;
    }
    const ring = this.#rings[wide ? 1 : 0];
    ring.place(words[this.#base + 1]!, words[this.#base]! & -(1 << PAGE_LG2), bytes);
    let head = ring.offsetOf(words[this.#head]!);
    let outcome: Outcome = Outcome.Done;
    for (let left = this.limit; left > 0 && head !== tail && outcome === Outcome.Done; left--) {
      outcome = this.#step(ring, head, wide);
      if (outcome === Outcome.Done || outcome === Outcome.Timeout) head = ring.next(head);
      words[this.#head] = head;
    }
    if (outcome === Outcome.Error) this.#stop(this.processor.error);
    if (outcome === Outcome.Timeout) this.#timeOut();
  }

  #configurationError(wide: boolean, tail: number, bytes: number): IQEI | null {
    // CHOICE(queue-width): 128-bit descriptors are taken in scalable mode too; a reserved table mode stops the queue.
    if (this.#state.ttm === Ttm.Reserved) return IQEI.INVALID_TTM;
    if (wide && (tail & (4 * DESCRIPTOR_WORDS - 1)) !== 0) return IQEI.TAIL_MISALIGNED;
    return tail >= bytes ? IQEI.INVALID_TAIL : null;
  }

  /** Fetch and carry out the descriptor at an offset. */
  #step(ring: OffsetRing, offset: number, wide: boolean): Outcome {
    const words = this.#words;
    if (!wide) words.fill(0, DESCRIPTOR_WORDS / 2);
    const status = ring.read(offset, words);
    if (status === MemoryStatus.Unknown) return Outcome.Unknown;
    if (status === MemoryStatus.Ok) return this.processor.execute(words, wide);
    this.processor.error = IQEI.FETCH_ERROR;
    return Outcome.Error;
  }

  #timeOut(): void {
    if (this.#offers.queueErrors) this.#registers.set("IQERCD", "ITESID", this.processor.silent);
    this.#faults.queueError("ITE");
  }

  #stop(error: IQEI): void {
    if (this.#offers.queueErrors) this.#registers.set("IQERCD", "IQEI", error);
    this.#faults.queueError("IQE");
  }

  /** A wait with IF is complete: an event, unless software has not seen the last one yet. */
  #waitComplete(): void {
    if (this.#is(this.#complete)) return;
    this.#registers.words[this.#complete.at]! |= this.#complete.mask;
    this.event.raise();
  }

  #is(bit: RegisterBit): boolean {
    return (this.#registers.words[bit.at]! & bit.mask) !== 0;
  }
}
