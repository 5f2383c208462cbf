/**
 * The share button and what it opens: the chosen walk as a link with its length, or as a file where it is too long for
 * mail and chat programs, and the whole session as a file.
 */
import { Popover } from "radix-ui";
import { useEffect, useRef, useState } from "react";
import { keyFor } from "../../app/commands.ts";
import { writeLink } from "../../app/link_view.ts";
import { LONGEST_LINK } from "../../app/share_slice.ts";
import type { ShareState } from "../../app/state.ts";
import { Button } from "../common/Button.tsx";
import { CopyButton } from "../common/CopyButton.tsx";
import { copyText } from "../common/copy_text.ts";
import { Icon } from "../common/Icon.tsx";
import { NoticeBox } from "../common/NoticeBox.tsx";
import { useApp } from "../common/use_app.ts";
import { downloadText, fileName } from "./download.ts";
import { useSaveSession } from "./save_session.ts";
import "./share.css";

export function SharePanel() {
  const share = useApp((app) => app.share);
  const walked = useApp((app) => app.access !== null);
  const open = useApp((app) => app.openShare);
  const close = useApp((app) => app.closeShare);
  const save = useSaveSession();
  return (
    <Popover.Root open={share.state !== "closed"} onOpenChange={(now) => (now ? void open() : close())}>
      <Popover.Trigger asChild>
        <Button disabled={!walked} aria-keyshortcuts={keyFor("session.share")}>
          <Icon name="share" />
          Share
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="nw-pop share" align="end" sideOffset={4} collisionPadding={8} aria-label="Share">
          <ShareBody share={share} />
          <div className="share-line" />
          <div>
            <Button size="small" onClick={() => void save()}>
              Save the whole session as a file
            </Button>
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function ShareBody({ share }: { readonly share: ShareState }) {
  switch (share.state) {
    case "closed":
      return null;
    case "packing":
      return <p className="nw-2">Packing the walk…</p>;
    case "failed":
      return (
        <NoticeBox tone="fault" title={share.problem.title} place={share.problem.place} detail={share.problem.detail} />
      );
    case "packed":
      return <Packed key={share.link} share={share} />;
  }
}

/** HTML that shows the walk alone in a page of somebody else's. */
function embedCode(link: string, title: string): string {
  const quoted = (text: string): string =>
    text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  const src = `${link}&${writeLink("", { pane: "walk", embed: true })}`;
  return `<iframe src="${quoted(src)}" title="${quoted(title)}" width="900" height="560" style="border:0"></iframe>`;
}

type Copied = "not yet" | "copied" | "refused";

function Packed({ share }: { readonly share: Extract<ShareState, { readonly state: "packed" }> }) {
  const [copied, setCopied] = useState<Copied>("not yet");
  const { title, holds, link, file: text, walkDigest } = share;
  const long = link.length > LONGEST_LINK;
  const length = link.length.toLocaleString("en").replace(/,/g, "\u2009");
  const way = useRef<HTMLButtonElement>(null);
  // The panel was opened before there was anything to give away.
  useEffect(() => way.current?.focus(), []);
  const copy = (
    <Button
      ref={long ? null : way}
      kind={long ? "plain" : "primary"}
      onClick={() => {
        void copyText(link).then((done) => setCopied(done ? "copied" : "refused"));
      }}
    >
      Copy link
    </Button>
  );
  const file = (
    <Button
      ref={long ? way : null}
      kind={long ? "primary" : "plain"}
      onClick={() => downloadText(fileName(title), text)}
    >
      Save the case as a file
    </Button>
  );
  return (
    <>
      <h2>This walk as a link</h2>
      <p className="nw-2">
        The link has <strong data-testid="link-length">{length} characters</strong>. {holds}
      </p>
      {long && (
        <NoticeBox
          tone="warning"
          title={`Links over ${LONGEST_LINK.toLocaleString("en").replace(/,/g, "\u2009")} characters get cut.`}
          detail="Many mail and chat programs shorten them. Send the case as a file instead."
        />
      )}
      <input className="nw-field nw-mono" readOnly value={link} aria-label="Link" onFocus={(e) => e.target.select()} />
      <div className="share-buttons">
        {long ? file : copy}
        {long ? copy : file}
        <span role="status" className="nw-2">
          {copied === "copied" && "Copied."}
          {copied === "refused" && "The browser refused; select the link and copy it."}
        </span>
      </div>
      <div className="share-buttons">
        <CopyButton text={embedCode(link, title)} label="Copy code to embed the walk in a page" />
      </div>
      <p className="nw-3 nw-small">
        Its reader sees walk <span className="nw-mono">{walkDigest}</span>. Nothing is sent to a server.
      </p>
    </>
  );
}
