/** A command as it is typed, completed and checked at its fields, and the way into the command queue. */
import "./command_box.css";
import { useId, useState } from "react";
import { Button } from "./Button.tsx";
import { CompletionBox } from "./CompletionBox.tsx";
import { commandCompletions, readCommand, type TypedCommand } from "./command_text.ts";
import { useApp } from "./use_app.ts";

/** What the typed text says; null while nothing is open. */
export function useTypedCommand(): TypedCommand | null {
  const arch = useApp((app) => app.summary?.arch ?? null);
  const text = useApp((app) => app.typedCommand);
  return arch === null ? null : readCommand(arch, text);
}

const EXAMPLES = {
  smmuv3: "CMD_TLBI_NH_ASID VMID=1 ASID=0x21",
  vtd: "iotlb_inv_dsc G=2 DID=1",
  amdvi: "INVALIDATE_IOMMU_PAGES DomainID=1 S=1 Address=0x7ffffffffffff000",
} as const;

export function CommandBox({ label }: { readonly label: string }) {
  const arch = useApp((app) => app.summary?.arch ?? "smmuv3");
  const text = useApp((app) => app.typedCommand);
  const type = useApp((app) => app.typeCommand);
  const act = useApp((app) => app.act);
  const [tried, setTried] = useState(false);
  const id = useId();
  const typed = readCommand(arch, text);
  // What is being typed is not yet wrong.
  const wrong = typed.state === "wrong" && (tried || typed.to < text.length) ? typed : null;
  function send(): void {
    setTried(true);
    if (typed.state === "command") void act({ do: "command", ...typed.command });
  }
  return (
    <div className="command-box">
      <CompletionBox
        id={id}
        label={label}
        placeholder={EXAMPLES[arch]}
        text={text}
        why={wrong?.why ?? null}
        offer={(now, caret) => commandCompletions(arch, now, caret)}
        onText={(now) => {
          setTried(false);
          type(now);
        }}
        onEnter={send}
      />
      <Button size="small" disabled={typed.state !== "command"} onClick={send}>
        Enqueue
      </Button>
    </div>
  );
}
