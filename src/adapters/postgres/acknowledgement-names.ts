/** In effect until a promotion: nobody has this name, so a server promoted behind our back acknowledges nothing. */
export const CLOSED_NAME = 'holdfast-closed';
export const CLOSED_SETTING = `FIRST 1 ("${CLOSED_NAME}")`;

/** The value of `synchronous_standby_names` by which every name must confirm; '' for none. Order matters only for `reorder`. */
export const renderSynchronousNames = (names: readonly string[]): string =>
  names.length === 0
    ? ''
    : `FIRST ${names.length} (${names.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ')})`;

/** The names of a value that `renderSynchronousNames` wrote; null for a value of another kind. */
export function parseSynchronousNames(setting: string): readonly string[] | null {
  if (setting.trim() === '') return [];
  const match = /^\s*FIRST\s+(\d+)\s*\((.*)\)\s*$/is.exec(setting);
  if (match === null) return null;
  const names = [...(match[2] ?? '').matchAll(/"((?:[^"]|"")*)"/g)].map((name) =>
    (name[1] ?? '').replaceAll('""', '"'),
  );
  return names.length === Number(match[1]) ? names : null;
}

/**
 * Orders `next` so that every name that stays changes its place, where that is possible. A walsender shows its place as
 * `sync_priority`; one whose place is unchanged could still be releasing commits by the old list, and nobody could tell.
 */
export function reorder(current: readonly string[], next: readonly string[]): readonly string[] {
  const unique = [...new Set(next)].sort();
  if (sameNames(current, unique)) return current;
  for (let shift = 0; shift < unique.length; shift++) {
    const rotated = [...unique.slice(shift), ...unique.slice(0, shift)];
    if (rotated.every((name, index) => current[index] !== name)) return rotated;
  }
  // No rotation moves everyone: newcomers first, and the rest the other way round.
  const staying = current.filter((name) => unique.includes(name)).reverse();
  return [...unique.filter((name) => !current.includes(name)), ...staying];
}

export const sameNames = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && [...left].sort().join('\0') === [...right].sort().join('\0');
