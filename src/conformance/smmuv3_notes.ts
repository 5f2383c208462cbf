/**
 * Notes of vector cases whose recorder departs from the specification. A note such as
 * `[s2-concatenation] step 11: spec:pa oracle:F_TRANSLATION s2 class2` names the answer the specification asks for at
 * one step; its form is fixed enough to be compared with the model's.
 */
import { eventByNumber } from "../arch/smmuv3/events.ts";

/** The specification's answer to the transaction of a step (counted from 0), in the words of {@link outcomeText}. */
export interface SpecificationAnswer {
  readonly step: number;
  readonly answer: string;
}

const ANSWER = /step (\d+): spec:(pa|no event|[A-Z][A-Z_]+)(?: \([A-Z_]+\))?(?: (s[12] class[0-3]))?/g;

/** Events whose record tells stage and class (IHI 0070 §7.3.12 to §7.3.16). */
const TELLS_STAGE = new Set(["F_WALK_EABT", "F_TRANSLATION", "F_ADDR_SIZE", "F_ACCESS", "F_PERMISSION"]);

/** Every answer of the specification that notes name. */
export function specificationAnswers(notes: string): SpecificationAnswer[] {
  return [...notes.matchAll(ANSWER)].map(([, step, name, where]) => ({
    step: Number(step),
    answer: TELLS_STAGE.has(name!) && where !== undefined ? `${name} ${where}` : name!,
  }));
}

/** An outcome: `pa`, `no event`, or the event's name with stage and class where its record tells them. */
export function outcomeText(passed: boolean, records: readonly Uint8Array[]): string {
  if (passed) return "pa";
  const [record] = records;
  if (record === undefined) return "no event";
  const name = eventByNumber(record[0]!)?.name ?? "reserved event";
  return TELLS_STAGE.has(name) ? `${name} s${(record[12]! & 0x80) === 0 ? 1 : 2} class${record[13]! & 3}` : name;
}
