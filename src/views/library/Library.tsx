/** What comes with the page, by groups: found by its words, chosen by mouse or keyboard, opened with its notes. */
import "../palette/palette.css";
import "./library.css";
import { Command as List } from "cmdk";
import { useApp } from "../common/use_app.ts";
import { useFocusBack } from "../common/use_focus_back.ts";
import { NothingFound } from "../palette/NothingFound.tsx";
import { groupsOf, matches } from "./library_search.ts";

export function Library() {
  const entries = useApp((app) => app.library);
  const show = useApp((app) => app.showOver);
  const open = useApp((app) => app.openLesson);
  useFocusBack();
  return (
    <List.Dialog
      open
      onOpenChange={(now) => show(now ? "library" : null)}
      label="Library"
      overlayClassName="wb-shade"
      contentClassName="nw-pop palette library"
      filter={(_id, text, words) => (matches(text, words ?? []) ? 1 : 0)}
      loop
    >
      <List.Input className="palette-input" placeholder="Find in the library: titles, and what the notes say" />
      {entries === null ? (
        <p className="nw-empty">Fetching the library…</p>
      ) : (
        <NothingFound>Nothing in the library speaks of this.</NothingFound>
      )}
      <List.List className="palette-list" label="Scenarios">
        {groupsOf(entries ?? []).map(({ group, entries: own }) => (
          <List.Group key={group} heading={group}>
            {own.map(({ id, title, about, told }) => (
              <List.Item
                key={id}
                className="palette-item library-item"
                value={id}
                keywords={[title, about, group, told]}
                onSelect={() => {
                  show(null);
                  void open(id);
                }}
              >
                <span className="nw-strong">{title}</span>
                <span className="nw-2">{about}</span>
              </List.Item>
            ))}
          </List.Group>
        ))}
      </List.List>
      <p className="library-foot nw-3">
        <span>
          <kbd className="nw-kbd">↑</kbd> <kbd className="nw-kbd">↓</kbd> choose, <kbd className="nw-kbd">Enter</kbd>{" "}
          opens
        </span>
        <span>The address of the page then names the scenario.</span>
      </p>
    </List.Dialog>
  );
}
