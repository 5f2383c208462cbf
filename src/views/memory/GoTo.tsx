/** A box to go to an address of memory. */
import { useId, useState } from "react";
import { readAddress } from "../../app/address_input.ts";

export function GoTo({ onGo }: { readonly onGo: (at: bigint) => void }) {
  const [text, setText] = useState("");
  const hint = useId();
  const typed = readAddress(text);
  return (
    <div className="memory-tools">
      <label className="memory-go">
        <span className="nw-3">PA</span>
        <input
          className="nw-field nw-mono"
          placeholder="go to an address"
          aria-invalid={typed.type === "wrong"}
          aria-describedby={hint}
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && typed.type === "address") onGo(typed.value);
          }}
        />
      </label>
      <span id={hint} className="nw-small nw-fault" role="status">
        {typed.type === "wrong" ? typed.why : ""}
      </span>
    </div>
  );
}
