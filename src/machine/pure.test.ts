import { afterEach, describe, expect, it, vi } from "vitest";
import { dependencies } from "../../package.json";
import { World } from "../engine/smmuv3/testing/world.ts";
import { documentOf } from "./testing/documents.ts";

/** Every package the product depends on: none of them may be needed to run a session. */
const PACKAGES = Object.keys(dependencies);
const REPLACED = [...PACKAGES, "react-dom/client", "react/jsx-runtime"];

const load = async () => {
  for (const name of REPLACED) {
    vi.doMock(name, () => {
      throw new Error(`${name} was loaded`);
    });
  }
  vi.resetModules();
  const [{ Session }, { SMMUV3 }] = await Promise.all([import("./session.ts"), import("./smmuv3/architecture.ts")]);
  return { Session, SMMUV3 };
};

afterEach(() => {
  vi.unstubAllGlobals();
  // Other files may run in this process.
  for (const name of REPLACED) vi.doUnmock(name);
  vi.resetModules();
});

describe("a session in bare Node", () => {
  it("has nothing of a browser around it", () => {
    expect([typeof window, typeof document]).toEqual(["undefined", "undefined"]);
    expect(PACKAGES).toEqual(expect.arrayContaining(["react", "react-dom", "comlink", "zustand"]));
    expect(PACKAGES.some((name) => name.startsWith("d3-"))).toBe(true);
  });

  it("loads and works with every package replaced by one that throws", async () => {
    const { Session, SMMUV3 } = await load();
    await expect(import("react")).rejects.toThrow("mocking");
    await expect(import("comlink")).rejects.toThrow("mocking");
    const world = new World();
    world.ste(1, { V: 1, Config: 4 });
    // Neither timers nor a clock, output or the network.
    for (const name of ["setTimeout", "queueMicrotask", "performance", "console", "fetch", "structuredClone"]) {
      vi.stubGlobal(name, undefined);
    }
    vi.stubGlobal("Date", undefined);
    const opened = Session.open(documentOf(world), SMMUV3);
    const session = opened.ok ? opened.value : null;
    const access = { sid: 1, ssid: null, iova: 0x1234n, write: false, privileged: false, instruction: false };
    const outcome = session?.walk(access).outcome;
    const edited = session?.apply({ do: "toggle", at: 0x1000_0040n, bit: 0 });
    const back = session?.seek(0);
    const shared = session?.share(access);
    vi.unstubAllGlobals();
    expect(outcome).toMatchObject({ type: "ok", pa: 0x1234n, bypass: true });
    expect([edited?.ok, back?.ok, shared?.ok]).toEqual([true, true, true]);
  });
});
