// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Part, Split } from "./Split.tsx";

/** The whole is 1,000 px wide; nothing is laid out here, so a part is as wide as its style says. */
const WHOLE = 1000;

beforeEach(() => {
  localStorage.clear();
  vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockImplementation(function (this: HTMLElement) {
    const own = Number(/^0 1 ([\d.]+)px/.exec(this.style.flex)?.[1] ?? Number.NaN);
    const parts = [...(this.parentElement?.querySelectorAll<HTMLElement>(":scope > .wb-part") ?? [])];
    const sized = parts.reduce((sum, p) => sum + Number(/^0 1 ([\d.]+)px/.exec(p.style.flex)?.[1] ?? 0), 0);
    return { width: Number.isNaN(own) ? WHOLE - sized : own } as DOMRect;
  });
});
afterEach(cleanup);

function show() {
  const split = (
    <Split id="test" direction="horizontal">
      <Part id="left" name="the lists" size={200} least={150}>
        left
      </Part>
      <Part id="middle" name="the walk" least={300}>
        middle
      </Part>
      <Part id="right" name="the inspector" size={250} least={200}>
        right
      </Part>
    </Split>
  );
  return render(split);
}

const width = (text: string): string => screen.getByText(text).style.flex;
const line = (name: string): HTMLElement => screen.getByRole("separator", { name });

describe("A split", () => {
  it("moves a line with the arrow keys, whichever side has the size", () => {
    show();
    fireEvent.keyDown(line("Border between the lists and the walk"), { key: "ArrowRight" });
    expect(width("left")).toBe("0 1 216px");
    fireEvent.keyDown(line("Border between the walk and the inspector"), { key: "ArrowRight" });
    expect(width("right")).toBe("0 1 234px");
  });

  it("keeps every part at its least size", () => {
    show();
    const left = line("Border between the lists and the walk");
    for (let i = 0; i < 10; i++) fireEvent.keyDown(left, { key: "ArrowLeft" });
    expect(width("left")).toBe("0 1 150px");
    for (let i = 0; i < 60; i++) fireEvent.keyDown(left, { key: "ArrowRight" });
    expect(width("left")).toBe(`0 1 ${WHOLE - 250 - 300}px`);
  });

  it("follows the pointer while it is held", () => {
    show();
    const right = line("Border between the walk and the inspector");
    right.setPointerCapture = () => {};
    fireEvent.pointerMove(right, { clientX: 700 });
    expect(width("right")).toBe("0 1 250px");
    fireEvent.pointerDown(right, { clientX: 750 });
    fireEvent.pointerMove(right, { clientX: 720 });
    fireEvent.pointerMove(right, { clientX: 710 });
    expect(width("right")).toBe("0 1 290px");
    fireEvent.pointerUp(right);
    fireEvent.pointerMove(right, { clientX: 500 });
    expect(width("right")).toBe("0 1 290px");
  });

  it("remembers sizes, and forgets them on a double click", () => {
    show();
    fireEvent.keyDown(line("Border between the lists and the walk"), { key: "ArrowRight" });
    cleanup();
    show();
    expect(width("left")).toBe("0 1 216px");
    fireEvent.doubleClick(line("Border between the lists and the walk"));
    expect(width("left")).toBe("0 1 200px");
  });

  it("takes no notice of anything else that is kept under its name", () => {
    for (const kept of ["nonsense", "[]", "null", '{"left":"wide"}', '{"left":-5}', '{"left":1e9}']) {
      localStorage.setItem("nestwalk.panes.test", kept);
      show();
      expect(width("left")).toBe("0 1 200px");
      cleanup();
    }
  });
});
