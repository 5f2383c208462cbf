/** The kernel of the session's host, where it has one; leads to what other kernels do differently. */
import "./era_link.css";
import { Button } from "../common/Button.tsx";
import { Tooltip } from "../common/Tooltip.tsx";
import { useApp } from "../common/use_app.ts";

export function EraLink() {
  const era = useApp(({ summary }) => summary?.era);
  const patches = useApp(({ summary }) => summary?.patches?.join(" and ") ?? "");
  const show = useApp((app) => app.showOver);
  if (era === undefined) return null;
  return (
    <div className="era-link">
      <Tooltip text="What differs between kernels">
        <Button kind="quiet" size="small" onClick={() => show("eras")}>
          <span className="nw-ellipsis">
            <span className="nw-2">Host:</span> {era}
            {patches !== "" && ` with ${patches}`}
          </span>
        </Button>
      </Tooltip>
    </div>
  );
}
