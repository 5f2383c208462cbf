/** What the model leaves out of the session: the first sentence in the status line, all of them in a pop-over. */
import { Popover } from "radix-ui";
import { Button } from "../common/Button.tsx";

export function LeftOut({ sentences }: { readonly sentences: readonly string[] }) {
  if (sentences.length === 0) return <span className="nw-ellipsis">The model covers what this session asks for.</span>;
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button kind="quiet" size="small" className="wb-left-out">
          <span className="nw-ellipsis">
            Left out: {sentences[0]}
            {sentences.length > 1 && ` And ${sentences.length - 1} more.`}
          </span>
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="nw-pop wb-left-out-list"
          aria-label="What the model leaves out"
          align="start"
          side="top"
          sideOffset={4}
          collisionPadding={8}
        >
          <p className="nw-strong">What the model leaves out of this session</p>
          <ul>
            {sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
