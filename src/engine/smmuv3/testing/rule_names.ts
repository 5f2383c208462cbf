/** Names of test cases that consist of fields and capabilities. */

/** Fields, and what the implementation offers where that matters, in words. */
export function caseName(fields: object, caps: object = {}): string {
  const [given, offered] = [listed(fields), listed(caps)];
  return offered === "" ? given : `${given} with ${offered}`;
}

const listed = (of: object): string =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${shown(value)}`)
    .join(", ");

function shown(value: unknown): string {
  if (value instanceof Set) return [...value].join("/");
  return typeof value === "number" && value > 0xffff ? `0x${value.toString(16)}` : String(value);
}
