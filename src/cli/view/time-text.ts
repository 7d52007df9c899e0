/** How long, as people read it: `0.4 s`, `42 s`, `3 min 5 s`, `2 h 4 min`, `6 d`. */
export function elapsedText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** `03:12:49Z` */
export const clockText = (wallMs: number): string => `${new Date(wallMs).toISOString().slice(11, 19)}Z`;

/** `2026-01-02T03:04:05.678Z (42 s ago)` */
export const momentText = (wallMs: number, nowMs: number): string =>
  `${new Date(wallMs).toISOString()} (${nowMs >= wallMs ? `${elapsedText(nowMs - wallMs)} ago` : `in ${elapsedText(wallMs - nowMs)}`})`;

/** Up to here a value is live and needs no age beside it. */
export const liveUpToMs = 2000;
/** From here on it is called stale. */
export const staleFromMs = 10_000;

/** Age of a value; says `stale` where it is. */
export const ageText = (ms: number | null): string =>
  ms === null ? 'never' : ms > staleFromMs ? `${elapsedText(ms)} stale` : elapsedText(ms);

/**
 * A duration on the command line, as the topology file writes it: `30s`, `5min`, `250ms`, `2h`. Null when it is none.
 */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|h|d)$/.exec(text);
  if (!match) return null;
  const ms = Number(match[1]) * { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms'];
  return ms > 0 ? ms : null;
}
