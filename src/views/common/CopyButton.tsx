/**
 * A button that copies text, and says so where it was pressed.
 */
import { useEffect, useState } from "react";
import { Button } from "./Button.tsx";

const SAID_MS = 1600;

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setSaid("Copied"),
      () => setSaid("The browser refused"),
    );
  };
  return (
    <Button size="small" onClick={copy}>
      <span aria-live="polite">{said ?? label}</span>
    </Button>
  );
}
