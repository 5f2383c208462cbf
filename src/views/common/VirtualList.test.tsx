// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { VirtualList } from "./VirtualList.tsx";

const HEIGHT = 220;

beforeEach(() => {
  // The DOM here lays nothing out: the list is 220 px high.
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(HEIGHT);
  vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(200);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(HEIGHT);
  vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockReturnValue(100_000 * 22);
});
afterEach(cleanup);

function show(chosen: number, onChoose = vi.fn<(row: number) => void>()) {
  const list = (
    <VirtualList
      label="Numbers"
      count={100_000}
      chosen={chosen}
      reveal={null}
      columns="1fr"
      onChoose={onChoose}
      row={(i) => `row ${i}`}
    />
  );
  render(list);
  return { onChoose, list: screen.getByRole("listbox", { name: "Numbers" }) };
}

const shown = (): number[] => screen.getAllByRole("option").map((o) => Number(o.getAttribute("aria-posinset")) - 1);

describe("VirtualList", () => {
  it("draws the rows in view and a few beyond, of 10^5", () => {
    const { list } = show(-1);
    expect(shown().length).toBeLessThan(40);
    expect(shown()[0]).toBe(0);
    list.scrollTop = 50_000 * 22;
    fireEvent.scroll(list);
    expect(shown()).toContain(50_000);
    expect(shown()).toContain(50_009);
    expect(shown().length).toBeLessThan(50);
  });

  it("brings the chosen row to the middle, by whole rows", () => {
    const { list } = show(90_000);
    fireEvent.scroll(list);
    expect(list.scrollTop).toBe((90_000 - Math.floor(HEIGHT / 22 / 2)) * 22);
    expect(screen.getByRole("option", { selected: true }).textContent).toBe("row 90000");
  });

  it("moves by keys and chooses with Enter", () => {
    const { list, onChoose } = show(3);
    const active = (): string | null => {
      const id = list.getAttribute("aria-activedescendant");
      return id === null ? null : (document.getElementById(id)?.textContent ?? null);
    };
    expect(active()).toBe("row 3");
    fireEvent.keyDown(list, { key: "ArrowDown" });
    fireEvent.keyDown(list, { key: "PageDown" });
    expect(active()).toBe("row 13");
    fireEvent.keyDown(list, { key: "End" });
    fireEvent.scroll(list);
    expect(active()).toBe("row 99999");
    fireEvent.keyDown(list, { key: "ArrowDown" });
    expect(active()).toBe("row 99999");
    fireEvent.keyDown(list, { key: "Enter" });
    expect(onChoose).toHaveBeenCalledExactlyOnceWith(99_999);
  });
});
