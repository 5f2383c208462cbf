/** Whether an answer of the engine tells anything new: what tells nothing new is not drawn again. */

/** Whether two answers hold the same, whatever revisions they were computed for. Answers are plain data without cycles. */
export function sameAnswer(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isColumn(a) && isColumn(b)) return sameColumn(a, b);
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
  const [own, other] = [Object.entries(a), Object.entries(b)];
  return own.length === other.length && own.every(([key, value]) => key === "revision" || sameMember(b, key, value));
}

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array;

const isColumn = (value: object): value is Column => ArrayBuffer.isView(value);

function sameColumn(a: Column, b: Column): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function sameMember(of: object, key: string, value: unknown): boolean {
  return Object.hasOwn(of, key) && sameAnswer(value, (of as Readonly<Record<string, unknown>>)[key]);
}
