/** A command as it is typed, completed and checked at its fields, and the way into a command queue. */
import "./command_box.css";
import { useId, useState } from "react";
import type { QueueRow } from "../../protocol/inspection.ts";
import { Button } from "./Button.tsx";
import { CompletionBox } from "./CompletionBox.tsx";
import { commandCompletions, readCommand, type TypedCommand } from "./command_text.ts";
import { useApp, useEngineQuery } from "./use_app.ts";

/** What the typed text says, with the queue that is chosen for it; null while nothing is open. */
export function useTypedCommand(): TypedCommand | null {
  const arch = useApp((app) => app.summary?.arch ?? null);
  const text = useApp((app) => app.typedCommand);
  const [, queue] = useCommandQueues();
  const typed = arch === null ? null : readCommand(arch, text);
  if (typed?.state !== "command" || queue === null) return typed;
  return { ...typed, command: { ...typed.command, queue } };
}

/** The queues that a command can go to, and which of them is chosen; null for the first. */
function useCommandQueues(): readonly [readonly QueueRow[], string | null] {
  const wanted = useApp((app) => app.typedQueue);
  const { answer } = useEngineQuery("queues", (engine) => engine.queues());
  const queues = answer?.queues.filter(({ id }) => answer.commands.includes(id)) ?? [];
  return [queues, queues.slice(1).some(({ id }) => id === wanted) ? wanted : null];
}

const EMPTY: TypedCommand = { state: "empty" };
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
  const typed = useTypedCommand() ?? EMPTY;
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
      <QueueChoice />
      <Button size="small" disabled={typed.state !== "command"} onClick={send}>
        Enqueue
      </Button>
    </div>
  );
}

/** Which of several IOMMUs the command is for. */
function QueueChoice() {
  const [queues, chosen] = useCommandQueues();
  const choose = useApp((app) => app.chooseCommandQueue);
  if (queues.length < 2) return null;
  return (
    <select
      className="nw-field command-box-queue"
      aria-label="Queue of the command"
      value={chosen ?? queues[0]!.id}
      onChange={(event) => choose(event.target.value)}
    >
      {queues.map(({ id, title }) => (
        <option key={id} value={id}>
          {title}
        </option>
      ))}
    </select>
  );
}
