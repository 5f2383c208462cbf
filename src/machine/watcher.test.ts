import { describe, expect, it } from "vitest";
import { type Action, ARCHES, type Arch } from "../protocol/machine.ts";
import { Session } from "./session.ts";
import { WORLDS } from "./testing/worlds.ts";
import { loadArchitecture } from "./units.ts";

async function open(arch: Arch) {
  const world = WORLDS[arch](1);
  const document = { title: "", about: "", recorded: { accesses: [], events: [] } };
  const opened = Session.open({ ...document, machine: world.machine, actions: [] }, await loadArchitecture(arch));
  if (!opened.ok) throw new Error(opened.error.detail);
  return { session: opened.value, world };
}

describe.each(ARCHES)("watches, %s", (arch) => {
  it("stop a run at the action that changes memory, and only where it does change", async () => {
    const { session, world } = await open(arch);
    const at = world.entry() & ~7n;
    const elsewhere = at ^ 0x800n;
    const toggle = (where: bigint): Action => ({ do: "toggle", at: where, bit: 5 });
    session.applyAll([toggle(elsewhere), toggle(at), toggle(elsewhere), toggle(at)]);
    session.seek(0);
    const watch = { on: "memory", from: at + 3n, to: at + 8n, label: "" } as const;
    const run = () => session.seek(4, [watch]);
    const first = run();
    expect(first).toMatchObject({ ok: true, value: { step: 2, halt: { watch } } });
    if (!first.ok) throw new Error("refused");
    expect(first.value.halt!.why).toMatch(new RegExp(`at PA 0x${at.toString(16)}\\.$`));
    expect(run()).toMatchObject({ ok: true, value: { step: 4 } });
    expect(session.seek(0, [watch])).toMatchObject({ ok: true, value: { step: 0 } });
    expect(session.seek(1, [watch])).not.toHaveProperty("value.halt");
  });

  it("stop actions as they are made at the first record, which is named", async () => {
    const { session, world } = await open(arch);
    const accesses = Array.from({ length: 200 }, () => world.access());
    const strays = accesses.map(
      (access): Action => ({ do: "dma", ...access, iova: access.iova ^ (1n << 45n), length: 4 }),
    );
    const made = session.applyAll(strays, [{ on: "event", name: "" }]);
    if (!made.ok) throw new Error(made.error.detail);
    const { halt, step, actionCount } = made.value;
    expect([step, actionCount]).toEqual([step, step]);
    const { rows } = session.log(0, step);
    expect(rows.map(({ records }) => records > 0)).toEqual(rows.map((_, i) => i === step - 1));
    const name = session.events().at(-1)!.name;
    expect(halt!.why).toBe(`${name} was recorded.`);
    session.seek(0);
    expect(session.seek(step, [{ on: "event", name: "no such record" }])).toMatchObject({ value: { step } });
    session.seek(0);
    expect(session.seek(step, [{ on: "event", name }])).toMatchObject({ value: { step, halt: { watch: { name } } } });
  });
});
