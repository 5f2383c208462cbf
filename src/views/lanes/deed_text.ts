/** Deeds of the journal as they are called on screen. */

const TEXTS: Readonly<Record<string, string>> = {
  "trapped read": "VM exit, read",
  "trapped write": "VM exit, write",
};

export const deedText = (deed: string): string => TEXTS[deed] ?? deed;
