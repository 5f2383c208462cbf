/** What stands above a list that has nothing of what was typed. It is no part of the list, which holds options only. */
import { useCommandState } from "cmdk";
import type { ReactNode } from "react";

export function NothingFound({ children }: { readonly children: ReactNode }) {
  const none = useCommandState((state) => state.filtered.count === 0);
  return none ? (
    <p className="nw-empty" role="status">
      {children}
    </p>
  ) : null;
}
