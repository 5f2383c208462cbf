/**
 * An SMMUv3 (IHI 0070) behind the machine's interface: registers, queues, transactions, devices with ATS and PRI, and
 * the virtual Command queues beside it.
 */

import { registerByName } from "../../arch/smmuv3/registers.ts";
import type { Digest } from "../../base/digest.ts";
import { high, join, low } from "../../base/halves.ts";
import type { TaggedCache } from "../../engine/common/tagged_cache.ts";
import type { TraceRecorder } from "../../engine/common/trace_recorder.ts";
import type { PageRequest } from "../../engine/device/ats_port.ts";
import { DeviceSet, type DeviceSetImage } from "../../engine/device/device_set.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { mairOf, shareabilityOf } from "../../engine/smmuv3/attributes.ts";
import { Broadcasts, type BroadcastsImage } from "../../engine/smmuv3/broadcast.ts";
import { CACHE_NAMES } from "../../engine/smmuv3/caches/options.ts";
import type { SmmuCachesImage } from "../../engine/smmuv3/caches/smmu_caches.ts";
import { Cmdqv, type CmdqvImage } from "../../engine/smmuv3/cmdqv/cmdqv.ts";
import { linkTo } from "../../engine/smmuv3/device_link.ts";
import { EVENT_WORDS, encodeEvent } from "../../engine/smmuv3/event_record.ts";
import type { GlobalError } from "../../engine/smmuv3/global_errors.ts";
import { NO_CACHES } from "../../engine/smmuv3/maintenance.ts";
import { encodePageHint, type PageHint } from "../../engine/smmuv3/page_hint.ts";
import { PcieInterface } from "../../engine/smmuv3/pcie.ts";
import { type InterfaceImage, ProgrammingInterface } from "../../engine/smmuv3/programming_interface.ts";
import { RegisterFile } from "../../engine/smmuv3/register_file.ts";
import { Smmuv3 } from "../../engine/smmuv3/smmu.ts";
import { Translation, Updates } from "../../engine/smmuv3/translation.ts";
import type { Access, MachineDescription } from "../../protocol/machine.ts";
import { Consumer } from "../consumer.ts";
import { Inspection } from "../inspect/inspection.ts";
import { type PageAnswer, Pcie } from "../pcie.ts";
import { RecordLog } from "../record_log.ts";
import type { Reach, RegisterBlock, RegisterPlace, Transfer, TransferResult, Unit } from "../unit.ts";
import { CmdqvBlock } from "./cmdqv_block.ts";
import { reachOf } from "./inspect/outcome.ts";
import { SMMU_INSPECTION } from "./inspect/smmu_inspection.ts";
import { cacheOptions, cmdqvSize, presetValues } from "./options.ts";
import { PeBlock } from "./pe_block.ts";
import { REGISTER_WORDS } from "./register_words.ts";
import { ON_REQUEST, type TransactionHost, Transactions, type TransactionsImage } from "./transactions.ts";

/** A saved state. */
interface SmmuUnitImage {
  /** Words of the declared registers, in the order of {@link REGISTER_WORDS}. */
  readonly registers: Uint32Array;
  readonly control: InterfaceImage;
  readonly transactions: TransactionsImage;
  readonly devices: DeviceSetImage;
  readonly cmdqv: CmdqvImage | null;
  readonly broadcasts: BroadcastsImage | null;
  /** What the SMMU's caches hold: going back brings back stale entries, too. */
  readonly caches: SmmuCachesImage | null;
  readonly records: number;
}

/** Global error that a transaction may be asked to find the SMMU in (IHI 0070 §12.3). */
const SERVICE_FAILURE = "SFM_ERR" satisfies keyof typeof GlobalError;

export class SmmuUnit implements Unit {
  readonly arch = "smmuv3";
  readonly onRequest = [...ON_REQUEST, SERVICE_FAILURE];
  readonly memory: PhysicalMemory;
  readonly smmu: Smmuv3;
  /** Registers as software reaches them, and what stands behind them. */
  readonly control: ProgrammingInterface;
  /** ATS and PRI as the SMMU has them. */
  readonly ats: PcieInterface;
  readonly pcie: Pcie;
  readonly stalls: Transactions;
  readonly blocks: Readonly<Record<string, RegisterBlock>>;
  readonly inspect: Inspection<SmmuUnit>;
  readonly consumer: Consumer;
  readonly #registers = new RegisterFile();
  readonly #translated: Transactions;
  readonly #cmdqv: Cmdqv | null;
  /** A PE beside an SMMU that takes part in broadcast TLB maintenance. */
  readonly #broadcasts: Broadcasts | null;
  readonly #t = new Translation();
  readonly #marked = new Translation();
  readonly #records = new RecordLog(EVENT_WORDS);
  /** The record being posted. */
  readonly #posted = new Uint32Array(EVENT_WORDS);

  constructor(description: MachineDescription, memory: PhysicalMemory) {
    this.memory = memory;
    for (const [name, value] of Object.entries({ ...presetValues(description), ...description.registers })) {
      const register = registerByName(name);
      if (register !== undefined) this.#registers.load(register, low(value), high(value));
    }
    this.smmu = new Smmuv3(memory, this.#registers, cacheOptions(description));
    const devices = new DeviceSet();
    this.control = new ProgrammingInterface(this.smmu, memory, { devices: linkTo(devices) });
    const { errors, interrupts } = this.control;
    this.ats = new PcieInterface(this.smmu, memory, errors, interrupts, (t) => this.#record(t));
    const host = (translate: TransactionHost["translate"]): TransactionHost => ({
      memory,
      control: this.control,
      translate,
      record: (t) => this.#record(t),
    });
    this.stalls = new Transactions(host((access, updates) => this.#translateWhole(access, updates)));
    this.#translated = new Transactions(
      host((access, updates) => this.translated(access, updates ? Updates.Make : Updates.Show)),
    );
    this.pcie = new Pcie({
      devices,
      port: this.ats,
      page: (request) => this.#page(request),
      unknownAt: () => join(this.ats.requests.t.fetchHi, this.ats.requests.t.fetchLo),
      transfer: (transfer) => this.transfer(transfer),
      translated: (transfer) => this.#translated.start(transfer),
    });
    for (const { sid, ats } of description.devices) if (ats !== undefined) this.pcie.add({ sid, ...ats });
    this.#cmdqv = this.#makeCmdqv(description);
    const { registers, caps, caches } = this.smmu;
    const takesPart = registers.field("SMMU_IDR0", "BTM") === 1;
    this.#broadcasts = takesPart ? new Broadcasts(registers, caps, caches ?? NO_CACHES) : null;
    this.blocks = {
      ...(this.#cmdqv !== null && { cmdqv: new CmdqvBlock(this.#cmdqv, () => this.stalls.settle()) }),
      ...(this.#broadcasts !== null && { pe: new PeBlock(this.#broadcasts) }),
    };
    this.inspect = new Inspection<SmmuUnit>(this, SMMU_INSPECTION);
    const { commands } = this.control;
    this.consumer = new Consumer("CMDQ", commands, () => {
      commands.run();
      this.stalls.settle();
    });
  }

  consumerOf(queue: string): Consumer | null {
    const [, kind, digits = ""] = /^(E|V)CMDQ(\d{1,5})$/.exec(queue) ?? [];
    const from = kind === "E" ? this.control.enhanced : kind === "V" ? this.#cmdqv : null;
    const number = Number(digits);
    const commands = from?.limitOf(number) ?? null;
    if (from === null || commands === null) return null;
    return new Consumer(queue, commands, () => {
      from.run(number);
      this.stalls.settle();
    });
  }

  register(name: string): RegisterPlace | null {
    const register = registerByName(name);
    if (register === undefined) return null;
    return { offset: this.#registers.offsetOf(register), width: register.widthBytes };
  }

  read(offset: number, width: 4 | 8): bigint {
    this.control.read(offset, width);
    return join(this.control.hi, this.control.lo);
  }

  write(offset: number, value: bigint, width: 4 | 8): void {
    this.control.write(offset, width, high(value), low(value));
    this.stalls.settle();
  }

  transfer(transfer: Transfer): TransferResult {
    if (transfer.meets === SERVICE_FAILURE) {
      this.control.fail();
      this.stalls.settle();
    }
    return this.stalls.start(transfer);
  }

  reach(access: Access): Reach {
    const t = this.translate(access, null);
    const reach = reachOf(t);
    if (reach.end !== "ok") return reach;
    const a = this.smmu.attributes(t);
    return { ...reach, attributes: { mair: mairOf(a), sh: shareabilityOf(a) } };
  }

  /**
   * Translate without any effect on the machine, unless `updates` has hardware updates of descriptors made.
   * The answer is overwritten by the next call.
   */
  translate(access: Access, trace: TraceRecorder | null, updates: Updates = Updates.Show): Translation {
    const t = fill(this.#t, access, updates);
    t.inMair = access.attributes?.mair ?? 0xff;
    t.inSh = access.attributes?.sh ?? 0;
    t.noSnoop = access.noSnoop ?? false;
    this.smmu.translate(t, trace);
    return t;
  }

  /**
   * As {@link translate}, of an access marked Translated: its `iova` is a PA, or an IPA under Split-stage ATS. The answer
   * is overwritten by the next call.
   */
  translated(access: Access, updates: Updates = Updates.Show): Translation {
    const t = fill(this.#marked, access, updates);
    this.ats.translated.translate(t, null);
    return t;
  }

  /** A device hints that it will access pages soon: an E_PAGE_REQUEST event. */
  pageHint(hint: PageHint): void {
    this.#post((words, at) => encodePageHint(hint, words, at));
  }

  takeRecords(): Uint8Array[] {
    return this.#records.take();
  }

  records(from = 0): readonly Uint32Array[] {
    return this.#records.all(from);
  }

  get interrupts(): number {
    return this.control.interrupts.count;
  }

  get recordCount(): number {
    return this.#records.count;
  }

  cacheTables(): TaggedCache[] {
    const { caches } = this.smmu;
    return caches === null ? [] : CACHE_NAMES.flatMap((name) => caches.table(name) ?? []);
  }

  snapshot(): SmmuUnitImage {
    return {
      registers: REGISTER_WORDS.map((at) => this.#registers.words[at]!),
      control: this.control.snapshot(),
      transactions: this.stalls.snapshot(),
      devices: this.pcie.snapshot(),
      cmdqv: this.#cmdqv === null ? null : this.#cmdqv.snapshot(),
      broadcasts: this.#broadcasts === null ? null : this.#broadcasts.snapshot(),
      caches: this.smmu.caches === null ? null : this.smmu.caches.snapshot(),
      records: this.#records.count,
    };
  }

  restore(image: SmmuUnitImage): void {
    REGISTER_WORDS.forEach((at, i) => {
      this.#registers.words[at] = image.registers[i]!;
    });
    this.control.restore(image.control);
    this.stalls.restore(image.transactions);
    this.pcie.restore(image.devices);
    if (image.cmdqv !== null) this.#cmdqv?.restore(image.cmdqv);
    if (image.broadcasts !== null) this.#broadcasts?.restore(image.broadcasts);
    if (image.caches !== null) this.smmu.caches?.restore(image.caches);
    this.#records.restore(image.records);
  }

  digest(into: Digest): void {
    const { words } = this.#registers;
    for (const at of REGISTER_WORDS) into.word(words[at]!);
    this.#records.digest(into);
    this.control.digest(into);
    this.stalls.digest(into);
    this.pcie.digest(into);
    this.#cmdqv?.digest(into);
    this.#broadcasts?.digest(into);
    this.smmu.caches?.digest(into);
  }

  #makeCmdqv(description: MachineDescription): Cmdqv | null {
    const size = cmdqvSize(description);
    if (size === undefined) return null;
    return new Cmdqv(size, {
      memory: this.memory,
      largestLg2: this.#registers.field("SMMU_IDR1", "CMDQS"),
      execute: (command, at) => this.control.processor.execute(command, at),
    });
  }

  #translateWhole(access: Access, updates: boolean): Translation {
    const t = this.translate(access, null, updates ? Updates.Make : Updates.Show);
    if (!updates) this.smmu.details(t);
    return t;
  }

  #page(request: PageRequest): PageAnswer {
    const answer = this.ats.page(request);
    if (answer.queued || !("unknownHi" in answer)) return answer;
    return { queued: false, response: null, unknown: join(answer.unknownHi, answer.unknownLo) };
  }

  /** Put a record into the Event queue, and keep it if it got there: what was kept in a later state stays whole. */
  #post(encode: (words: Uint32Array, at: number) => void): void {
    if (this.#records.full) return;
    encode(this.#posted, 0);
    if (this.control.events.write(this.#posted, 0)) this.#records.push(this.#posted);
  }

  #record(t: Translation): void {
    this.#post((words, at) => encodeEvent(t, words, at));
  }
}

/** Write the transaction itself into `t`. */
function fill(t: Translation, access: Access, updates: Updates): Translation {
  t.updates = updates;
  t.sid = access.sid >>> 0;
  t.ssv = access.ssid !== null;
  t.ssid = access.ssid ?? 0;
  t.iovaHi = high(access.iova) | 0;
  t.iovaLo = low(access.iova) | 0;
  t.write = access.write;
  t.privileged = access.privileged;
  t.instruction = access.instruction;
  return t;
}
