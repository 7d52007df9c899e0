/** What PostgreSQL keeps of a name that a connection gives itself; it cuts the rest without a word. */
export const databaseNameBytes = 63;

/**
 * Longest name of an instance of a database. A standby streams under `INSTANCE@EPOCH`, whatever epoch that will be, and one whose name
 * was cut would be waited for and count nowhere (I9). Names of instances are ASCII: a character is a byte.
 */
export const longestDatabaseInstance = databaseNameBytes - `@${Number.MAX_SAFE_INTEGER}`.length;
