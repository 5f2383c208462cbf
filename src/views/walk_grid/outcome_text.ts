/**
 * What became of an access, in words: the consequence first, then the cause.
 */
import { WORDS } from "../../arch/words.ts";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";

export interface OutcomeText {
  readonly tone: "ok" | "fault" | "unknown";
  /** The consequence, without an address. */
  readonly title: string;
  /** The cause, and the section that says so; empty where there is none to give. */
  readonly cause: string;
  readonly section: string;
}

export function outcomeText({ arch, outcome }: Pick<WalkAnswer, "arch" | "outcome">): OutcomeText {
  const { reasons } = WORDS[arch];
  switch (outcome.type) {
    case "ok": {
      const how = outcome.bypass
        ? "The address passes unchanged."
        : `The mapping allows ${permissionText(outcome.permissions)} on ${sizeText(outcome.sizeLg2)}.`;
      return { tone: "ok", title: "The access goes through.", cause: how, section: "" };
    }
    case "fault": {
      const why = reasons[outcome.reason];
      return {
        tone: "fault",
        title: `${outcome.event.name} is recorded.`,
        cause: why?.text ?? "",
        section: why?.section ?? "",
      };
    }
    case "stalled": {
      const why = reasons[outcome.reason];
      return {
        tone: "fault",
        title: `${outcome.event.name} is recorded and the access waits for software.`,
        cause: why?.text ?? "",
        section: why?.section ?? "",
      };
    }
    case "interrupt":
      return { tone: "ok", title: "The write is taken as an interrupt message.", cause: outcome.what, section: "" };
    case "abort": {
      const why = reasons[outcome.reason];
      return {
        tone: "fault",
        title: "The access is aborted and nothing is recorded.",
        cause: why?.text ?? "",
        section: why?.section ?? "",
      };
    }
    case "unknown":
      return {
        tone: "unknown",
        title: "The outcome is not known.",
        cause: `The session does not hold the ${outcome.what} at PA 0x${outcome.pa.toString(16)}.`,
        section: "",
      };
  }
}
