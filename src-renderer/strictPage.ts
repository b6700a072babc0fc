/**
 * Imported before anything else: the page's content policy allows no code made from text, so the schemas of the contract are told
 * not to try (zod's `jitless`, set where zod reads it when its modules load). They are checked a little slower, and nothing is refused.
 */
;(globalThis as { __zod_globalConfig?: object }).__zod_globalConfig = { jitless: true }
