/** The scenarios that come with the page. Each opens as it stands, and none is read from anywhere. */
import { ARCHITECTURES } from "./architectures.ts";
import { BROKEN_GUESTS } from "./broken_guests.ts";
import { COSTS } from "./costs.ts";
import type { Lesson } from "./lesson.ts";
import { NESTING } from "./nesting.ts";

/** In the order in which they are shown; groups stand together. */
export const LIBRARY: readonly Lesson[] = [...NESTING, ...COSTS, ...BROKEN_GUESTS, ...ARCHITECTURES];
