/** What gathers in one turn of the engine is one block of its journal, but none grows beyond this. */
export const MOST_RECORDS = 1000;
export const MOST_BYTES = 256 * 1024;
