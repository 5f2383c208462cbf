/** A box for a filter of rows, which completes the names and values of its fields. */
import { completions } from "../../app/filter/completion.ts";
import type { Filter, FilterField } from "../../app/filter/filter.ts";
import { CompletionBox } from "./CompletionBox.tsx";

interface FilterBoxProps<Row> {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly text: string;
  readonly fields: readonly FilterField<Row>[];
  readonly filter: Filter<Row>;
  readonly onText: (text: string) => void;
}

export function FilterBox<Row>({ fields, filter, ...box }: FilterBoxProps<Row>) {
  return (
    <CompletionBox
      {...box}
      why={filter.ok ? null : filter.why}
      offer={(text, caret) => completions(text, caret, fields)}
    />
  );
}
