// @vitest-environment happy-dom
import { render } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Hex } from "./Hex.tsx";

describe("Hex", () => {
  it.each([
    [0n, 1, "0x0", 0],
    [0x40806003n, 1, "0x40806003", 0],
    [0xc0808003n, 16, "0x00000000c0808003", 8],
    [0x11f80, 1, "0x11f80", 0],
    [0, 4, "0x0000", 3],
    [0xffff_ffff_ffff_f000n, 1, "0xfffffffffffff000", 0],
  ])("copies %s as plain digits, leading zeros dim", (value, digits, text, dim) => {
    const { container } = render(<Hex value={value} digits={digits} />);
    expect(container.textContent).toBe(text);
    const zeros = [...container.querySelectorAll("b .z")].map((e) => e.textContent).join("");
    expect(zeros).toBe("0".repeat(dim));
  });

  it("sets groups of four apart from the right", () => {
    const { container } = render(<Hex value={0x1_4080_6003n} />);
    expect([...container.querySelectorAll("b")].map((b) => b.textContent)).toEqual(["1", "4080", "6003"]);
  });
});
