/**
 * A case in the fragment of a URL, where no server sees it: `c=1.` and the scenario's JSON, deflated (RFC 1951) and
 * written in base64url (RFC 4648 §5). The number is the version of this packing, not of the document inside.
 */
import type { Result } from "../protocol/engine.ts";
import type { SessionDocument } from "../protocol/machine.ts";
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";
import { deflateRaw, inflate } from "./compression.ts";
import { parseScenario, type Scenario, writeScenario } from "./document.ts";
import { LIMITS } from "./limits.ts";
import { problem, quoted } from "./problem.ts";

/** The version of the packing. */
const PACKING = 1;

/** How the link is called in a message. */
const LINK = "link";

/** The fragment without `#`. */
export async function encodeFragment(document: SessionDocument): Promise<string> {
  const json = new TextEncoder().encode(JSON.stringify(writeScenario(document)));
  return `c=${PACKING}.${encodeBase64Url(await deflateRaw(json))}`;
}

/** Read a fragment, with or without `#`. Character positions in problems count from 1 after the `#`. */
export async function decodeFragment(fragment: string): Promise<Result<Scenario>> {
  const text = fragment.startsWith("#") ? fragment.slice(1) : fragment;
  if (text.length > LIMITS.linkCharacters) {
    const detail = `It has ${text.length} characters; at most ${LIMITS.linkCharacters} are read.`;
    return problem("This link is too long.", LINK, detail);
  }
  const head = /^c=([0-9]{1,9})\./.exec(text);
  if (head === null) {
    const detail = `Expected c=${PACKING}. and the packed case; found ${quoted(text)}.`;
    return problem("This link holds no case.", `${LINK}, character 1`, detail);
  }
  if (Number(head[1]) > PACKING) {
    return problem(
      "This link was made by a later version of Nestwalk.",
      `${LINK}, character 3`,
      `It is packed in version ${Number(head[1])}; this program reads version ${PACKING}. Reload the page to get the newest program.`,
    );
  }
  if (Number(head[1]) < 1) {
    return problem("This link holds no case.", `${LINK}, character 3`, "Versions of the packing count from 1.");
  }
  return decodePacked(text.slice(head[0].length), head[0].length);
}

async function decodePacked(packed: string, offset: number): Promise<Result<Scenario>> {
  const bytes = decodeBase64Url(packed);
  if (typeof bytes === "number") {
    const place = `${LINK}, character ${offset + bytes + 1}`;
    return bytes === packed.length
      ? problem("This link was cut short.", place, `A link of ${offset + bytes} characters cannot be whole.`)
      : problem(
          "This link is damaged.",
          place,
          `${quoted(packed[bytes]!)} is no character of base64url (A-Z a-z 0-9 - _).`,
        );
  }
  const json = await inflate(bytes, "deflate-raw", LIMITS.linkBytes);
  switch (json.type) {
    case "done":
      return parseScenario(new TextDecoder().decode(json.bytes), LINK);
    case "too big": {
      const detail = `More than ${LIMITS.linkBytes} bytes come out of it; reading stopped there. Such a case travels as a file.`;
      return problem("This link unpacks to too much.", `${LINK}, packed case`, detail);
    }
    case "damaged":
    case "cancelled": {
      const detail = `After ${json.produced} bytes of the case the compressed data ends or makes no sense. It may have been cut short.`;
      return problem("This link is damaged.", `${LINK}, packed case of ${packed.length} characters`, detail);
    }
  }
}
