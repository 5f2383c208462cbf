/**
 * What a kernel tells of what it does to whoever watches it. The kernel does not know who that is.
 */

/** A kernel's deeds, by the names that a journal has for them. */
type KernelDeed = "intent" | "memory write" | "register read" | "register write" | "command" | "sync";

/** Takes notes of what one kernel does. */
export interface Notes {
  /**
   * Something that causes nothing further.
   * @param at address or register offset, -1 for none
   * @param hi halves of what was read or written, signed or unsigned
   */
  note(deed: KernelDeed, about: string, at?: number, hi?: number, lo?: number): void;
  /** Something that is done by `act`: what happens meanwhile has it as its cause. */
  during<T>(deed: KernelDeed, about: string, act: () => T, at?: number, hi?: number, lo?: number): T;
}

/** Nobody watches. */
export const UNNOTED: Notes = {
  note: () => {},
  during: (_deed, _about, act) => act(),
};
