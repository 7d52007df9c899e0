/** A JSON object of which nothing is known yet; the readers below turn it into domain types once, at the boundary. */
export type JsonRecord = { readonly [name: string]: unknown };

export const asRecord = (value: unknown): JsonRecord | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : null;

/** The object in a line of JSON, or null when it is not one. */
export const parseRecord = (line: string): JsonRecord | null => {
  try {
    return asRecord(JSON.parse(line));
  } catch {
    return null;
  }
};

export const textField = (record: JsonRecord, name: string): string | null => {
  const value = record[name];
  return typeof value === 'string' && value !== '' ? value : null;
};

/** A safe integer ≥ 0, or null. */
export const countField = (record: JsonRecord, name: string): number | null => {
  const value = record[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
};

/** A non-empty list of non-empty strings is not required: an empty list is a list. */
export const textListField = (record: JsonRecord, name: string): readonly string[] | null => {
  const value = record[name];
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')
    ? (value as string[])
    : null;
};
