/** A filter's text as terms with their places, so that a message and a completion can point at them. */

/** One term. */
export interface Token {
  /** Characters [from, to) of the text. */
  readonly from: number;
  readonly to: number;
  readonly denied: boolean;
  /** The field, or the word of a term without an operator. */
  readonly text: string;
  readonly operator: string | null;
  /** What follows the operator, without quotes. */
  readonly value: string;
  /** Where the value begins in the text; the end of the term where there is no operator. */
  readonly valueFrom: number;
}

/** A term: any run without spaces outside of quotes. */
const TERM = /(?:"[^"]*"?|[^\s"])+/g;
const PARTS = /^(-?)([^=!<>~"]*)(!=|<=|>=|=|<|>|~)?([\s\S]*)$/;

export function tokens(text: string): Token[] {
  return [...text.matchAll(TERM)].map(({ 0: term, index: from }): Token => {
    const [, minus = "", name = "", operator = "", rest = ""] = PARTS.exec(term) ?? [];
    const to = from + term.length;
    // Without an operator the whole of it is a word, which may be quoted.
    if (operator === "") {
      const word = unquoted(`${name}${rest}`);
      return { from, to, denied: minus !== "", text: word, operator: null, value: "", valueFrom: to };
    }
    const valueFrom = to - rest.length;
    return { from, to, denied: minus !== "", text: name, operator, value: unquoted(rest), valueFrom };
  });
}

const unquoted = (text: string): string => text.replaceAll('"', "");
