// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NumberedText } from "./NumberedText.tsx";

afterEach(cleanup);

const field = (): HTMLTextAreaElement => screen.getByRole("textbox", { name: "Words" });
const shown = (text: string, onChange: (text: string) => void = () => {}) => (
  <NumberedText label="Words" text={text} lines={text.split("\n")} onChange={onChange} lineState={() => "none"} />
);

/** Keeps what is typed, as its users do, and lets `put` set another text. */
function Kept({ put }: { readonly put: string }) {
  const [text, setText] = useState("one");
  return (
    <>
      {shown(text, setText)}
      <button type="button" onClick={() => setText(put)}>
        Put
      </button>
    </>
  );
}

describe("numbered text", () => {
  it("has in its field what it is given, first and later", () => {
    const { rerender } = render(shown("one\ntwo"));
    expect(field().value).toBe("one\ntwo");
    rerender(shown("three"));
    expect(field().value).toBe("three");
    rerender(shown(""));
    expect(field().value).toBe("");
  });

  it("tells of what is typed, and does not set it again: the caret stays", () => {
    render(<Kept put="four" />);
    const set = vi.spyOn(field(), "value", "set");
    fireEvent.input(field(), { target: { value: "one two" } });
    expect(field().value).toBe("one two");
    expect(set).not.toHaveBeenCalled();
    fireEvent.click(screen.getByRole("button", { name: "Put" }));
    expect(set).toHaveBeenCalledOnce();
    expect(field().value).toBe("four");
  });

  it("goes back to the text before, when that is put after typing", () => {
    render(<Kept put="one" />);
    fireEvent.input(field(), { target: { value: "one two" } });
    fireEvent.click(screen.getByRole("button", { name: "Put" }));
    expect(field().value).toBe("one");
  });
});
