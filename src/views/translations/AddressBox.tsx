/** The address to walk, and what kind of access it is. */
import { useId, useState } from "react";
import { readAddress } from "../../app/address_input.ts";
import { Button } from "../common/Button.tsx";
import { Tooltip } from "../common/Tooltip.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";

type Switch = "write" | "privileged" | "instruction";

/** What was typed, and the address of the walk that it stands for. */
interface Typed {
  readonly text: string;
  readonly iova: bigint | undefined;
}

/** The key handler finds the box by this. */
export const ADDRESS_BOX_ID = "nw-address";

export function AddressBox() {
  const access = useApp((app) => app.access);
  const stream = useApp((app) => app.stream);
  const choose = useApp((app) => app.chooseAccess);
  const now = useAppNow();
  const hint = useId();
  const [typed, setTyped] = useState<Typed>({ text: "", iova: undefined });
  const iova = access?.iova;
  // An address that was chosen elsewhere takes the place of what was typed for another one.
  const text = typed.iova === iova || iova === undefined ? typed.text : `0x${iova.toString(16)}`;
  const read = readAddress(text);

  function onType(next: string): void {
    const address = readAddress(next);
    const { stream: chosen, access: before } = now();
    const walk = address.type === "address" && chosen !== null;
    setTyped({ text: next, iova: walk ? address.value : before?.iova });
    if (!walk) return;
    const plain = { write: false, privileged: false, instruction: false };
    void choose({ ...plain, ...before, ...chosen, iova: address.value });
  }

  function toggle(key: Switch): void {
    const { access: before } = now();
    if (before === null) return;
    const next = { ...before, [key]: !before[key] };
    // A write is never an instruction fetch.
    if (key === "write" && next.write) next.instruction = false;
    if (key === "instruction" && next.instruction) next.write = false;
    void choose(next);
  }

  const flag = (key: Switch, short: string, on: string, off: string) => (
    <Tooltip text={access?.[key] ? on : off}>
      <Button
        size="small"
        aria-pressed={access?.[key] ?? false}
        aria-label={on}
        disabled={access === null}
        onClick={() => toggle(key)}
      >
        {short}
      </Button>
    </Tooltip>
  );
  return (
    <div className="tr-box">
      <label className="tr-address">
        <span className="nw-3">IOVA</span>
        <input
          id={ADDRESS_BOX_ID}
          className="nw-field nw-mono"
          value={text}
          onChange={(event) => onType(event.target.value)}
          placeholder="any address"
          spellCheck={false}
          autoComplete="off"
          disabled={stream === null}
          aria-invalid={read.type === "wrong"}
          aria-describedby={hint}
        />
      </label>
      <fieldset className="tr-flags">
        <legend className="nw-sr">Kind of access</legend>
        {flag("write", "write", "A write", "A read")}
        {flag("privileged", "priv", "A privileged access", "An unprivileged access")}
        {flag("instruction", "exec", "An instruction fetch", "A data access")}
      </fieldset>
      <span id={hint} className="tr-wrong nw-fault">
        {read.type === "wrong" ? read.why : ""}
      </span>
    </div>
  );
}
