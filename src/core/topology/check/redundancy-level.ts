/** How many spares `N+1`, `N+2`, `2N`, `2N+1` keep, for comparison only; null when it is not stated or not readable. */
export function redundancyLevel(text: string | null): number | null {
  const match = /^(2)?N(?:\+(\d+))?$/i.exec(text?.trim() ?? '');
  if (!match || (!match[1] && !match[2])) return null;
  return (match[1] ? 100 : 0) + Number(match[2] ?? 0);
}
