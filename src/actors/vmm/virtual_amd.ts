/**
 * The AMD IOMMU that a virtual machine sees: guest (version 2) tables alone, registers that the VMM answers, a command
 * buffer that it works off. 48882 §2.2.2, §2.4, §3.4.
 *
 * UNMODELLED: interrupt remapping; events, of which Linux 7.2 tells no VMM.
 */
import { CMD_BASE } from "../../arch/amdvi/buffer_registers.ts";
import { COMMAND_WORDS, COMPLETION_WAIT, commandOf, INVALIDATE_IOMMU_PAGES } from "../../arch/amdvi/commands.ts";
import { fieldValue } from "../../base/layout.ts";
import type { RegisterFile } from "../../engine/common/register_file.ts";
import { type AlignedRange, rangeOfAts } from "../../kernel/address_range.ts";
import { PageResponse } from "../../kernel/page_requests.ts";
import type { KernelMemory, RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import type { GuestFault } from "./fault_file.ts";
import { bindingOf, type DeviceBinding } from "./guest_device_table.ts";
import { GuestPprLog } from "./guest_ppr_log.ts";
import { consume, operandsOf } from "./guest_words.ts";
import { trappedPage } from "./trapped_page.ts";
import { type AmdOffer, virtualRegisters } from "./virtual_amd_registers.ts";
import type { WaitingRequests } from "./waiting_requests.ts";

/** What stands behind a virtual IOMMU. */
export interface AmdBackend {
  /** Requests of a device meet this now. */
  install(sid: number, binding: DeviceBinding): void;
  /** Cached translations of a range of a domain of the guest's are to go; null for all domains, and for all of one. */
  invalidate(domain: number | null, range: AlignedRange | null): void;
  /** The guest answers page requests; absent where devices have none. */
  readonly requests?: Pick<WaitingRequests, "answer">;
}

const PAGES = INVALIDATE_IOMMU_PAGES.f;
const COMMAND_BYTES = 4 * COMMAND_WORDS;
/** log2 of the entries of a command buffer. */
const LENGTHS = { least: 8, most: 15 };

export class VirtualAmd {
  /** The registers as the guest reaches them. */
  readonly pages: RegisterPages;
  readonly #file: RegisterFile;
  readonly #memory: KernelMemory;
  readonly #backend: AmdBackend;
  readonly #journal: Journal;
  readonly #sids: readonly number[];
  /** Null where no page requests are offered. */
  readonly #requests: GuestPprLog | null;
  /** CONTROL.IommuEn as devices meet it. */
  #enabled = false;
  /** A command that does not exist stopped the buffer, until it is switched off. */
  #stopped = false;

  /** @param sids DeviceIDs of the virtual machine's devices */
  constructor(offer: AmdOffer, sids: readonly number[], memory: KernelMemory, backend: AmdBackend, journal: Journal) {
    const file = virtualRegisters(offer);
    for (const word of [0, 1]) file.onWrite("CONTROL", word, () => this.#switched());
    file.onWrite("CMD_TAIL", 0, () => this.#consume());
    this.#file = file;
    this.#sids = sids;
    this.#memory = memory;
    this.#backend = backend;
    this.#journal = journal;
    this.#requests = backend.requests === undefined ? null : new GuestPprLog(file, memory, journal);
    this.pages = trappedPage("AMD IOMMU", file, journal);
  }

  /** Put a page request into the guest's log. @returns false when it was lost */
  pageRequest(request: GuestFault): boolean {
    return this.#requests?.put(request) ?? false;
  }

  /** CONTROL was written. */
  #switched(): void {
    this.#requests?.control();
    if (!this.#control("CmdBufEn")) this.#stopped = false;
    if (this.#control("IommuEn") !== this.#enabled) {
      this.#enabled = this.#control("IommuEn");
      this.#resync(null);
    }
    this.#run();
    this.#consume();
  }

  #control(field: string): boolean {
    return this.#file.get("CONTROL", field) === 1;
  }

  /** Say whether commands are processed. */
  #run(): void {
    this.#file.set("STATUS", "CmdBufRun", this.#enabled && this.#control("CmdBufEn") && !this.#stopped ? 1 : 0);
  }

  /** Read the device table anew: one device's entry, or all. */
  #resync(only: number | null): void {
    for (const sid of this.#sids) {
      if (only !== null && sid !== only) continue;
      this.#backend.install(sid, this.#enabled ? bindingOf(this.#file, this.#memory, sid) : "pass");
    }
  }

  /** Work off the buffer up to its tail, or to a command that does not exist (§2.4). */
  #consume(): void {
    const file = this.#file;
    const lengthLg2 = file.get("CMD_BASE", "ComLen");
    if (file.get("STATUS", "CmdBufRun") === 0 || lengthLg2 < LENGTHS.least || lengthLg2 > LENGTHS.most) return;
    const entries = 2 ** lengthLg2;
    const [head, tail] = [file.get("CMD_HEAD", "Ptr") % entries, file.get("CMD_TAIL", "Ptr") % entries];
    const base = Number(fieldValue(CMD_BASE, "ComBase", file.words, file.at("CMD_BASE")));
    const ring = { at: base, entries, recordBytes: COMMAND_BYTES };
    const count = (tail - head + entries) % entries;
    const done = consume(this.#memory, ring, head, count, (words) => this.#command(words));
    file.set("CMD_HEAD", "Ptr", (head + done) % entries);
    this.#stopped = done < count;
    this.#run();
  }

  /** @returns false for a command that there is not */
  #command(words: Uint32Array): boolean {
    const command = commandOf(words);
    if (command === undefined) return false;
    const operand = operandsOf(command.layout, words);
    switch (command.name) {
      case "COMPLETION_WAIT":
        this.#completed(words);
        return true;
      case "INVALIDATE_DEVTAB_ENTRY":
        this.#resync(operand("DeviceID"));
        return true;
      case "INVALIDATE_IOMMU_PAGES":
        this.#backend.invalidate(operand("DomainID"), rangeOfAts(operand("S"), PAGES.Address.address(words, 0)));
        return true;
      case "INVALIDATE_IOMMU_ALL":
        this.#resync(null);
        this.#backend.invalidate(null, null);
        return true;
      case "COMPLETE_PPR_REQUEST": {
        const pasid = operand("GN") === 1 ? operand("PASID") : null;
        const group = { sid: operand("DeviceID"), pasid, group: operand("PRGIndex") };
        this.#backend.requests?.answer(group, operand("ResponseCode") === PageResponse.Success);
        return true;
      }
      case "INVALIDATE_IOTLB_PAGES":
      case "INVALIDATE_INTERRUPT_TABLE":
      case "PREFETCH_IOMMU_PAGES":
        return true;
      default:
        return false;
    }
  }

  #completed(words: Uint32Array): void {
    const { S, I, StoreAddress, StoreData } = COMPLETION_WAIT.f;
    if (S.get(words, 0) === 1) {
      const to = StoreAddress.address(words, 0);
      this.#memory.write(to, StoreData.getHi(words, 0), StoreData.get(words, 0));
    }
    if (I.get(words, 0) !== 1) return;
    this.#file.set("STATUS", "ComWaitInt", 1);
    if (this.#control("ComWaitIntEn")) this.#journal.note("VMM", "interrupt", "the guest's commands are complete");
  }
}
