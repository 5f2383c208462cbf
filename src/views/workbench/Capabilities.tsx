/** What the IOMMU of this session offers, with the register field that says so. */
import { Popover } from "radix-ui";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { useWords } from "../common/use_words.ts";

export function Capabilities() {
  const capabilities = useApp((app) => app.summary?.capabilities);
  const words = useWords();
  if (capabilities === undefined) return null;
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button kind="quiet" className="wb-arch">
          {words.name}
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="nw-pop wb-caps"
          aria-label="What the IOMMU offers"
          align="start"
          sideOffset={4}
          collisionPadding={8}
        >
          <table>
            <caption className="nw-strong">What this {words.name} offers</caption>
            <tbody>
              {capabilities.map((c) => (
                <tr key={c.name}>
                  <th scope="row">{c.name}</th>
                  <td>{c.value}</td>
                  <td className="nw-3 nw-mono">{c.from}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
