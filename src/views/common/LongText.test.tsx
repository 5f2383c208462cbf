// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LongText } from "./LongText.tsx";

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(340);
  vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(340);
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

describe("A long text", () => {
  it("has but the lines in view, and room for all", () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i}`);
    render(<LongText label="Words" lines={lines} />);
    const box = screen.getByRole("group", { name: "Words" });
    expect(screen.getByText("line 0")).toBeDefined();
    expect(box.querySelectorAll(".numbered-line").length).toBeLessThan(60);
    expect((box.firstElementChild as HTMLElement).style.height).toBe(`${100_000 * 17}px`);
  });

  it("cuts lines that are very long, and tells of lines that no box is high enough for", () => {
    const lines = Array.from({ length: 1_500_002 }, () => "");
    lines[0] = "x".repeat(5000);
    render(<LongText label="Words" lines={lines} />);
    expect(screen.getByText(/^x{4000}… and 1000 more characters$/)).toBeDefined();
    expect(screen.getByText(/^and 2 more lines$/)).toBeDefined();
  });
});
