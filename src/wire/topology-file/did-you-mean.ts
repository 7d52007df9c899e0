/** The known name that was most likely meant; null when none is near. */
export function didYouMean(written: string, known: readonly string[]): string | null {
  const plain = simplified(written);
  const near = known
    .map((name) => ({ name, distance: editDistance(plain, simplified(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.min(name.length, written.length) / 3)))
    .toSorted((left, right) => left.distance - right.distance);
  return near[0]?.name ?? known.find((name) => plain.length > 2 && simplified(name).startsWith(plain)) ?? null;
}

/** `did you mean "rto"? Known: rto, rpo, …`, the list kept to a line. */
export function suggestion(written: string, known: readonly string[]): string {
  const meant = didYouMean(written, known);
  const shown = known.length > 12 ? [...known.slice(0, 12), '…'] : known;
  const list = known.length === 0 ? 'the file has none' : `known: ${shown.join(', ')}`;
  return meant === null ? list : `did you mean "${meant}"? ${list}`;
}

const simplified = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Insertions, deletions, replacements and swaps of neighbours. */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current[column] = Math.min(
        above[column]! + 1,
        current[column - 1]! + 1,
        above[column - 1]! + (same ? 0 : 1),
        row > 1 && column > 1 && swapped ? before[column - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = above;
    above = current;
  }
  return above[right.length]!;
}
