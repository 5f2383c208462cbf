// @vitest-environment happy-dom
/** The drawing panes over the real engine, in one thread, with the capture that ships. */
import { readFileSync } from "node:fs";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EngineClient } from "../../app/engine_client.ts";
import { createAppStore } from "../../app/store.ts";
import { createEngine } from "../../worker/engine_api.ts";
import { AppContext } from "../common/use_app.ts";
import { Events } from "../events/Events.tsx";
import { Inspector } from "../inspector/Inspector.tsx";
import { TableMaps } from "../table_map/TableMaps.tsx";
import { WalkGrid } from "./WalkGrid.tsx";

/** From the repository's root, where tests run. */
const FOLDER = "public/captures/smmuv3-iommufd-nested";
const FILES = ["capture.json", "memory.bin"].map((name) => ({
  name,
  bytes: new Uint8Array(readFileSync(`${FOLDER}/${name}`)),
}));

async function open(panes: React.ReactNode) {
  const engine = new EngineClient(() => ({
    api: createEngine(),
    callback: (f) => f,
    onStopped: () => {},
    end: () => {},
  }));
  const settings = { get: () => null, set: () => {}, forget: () => {} };
  const store = createAppStore({
    engine,
    settings,
    openShipped: (report) => engine.ask("opening files", (api) => api.openFiles(FILES, report)),
    address: { withFragment: (f) => `https://here/#${f}`, clearFragment: () => {}, visit: () => {} },
    every: () => () => {},
  });
  render(<AppContext value={{ store, engine, settings }}>{panes}</AppContext>);
  await store.getState().start("");
  await waitFor(() => expect(store.getState().walk).not.toBeNull());
  return store;
}

// The real engine over a whole capture takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => {
  // The DOM here lays nothing out: every pane is 900 by 500 px.
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(900);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(500);
});
afterEach(cleanup);

const cell = (record: number): Element => document.querySelector(`.nw-walk .cell[data-record="${record}"]`)!;

describe("the walk pane", () => {
  it("draws the shipped walk with its outcome, formula and a table for readers", async () => {
    await open(<WalkGrid />);
    await waitFor(() => expect(document.querySelectorAll(".nw-walk .grid-row")).toHaveLength(5));
    expect(screen.getByText("The read goes through.")).toBeTruthy();
    expect(screen.getByText("(4 + 1) × (4 + 1) − 1 = 24")).toBeTruthy();
    // Seven accesses to configuration, 24 to tables, and the head.
    expect(within(screen.getByRole("table")).getAllByRole("row")).toHaveLength(32);
  });

  it("selects by click and by keyboard, and steps by double click", async () => {
    const store = await open(<WalkGrid />);
    await waitFor(() => expect(cell(8)).toBeTruthy());
    fireEvent.click(cell(8));
    expect(store.getState().selected).toBe(8);
    const grid = screen.getByRole("group", { name: /Grid of accesses/ });
    fireEvent.keyDown(grid, { key: "ArrowRight" });
    fireEvent.keyDown(grid, { key: "Enter" });
    expect(store.getState().selected).toBe(9);
    expect(store.getState().shown).toBe(store.getState().walk!.trace.length / 16);
    fireEvent.click(cell(9), { detail: 2 });
    expect(store.getState().shown).toBe(10);
  });
});

describe("the inspector", () => {
  it("toggles a bit of a descriptor; the walk stops, the bit is marked, and taking back undoes it", async () => {
    const store = await open([<WalkGrid key="walk" />, <Inspector key="inspector" />]);
    const level2 = store.getState().walk!.counts.config + 14;
    store.getState().select(level2);
    const bit = await screen.findByRole("button", { name: "Bit 31, NLTA" });
    expect(bit.getAttribute("aria-pressed")).toBe("false");
    fireEvent.click(bit);
    await waitFor(() => expect(store.getState().walk!.outcome.type).toBe("fault"));
    await waitFor(() => expect(screen.getByRole("button", { name: "Bit 31, NLTA" }).dataset.edited).toBe("true"));
    expect(screen.getByText("F_TRANSLATION is recorded.")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Take back action 1" }));
    await waitFor(() => expect(store.getState().walk!.outcome.type).toBe("ok"));
  });

  it("writes a typed value, and says what is wrong with one that does not fit", async () => {
    const store = await open(<Inspector />);
    store.getState().select(1);
    await screen.findByText("Word 0");
    fireEvent.click(await screen.findByRole("button", { name: /^Edit Config, now/ }));
    const box = screen.getByRole("textbox", { name: "New value of Config" });
    fireEvent.change(box, { target: { value: "0x9" } });
    expect(screen.getByRole("status").textContent).toContain("3 bits");
    fireEvent.keyDown(box, { key: "Enter" });
    expect(store.getState().summary!.actions).toHaveLength(0);
    fireEvent.change(box, { target: { value: "0b100" } });
    fireEvent.keyDown(box, { key: "Enter" });
    await waitFor(() => expect(store.getState().walk!.outcome).toMatchObject({ type: "ok", bypass: true }));
  });

  it("folds words of zeros until asked", async () => {
    const store = await open(<Inspector />);
    store.getState().select(1);
    const zero = await screen.findByRole("button", { name: /Word 7.*zero/ });
    expect(zero.getAttribute("aria-expanded")).toBe("false");
    expect(screen.queryByRole("button", { name: "Bit 511, S2POI15" })).toBeNull();
    fireEvent.click(zero);
    expect(screen.getByRole("button", { name: "Bit 511, S2POI15" })).toBeTruthy();
  });
});

describe("the events pane", () => {
  it("chooses the access of a recorded event and compares the record with the model's", async () => {
    const store = await open(<Events />);
    const rows = await screen.findAllByRole("option", { name: /F_TRANSLATION/ });
    const tableFault = rows.find((r) => r.textContent.includes("TT"))!;
    fireEvent.click(tableFault);
    await waitFor(() => expect(store.getState().access!.iova).toBe(0x9600_0000_0000n));
    await screen.findByText(/The model writes/);
    expect(screen.getByRole("heading", { name: "F_TRANSLATION" })).toBeTruthy();
    expect(screen.getByText("Order of checks")).toBeTruthy();
  });
});

describe("table maps", () => {
  it("has a map for each stage, and walks to the leaf that Enter chooses", async () => {
    const store = await open(<TableMaps />);
    const plot = await screen.findByRole("group", { name: /Tables of stage 1/ });
    await screen.findByRole("group", { name: /Tables of stage 2/ });
    const before = store.getState().access!.iova;
    fireEvent.keyDown(plot, { key: "Home" });
    // The root's last table leads to the highest page.
    fireEvent.keyDown(plot, { key: "ArrowDown" });
    for (let i = 0; i < 5; i++) fireEvent.keyDown(plot, { key: "ArrowRight" });
    for (let i = 0; i < 4; i++) fireEvent.keyDown(plot, { key: "ArrowDown" });
    fireEvent.keyDown(plot, { key: "Enter" });
    await waitFor(() => expect(store.getState().access!.iova).not.toBe(before));
    expect(store.getState().access!.iova).toBe(0xffff_ffff_f000n);
  });
});
