/**
 * Changes to the open session. Each is an action of its log; going back is a seek, and nothing is ever undone by hand.
 */
import type { Result, SessionSummary, StructureAnswer } from "../protocol/engine.ts";
import type { Action } from "../protocol/machine.ts";
import type { Watch } from "../protocol/watch.ts";
import type { Core } from "./core.ts";
import { STOPPED } from "./engine_client.ts";
import { accessOf } from "./first_choice.ts";
import type { AppActions, AppState } from "./state.ts";
import type { Turns } from "./turns.ts";
import type { WalkControl } from "./walk_slice.ts";
import { tellHalt } from "./watch_slice.ts";

type EditActions = Pick<AppActions, "act" | "actAll" | "toggleBit" | "writeField" | "writeWords" | "seek" | "runTo">;

export function editSlice(core: Core, walk: WalkControl, turns: Turns): EditActions {
  const { get, set, engine } = core;
  /** Where the newest seek goes; those before it that have not begun go nowhere. */
  let target: number | null = null;
  /** Whether answers for the state of now were not asked for. */
  let owed = false;

  async function settle(answer: Result<SessionSummary> | typeof STOPPED): Promise<void> {
    if (answer === STOPPED) return;
    if (!answer.ok) {
      get().notify({ tone: "fault", ...answer.error });
      return;
    }
    set({ summary: answer.value, share: { state: "closed" }, ...told(answer.value, get()) });
    // What belongs to a step that is left again at once is not worth asking for.
    owed = target !== null;
    if (!owed) await walk.refresh();
  }

  const apply = async (action: Action): Promise<void> =>
    settle(await engine.ask("an edit", (api) => api.apply(action)));

  function go(step: number, watches: readonly Watch[]): Promise<void> {
    target = step;
    return turns.take(async () => {
      await get().pauseLive();
      const { summary } = get();
      if (target === null || summary === null) return;
      const to = Math.max(0, Math.min(target, summary.actions.length));
      target = null;
      if (to !== summary.step) {
        const answer = await engine.ask("a seek", (api) => api.seek(to, watches));
        await settle(answer);
        if (answer !== STOPPED && answer.ok) tellHalt(core, answer.value);
      } else if (owed) {
        owed = false;
        await walk.refresh();
      }
    });
  }

  /** Write the 64-bit words of the inspected structure in which `next` differs from what stands there. */
  async function write(change: (words: Uint32Array) => Uint32Array | null): Promise<void> {
    const shown = get().structureAnswer;
    if (shown === null || shown.words === null) return;
    const next = change(shown.words.slice());
    const action = next === null ? null : difference(shown, shown.words, next);
    if (action !== null) await apply(action);
  }

  return {
    act: (action) => turns.take(() => apply(action)),
    actAll: (actions) =>
      turns.take(async () => settle(await engine.ask("a change of several actions", (api) => api.applyAll(actions)))),
    toggleBit: (bit) =>
      turns.take(async () => {
        const { structure } = get();
        if (structure === null) return;
        await apply({ do: "toggle", at: structure.pa + 8n * BigInt(bit >> 6), bit: bit & 63 });
      }),
    writeField: (field, value) =>
      turns.take(() =>
        write((words) => {
          const raw = field.form === "address" ? value >> BigInt(field.lo & 63) : value;
          for (let bit = field.lo; bit <= field.hi; bit++) setBit(words, bit, (raw >> BigInt(bit - field.lo)) & 1n);
          return words;
        }),
      ),
    writeWords: (next) => turns.take(() => write((words) => (next.length === words.length ? next : null))),
    seek: (step) => go(step, []),
    runTo: (step) => go(step, get().watches),
  };
}

/** In a session with notes the walk is the one that the newest action made, for that is what its reader is told of. */
function told({ notes, actions, step }: SessionSummary, { stream }: AppState): Partial<AppState> {
  const newest = actions[step - 1];
  const access = notes.length === 0 || newest === undefined ? null : accessOf(newest);
  if (access === null) return { made: false };
  const { sid, ssid } = access;
  const same = stream?.sid === sid && stream.ssid === ssid;
  return { access, made: true, ...(same ? {} : { stream: { sid, ssid }, leaves: null }) };
}

function setBit(words: Uint32Array, bit: number, value: bigint): void {
  const word = bit >> 5;
  const mask = 1 << (bit & 31);
  words[word] = value === 1n ? words[word]! | mask : words[word]! & ~mask;
}

/** The smallest action that turns `was` into `next`: a flipped bit, or a write of the 64-bit words that differ. */
function difference(shown: StructureAnswer, was: Uint32Array, next: Uint32Array): Action | null {
  const differing = [...was.keys()].filter((i) => was[i] !== next[i]);
  const first = differing[0];
  const final = differing.at(-1);
  if (first === undefined || final === undefined) return null;
  const flipped = (was[first]! ^ next[first]!) >>> 0;
  if (first === final && (flipped & (flipped - 1)) === 0) {
    const bit = 31 - Math.clz32(flipped) + 32 * (first & 1);
    return { do: "toggle", at: shown.query.pa + 8n * BigInt(first >> 1), bit };
  }
  const from = first & ~1;
  const bytes = new Uint8Array((((final | 1) - from + 1) * 4) | 0);
  const view = new DataView(bytes.buffer);
  for (let i = from; i < from + bytes.length / 4; i++) view.setUint32((i - from) * 4, next[i]!, true);
  return { do: "write", at: shown.query.pa + 4n * BigInt(from), bytes };
}
