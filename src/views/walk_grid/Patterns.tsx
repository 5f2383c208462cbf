/**
 * Fills that tell states apart without colour: dots for what was not reached, hatching for what was edited.
 */
export function Patterns() {
  return (
    <defs>
      <pattern id="nw-p-missed" width="6" height="6" patternUnits="userSpaceOnUse">
        <circle cx="3" cy="3" r=".8" fill="var(--nw-line-2)" />
      </pattern>
      <pattern id="nw-p-edited" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0V6" stroke="var(--nw-stale)" strokeWidth="2.4" opacity=".5" />
      </pattern>
    </defs>
  );
}
