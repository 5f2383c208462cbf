/** The words of the architecture of the open session. */
import type { ArchitectureWords } from "../../arch/architecture_words.ts";
import { WORDS } from "../../arch/words.ts";
import { useApp } from "./use_app.ts";

const [FIRST] = Object.values(WORDS);

/** Of the first architecture while nothing is open. */
export function useWords(): ArchitectureWords {
  const arch = useApp((app) => app.summary?.arch);
  return arch === undefined ? FIRST! : WORDS[arch];
}
