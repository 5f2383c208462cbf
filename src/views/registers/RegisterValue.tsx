/** A register's value, to be typed over. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { readAddress } from "../../app/address_input.ts";
import type { RegisterRow } from "../../protocol/inspection.ts";
import { Button } from "../common/Button.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp } from "../common/use_app.ts";

export function RegisterValue({ register }: { readonly register: RegisterRow }) {
  const { name, block, value, width, access } = register;
  const act = useApp((app) => app.act);
  const [text, setText] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const hint = useId();
  const typing = text !== null;
  useEffect(() => {
    if (typing) box.current?.select();
  }, [typing]);
  if (text === null) {
    return (
      <p className="registers-value">
        <Hex value={value} digits={width * 2} />
        {access === "RO" ? (
          <span className="nw-3 nw-small">Software cannot write it.</span>
        ) : (
          <Button size="small" onClick={() => setText(`0x${value.toString(16)}`)}>
            Write…
          </Button>
        )}
      </p>
    );
  }
  const typed = readAddress(text);
  const wrong =
    typed.type === "wrong"
      ? typed.why
      : typed.type === "empty"
        ? "Type a value in hexadecimal."
        : typed.value >> BigInt(width * 8) !== 0n
          ? `${name} has ${width * 8} bits.`
          : null;

  function onKeyDown(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === "Escape") setText(null);
    if (event.key !== "Enter" || wrong !== null || typed.type !== "address") return;
    void act({ do: "register", name, value: typed.value, ...(block === "" ? {} : { block }) });
    setText(null);
  }
  return (
    <div className="registers-value">
      <input
        ref={box}
        className="nw-field nw-mono"
        aria-label={`New value of ${name}`}
        aria-invalid={wrong !== null}
        aria-describedby={hint}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <span id={hint} role="status" className={`nw-small ${wrong === null ? "nw-3" : "nw-fault"}`}>
        {wrong ?? "Enter writes, Escape leaves it."}
      </span>
    </div>
  );
}
