/** Where two walks part, in words. */
import { Hex } from "../common/Hex.tsx";
import type { TraceStep } from "../geometry/trace_step.ts";
import type { WalkDifference } from "./compare_walks.ts";

interface PartingProps {
  readonly first: WalkDifference["first"];
  /** What the two walks are called, as a sentence begins. */
  readonly names: readonly [string, string];
}

export function Parting({ first: [one, other], names }: PartingProps) {
  const step = one ?? other;
  if (step === null) {
    return (
      <span className="nw-2">
        {names[0]} and {names[1].toLowerCase()} are the same, step by step.
      </span>
    );
  }
  return (
    <span>
      <strong>They part at {step.name}.</strong>{" "}
      <span className="nw-2">
        {names[0]}: <What step={one} />. {names[1]}: <What step={other} />.
      </span>
    </span>
  );
}

function What({ step }: { readonly step: TraceStep | null }) {
  if (step === null) return <>the walk had ended</>;
  if (step.access === 0) return <>{step.name}</>;
  return (
    <>
      <Hex value={step.value} digits={16} /> at PA <Hex value={step.pa} />
    </>
  );
}
