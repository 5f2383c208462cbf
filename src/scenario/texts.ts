/**
 * What is done with texts that somebody types or pastes. Long ones take long, so a page has it done beside itself; what
 * reads which kind of text is loaded when the first of its kind comes.
 */
import type { DecodeResult } from "../decode/decode.ts";
import type { Problem } from "../protocol/engine.ts";
import type { SessionDocument } from "../protocol/machine.ts";
import type { TextProblem, TextReading } from "./check_text.ts";
import type { KnownValues, TextCompletion } from "./complete_text.ts";
import type { StepChange } from "./edit_steps.ts";

export type { KnownValues, TextCompletion };

export interface Texts {
  /** What is found in a paste. */
  decode(text: string): Promise<DecodeResult>;
  /** What a scenario's text says, or what is wrong with it. */
  read(text: string): Promise<TextReading>;
  /** Where in a scenario's text the thing is that an engine refused to open. */
  place(text: string, problem: Problem): Promise<TextProblem>;
  /** A session as a scenario's text. */
  write(document: SessionDocument): Promise<string>;
  /** A scenario's text after a change of its steps. */
  change(text: string, change: StepChange): Promise<string>;
  /** What may stand at the character `caret` of a scenario's text. */
  complete(text: string, caret: number, known: KnownValues): Promise<TextCompletion[]>;
}

export const TEXTS: Texts = {
  decode: async (text) => (await import("../decode/decode.ts")).decode(text),
  read: async (text) => (await import("./check_text.ts")).readText(text),
  place: async (text, problem) => (await import("./check_text.ts")).placeProblem(text, problem),
  write: async (document) => (await import("./document.ts")).formatScenario(document),
  change: async (text, change) => (await import("./edit_steps.ts")).changeSteps(text, change),
  complete: async (text, caret, known) => (await import("./complete_text.ts")).completeText(text, caret, known),
};
