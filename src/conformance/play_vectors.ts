/** Plays `iommu-vectors/1` files through a machine's registers, memory and transactions. */
import { Machine } from "../machine/machine.ts";
import type { Architecture } from "../machine/unit.ts";
import type { Arch } from "../protocol/machine.ts";
import { playAts, playPageRequest, playResponses } from "./play_ats.ts";
import { playRecords } from "./play_records.ts";
import { playResolved, playStag } from "./play_stalls.ts";
import { playTransfer } from "./play_transfer.ts";
import { type CaseResult, type FileReport, ReportBuilder, unreadable } from "./report.ts";
import { outcomeText, specificationAnswers } from "./smmuv3_notes.ts";
import { hex, hexBytes } from "./text.ts";
import { optionsOf } from "./unit_options.ts";
import { needs } from "./unplayed.ts";
import { Malformed, readVectorCase, readVectorFile, type Step, type VectorCase, type VectorFile } from "./vectors.ts";

/** Tags that take a case out of the count, the weightier first. */
const APART = ["oracle-quirk", "impl-cache"];

/** Architectures whose notes name the specification's answers in a form that can be compared. */
const NOTED: ReadonlySet<Arch> = new Set(["smmuv3"]);

/** A case under way. */
class Player {
  readonly #machine: Machine;
  readonly #tags: readonly string[];
  #afterTransfer = false;

  constructor(file: VectorFile, c: VectorCase, architecture: Architecture) {
    this.#tags = c.tags;
    this.#machine = new Machine(
      {
        arch: architecture.arch,
        registers: c.caps,
        memory: { outside: "abort", zero: file.ram, segments: [] },
        devices: [],
        options: optionsOf(architecture.arch, c.tags),
      },
      architecture.make,
    );
  }

  /** Records posted since the last such call or step. */
  takeRecords(): Uint8Array[] {
    return this.#machine.unit.takeRecords();
  }

  /** Whether the access of a step would pass now. */
  passes({ dma }: Step & { type: "dma" }): boolean {
    return this.#machine.unit.reach(dma).end === "ok";
  }

  /** Play one step; the difference, or null when it agrees. */
  play(step: Step): string | null {
    const machine = this.#machine;
    const { unit } = machine;
    switch (step.type) {
      case "mem": {
        const refused = step.writes.find(([at, bytes]) => !machine.writeMemory(at, bytes));
        return refused === undefined ? null : `memory at ${hex(refused[0])} could not be written`;
      }
      case "write":
        unit.write(step.register.offset, step.register.value, step.register.width);
        return null;
      case "read": {
        const { name, offset, value, width } = step.register;
        const got = unit.read(offset, width);
        return (got & step.mask) === (value & step.mask) ? null : `${name}: expected ${hex(value)}; got ${hex(got)}`;
      }
      case "events": {
        const after = this.#afterTransfer;
        this.#afterTransfer = false;
        return playRecords(unit, step, this.#tags, after);
      }
      case "peek": {
        const got = machine.readMemory(step.at, step.bytes.length);
        const read = got === null ? "nothing" : hexBytes(got);
        if (read === hexBytes(step.bytes)) return null;
        return `memory at ${hex(step.at)}: expected ${hexBytes(step.bytes)}; got ${read}`;
      }
      case "dma":
        this.#afterTransfer = true;
        return step.dma.ats === null ? playTransfer(machine, step) : this.#playMessage(step);
      case "stag":
        return playStag(machine, step);
      case "resolved":
        return playResolved(machine, step);
      case "pri":
      case "responses":
        return this.#playMessage(step);
      case "other":
        return `the step ${step.key} is not known`;
    }
  }

  /** A step that is a message of a PCIe device, or asks for messages to one. */
  #playMessage(step: Step & { type: "dma" | "pri" | "responses" }): string | null {
    const { pcie } = this.#machine.unit;
    if (pcie === undefined) return "the unit has no ATS";
    if (step.type === "dma") return playAts(pcie, step.dma, step.expect);
    if (step.type === "pri") return playPageRequest(pcie, step.request, step.expect);
    return playResponses(pcie, step.responses);
  }
}

/** Play one case on a machine of its own, from reset. */
function playCase(file: VectorFile, c: VectorCase, architecture: Architecture): CaseResult {
  const reason = needs(c);
  if (reason !== null) return { type: "not played", reason };
  const player = new Player(file, c, architecture);
  for (const [i, step] of c.steps.entries()) {
    const difference = player.play(step);
    if (difference !== null) return { type: "failed", difference: `step ${i}: ${difference}` };
  }
  return { type: "passed" };
}

/** What the notes of a departing case say the specification answers, compared with the model: a line each that differs. */
function playNotes(file: VectorFile, c: VectorCase, architecture: Architecture): (string | null)[] {
  const answers = specificationAnswers(c.notes);
  if (answers.length === 0) return [];
  const player = new Player(file, c, architecture);
  const outcomes = new Map<number, string>();
  for (const [i, step] of c.steps.entries()) {
    player.play(step);
    if (step.type === "dma") outcomes.set(i, outcomeText(player.passes(step), player.takeRecords()));
  }
  return answers.map(({ step, answer }) => {
    const got = outcomes.get(step);
    return got === answer ? null : `${c.name}, step ${step}: the notes say ${answer}; got ${got ?? "nothing"}`;
  });
}

/** Play a whole file. @param architecture of the file, or null where it is not modelled */
export function playVectors(json: unknown, name: string, architecture: Architecture | null): FileReport {
  const report = new ReportBuilder(name);
  try {
    const file = readVectorFile(json);
    if (architecture === null) {
      const reason = `${file.arch} is not modelled`;
      for (const _ of file.cases) report.add("", { type: "not played", reason });
      return report.report();
    }
    for (const raw of file.cases) {
      const c = readVectorCase(raw);
      const result = playCase(file, c, architecture);
      report.add(c.name, result, APART.find((tag) => c.tags.includes(tag)) ?? null);
      if (result.type === "not played" || !NOTED.has(architecture.arch)) continue;
      for (const difference of playNotes(file, c, architecture))
        report.aside("answers that notes ascribe to the specification", difference);
    }
    return report.report();
  } catch (error) {
    if (error instanceof Malformed) return unreadable(name, error.message);
    throw error;
  }
}
