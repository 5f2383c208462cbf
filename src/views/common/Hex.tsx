/**
 * A hexadecimal value: groups of four digits by a gap that is no character, `0x` and leading zeros dim. A copy gives
 * plain `0x40806003`.
 */
interface HexProps {
  readonly value: bigint | number;
  /** Pad with zeros to this many digits. */
  readonly digits?: number;
}

export function Hex({ value, digits = 1 }: HexProps) {
  const bare = value.toString(16);
  const text = bare.padStart(digits, "0");
  const zeros = Math.min(text.length - bare.length, text.length - 1);
  return (
    <span className="nw-hex">
      <i className="z">0x</i>
      {groups(text).map(({ at, group }) => {
        const dim = Math.max(0, Math.min(group.length, zeros - at));
        return (
          <b key={at}>
            {dim > 0 && <span className="z">{group.slice(0, dim)}</span>}
            {group.slice(dim)}
          </b>
        );
      })}
    </span>
  );
}

/** Groups of four from the right, with the index of their first digit. */
function groups(text: string): { readonly at: number; readonly group: string }[] {
  const first = text.length % 4;
  const cuts = first === 0 ? [] : [0];
  for (let at = first; at < text.length; at += 4) cuts.push(at);
  return cuts.map((at, i) => ({ at, group: text.slice(at, cuts[i + 1] ?? text.length) }));
}
