/**
 * What a cell says in full: address read, value, meaning.
 */
import { DrawTip } from "../common/DrawTip.tsx";
import { Glyph, type GlyphName } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import type { TraceStep } from "../geometry/trace_step.ts";
import type { WalkModel } from "../geometry/walk_model.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";
import { leadsTo, ordinalText, updateText } from "./walk_text.ts";

export function WalkTip(props: {
  readonly steps: readonly TraceStep[];
  readonly record: number;
  readonly box: DOMRect;
  readonly model: WalkModel;
  readonly edited: boolean;
}) {
  const { steps, record, box, model, edited } = props;
  const step = steps[record];
  if (step === undefined) return null;
  return (
    <DrawTip box={box}>
      <h4>
        <Glyph name={glyphOf(step)} />
        {step.name}
        {(step.access > 0 || step.hit !== "none") && <span className="nw-3">{ordinalText(steps, step.record)}</span>}
      </h4>
      <dl>
        <Facts step={step} nested={model.columns.length > 0} />
        {edited && (
          <>
            <dt>Edited</dt>
            <dd>an action of this session wrote here</dd>
          </>
        )}
      </dl>
      <p className="draw-tip-keys">Click to inspect · double-click to step here</p>
    </DrawTip>
  );
}

function glyphOf(step: TraceStep): GlyphName {
  if (step.verdict === "fault") return "fault";
  if (step.verdict === "unknown") return "unknown";
  if (step.kind === "Output") return "physical";
  if (step.kind !== "Descriptor") return "config";
  return step.stage === 1 ? "stage1" : "stage2";
}

/** What a cache answered with; what it does not keep is not shown. */
function Recalled({ step, nested }: { readonly step: TraceStep; readonly nested: boolean }) {
  return (
    <>
      <dt>Answers</dt>
      <dd>
        {step.stage === 1 ? "IOVA" : "IPA"} <Hex value={step.input} />, no memory is read
      </dd>
      <dt>Leads to</dt>
      <dd>
        {leadsTo(step)} at {step.stage === 1 && nested ? "IPA" : "PA"} <Hex value={step.out} />
        {step.verdict === "done" && `, ${sizeText(step.sizeLg2)}, ${permissionText(step.permissions)}`}
      </dd>
    </>
  );
}

function Facts({ step, nested }: { readonly step: TraceStep; readonly nested: boolean }) {
  const reason = step.verdict === "fault" ? step.why : null;
  const why = reason !== null && (
    <>
      <dt>Why</dt>
      <dd>
        {reason.text} <span className="nw-3">{reason.section}</span>
      </dd>
    </>
  );
  if (step.kind === "Output") {
    return (
      <>
        <dt>PA</dt>
        <dd>
          <Hex value={step.out} />
        </dd>
        <dt>Allows</dt>
        <dd>{permissionText(step.permissions)}</dd>
        {why}
      </>
    );
  }
  // What stage 1 and its configuration point to is an IPA where stage 2 lies beneath; the STE's own table is not.
  if (step.hit === "walk" || step.hit === "tlb") return <Recalled step={step} nested={nested} />;
  const guest = step.kind === "Descriptor" ? step.stage === 1 : step.kind !== "L1STD";
  const space = guest && nested ? "IPA" : "PA";
  return (
    <>
      {step.kind === "Descriptor" && (
        <>
          <dt>Translates</dt>
          <dd>
            {step.stage === 1 ? "IOVA" : "IPA"} <Hex value={step.input} />, index <Hex value={step.entry} />
          </dd>
        </>
      )}
      {step.kind !== "Check" && step.at !== step.pa && (
        <>
          <dt>Read at</dt>
          <dd>
            IPA <Hex value={step.at} />
          </dd>
        </>
      )}
      {step.kind !== "Check" && (
        <>
          <dt>{step.at === step.pa ? "Read at" : ""}</dt>
          <dd>
            PA <Hex value={step.pa} />
          </dd>
        </>
      )}
      {step.kind !== "Check" && step.verdict !== "unknown" && (
        <>
          <dt>Value</dt>
          <dd>
            <Hex value={step.value} digits={16} />
          </dd>
        </>
      )}
      {step.verdict === "unknown" && (
        <>
          <dt>Value</dt>
          <dd>not in this session</dd>
        </>
      )}
      {(step.verdict === "next" || step.verdict === "done") && (
        <>
          <dt>Leads to</dt>
          <dd>
            {leadsTo(step)} at {space} <Hex value={step.out} />
            {step.update !== 0 && `; the hardware ${updateText(step.update)}`}
            {step.kind === "Descriptor" && step.verdict === "done" && (
              <>
                , {sizeText(step.sizeLg2)}, {permissionText(step.permissions)}
                {step.contiguous && ", contiguous run"}
              </>
            )}
          </dd>
        </>
      )}
      {why}
    </>
  );
}
