/** Plays the steps of `iommu-vectors/1` that are messages of PCIe devices: ATS and PRI. */
import type { AtsCompletion, PcieSide } from "../machine/pcie.ts";
import type { PageRequestMessage } from "../protocol/machine.ts";
import { hex, hexBytes, placeText } from "./text.ts";
import type { AtsExpectation, PriExpectation, PriResponse, Step } from "./vectors.ts";

type DmaStep = Step & { type: "dma" };

const PAGE_MASK = ~0xfffn;
/** log2 of the Smallest Translation Unit: every case has the 4 KiB granule. */
const STU_LG2 = 12;

function completionText(c: AtsCompletion): string {
  if (c.status !== "success") return c.status === "unknown" ? `memory at ${hex(c.at)} is unknown` : c.status;
  const fields = Object.entries(fieldsOf(c)).map(([name, value]) => `${name} ${value}`);
  return `${fields.join(" ")}${c.pa === null ? "" : ` pa ${hex(c.pa)}`} size ${hex(2n ** BigInt(c.sizeLg2))}`;
}

const fieldsOf = (c: AtsCompletion & { status: "success" }): Record<string, number> => ({
  r: Number(c.read),
  w: Number(c.write),
  x: Number(c.execute),
  priv: Number(c.privileged),
  n: Number(c.noSnoop),
  u: Number(c.untranslatedOnly),
});

function expectedText(expected: "UR" | "CA" | AtsExpectation): string {
  if (typeof expected === "string") return expected;
  const fields = Object.entries(expected.fields).map(([name, value]) => `${name} ${value ?? "any"}`);
  const { granted } = expected;
  const rest = granted === null ? "size STU" : `pa ${hex(granted.pa)} size up to ${hex(granted.maxSize)}`;
  return `${fields.join(" ")} ${rest}`;
}

function agrees(expected: "UR" | "CA" | AtsExpectation, got: AtsCompletion): boolean {
  if (typeof expected === "string") return got.status === expected;
  if (got.status !== "success") return false;
  const fields = fieldsOf(got);
  if (Object.entries(expected.fields).some(([name, value]) => value !== null && fields[name] !== value)) return false;
  if (expected.granted === null) return got.pa === null && got.sizeLg2 === STU_LG2;
  const size = 2n ** BigInt(got.sizeLg2);
  return got.pa !== null && (got.pa & PAGE_MASK) === expected.granted.pa && size <= expected.granted.maxSize;
}

/** A Translation Request or a transaction marked Translated; the difference, or null when it agrees. */
export function playAts(pcie: PcieSide, dma: DmaStep["dma"], expect: DmaStep["expect"]): string | null {
  const { data, ats, more: _more, ...access } = dma;
  const what = `${ats} for ${hex(dma.iova)} by stream ${hex(dma.sid)}`;
  if (ats === "translation-request") {
    if (expect.ats === null) return `${what}: no answer is given`;
    const got = pcie.request(access);
    if (agrees(expect.ats, got)) return null;
    return `${what}: expected ${expectedText(expect.ats)}; got ${completionText(got)}`;
  }
  const got = pcie.translated(dma.write && data !== null ? { ...access, data } : access);
  if (!got.ok) return expect.ok ? `${what}: expected ${hex(expect.pa ?? 0n)}; got none` : null;
  if (!expect.ok || (expect.pa !== null && got.pa !== expect.pa)) {
    return `${what}: expected ${expect.ok ? hex(expect.pa!) : "none"}; got ${placeText(got.pa)}`;
  }
  if (dma.write || data === null) return null;
  const read = got.data === undefined ? "nothing" : hexBytes(got.data);
  return read === hexBytes(data) ? null : `${what}: expected data ${hexBytes(data)}; got ${read}`;
}

const responseText = (r: PriResponse | null): string =>
  r === null
    ? "no response"
    : `group ${r.prgIndex} code ${r.code} ${r.ssid === null ? "without PASID" : `PASID ${hex(r.ssid)}`}`;

/** A Page Request message; the difference, or null when it agrees. */
export function playPageRequest(pcie: PcieSide, request: PageRequestMessage, expect: PriExpectation): string | null {
  const answer = pcie.pageRequest(request);
  const got = answer.queued ? "queued" : responseText(answer.response);
  const expected = expect.queued ? "queued" : responseText(expect.response);
  return got === expected ? null : `page request of stream ${hex(request.sid)}: expected ${expected}; got ${got}`;
}

/** The PRG Responses that commands caused; the difference, or null when they agree. */
export function playResponses(
  pcie: PcieSide,
  responses: readonly (PriResponse & { readonly sid: number })[],
): string | null {
  const text = (all: readonly (PriResponse & { readonly sid: number })[]): string =>
    all.length === 0 ? "none" : all.map((r) => `stream ${hex(r.sid)} ${responseText(r)}`).join(", ");
  const got = text(pcie.takeResponses());
  const expected = text(responses);
  return got === expected ? null : `responses: expected ${expected}; got ${got}`;
}
