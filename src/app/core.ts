/** What the parts of the store share. */
import type { EngineClient } from "./engine_client.ts";
import type { Settings } from "./settings.ts";
import type { OpenShipped } from "./shipped.ts";
import type { App, AppState } from "./state.ts";

/** The page's address, as far as the store cares. */
interface PageAddress {
  /** The whole address with this fragment (without `#`) in place of its own. */
  readonly withFragment: (fragment: string) => string;
  /** Take the fragment off the address: what it holds is no longer what is open. */
  readonly clearFragment: () => void;
  /** Put this fragment (without `#`) on the address as a place of its own, to be gone back from. */
  readonly visit: (fragment: string) => void;
}

/** The world around the store. */
export interface AppEnvironment {
  readonly engine: EngineClient;
  readonly settings: Settings;
  readonly openShipped: OpenShipped;
  readonly address: PageAddress;
  /** Call `tick` every `ms` milliseconds until the result is called. */
  readonly every: (ms: number, tick: () => void) => () => void;
}

export interface Core extends AppEnvironment {
  readonly get: () => App;
  readonly set: (part: Partial<AppState>) => void;
}
