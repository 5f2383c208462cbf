/** How much a session takes, whoever hands it over: a file, a link, the page. Beyond a limit the input is refused. */
export const SESSION_LIMITS = {
  actions: 100_000,
  /** Bytes one action may move. */
  actionBytes: 1 << 20,
  /** Entries that the journal of what software did keeps. */
  journal: 1 << 20,
} as const;
