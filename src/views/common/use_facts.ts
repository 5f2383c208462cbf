/** What is to be known of the architecture of the open session. */
import type { ArchitectureFacts } from "../../arch/architecture_facts.ts";
import { ARCHITECTURES } from "../../arch/architectures.ts";
import { useApp } from "./use_app.ts";

const [FIRST] = Object.values(ARCHITECTURES);

/** Of the first architecture while nothing is open. */
export function useFacts(): ArchitectureFacts {
  const arch = useApp((app) => app.summary?.arch);
  return arch === undefined ? FIRST! : ARCHITECTURES[arch];
}
