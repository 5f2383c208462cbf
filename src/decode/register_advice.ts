/**
 * Advice on a register by what it holds, as a list of rules that each architecture has of its own.
 */
import type { Layout } from "../base/layout.ts";
import { fieldReader } from "./printed_fields.ts";
import type { Advice } from "./statement.ts";

/** When a register's contents are worth a word. */
export interface RegisterRule {
  readonly register: string;
  readonly when: (field: (name: string) => bigint) => boolean;
  readonly advice: Advice;
}

/**
 * Advice of the first rule that holds; null where none does.
 * @param contentsOf a register's value; null for one that was not printed
 */
export function ruleFor(
  rules: readonly RegisterRule[],
  layoutOf: (register: string) => Layout | null | undefined,
  contentsOf: (register: string) => bigint | null,
): Advice | null {
  const rule = rules.find(({ register, when }) => {
    const layout = layoutOf(register);
    const value = contentsOf(register);
    return layout != null && value !== null && when(fieldReader(layout, [value]));
  });
  return rule?.advice ?? null;
}
