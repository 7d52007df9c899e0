/** Maps moments to horizontal positions, with ticks at round distances from its start. */
export interface TimeScale {
  readonly fromMs: number;
  readonly toMs: number;
  x(atMs: number): number;
  readonly ticks: readonly { readonly elapsedMs: number; readonly x: number }[];
}

export function timeScale(options: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly left: number;
  readonly right: number;
}): TimeScale {
  const { fromMs, left, right } = options;
  const spanMs = Math.max(1, options.toMs - fromMs);
  const x = (atMs: number) => left + ((atMs - fromMs) / spanMs) * (right - left);
  const step = roundStep(spanMs / 6);
  const ticks = [];
  for (let elapsedMs = 0; elapsedMs <= spanMs * 1.0001; elapsedMs += step)
    ticks.push({ elapsedMs, x: x(fromMs + elapsedMs) });
  return { fromMs, toMs: fromMs + spanMs, x, ticks };
}

/** 1, 2 or 5 times a power of ten, at least 1 ms. */
function roundStep(roughMs: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, roughMs)));
  const factor = [1, 2, 5, 10].find((each) => each * power >= roughMs) ?? 10;
  return factor * power;
}

/** Coordinates with one decimal: enough for paper, and the same text on every machine. */
export const at = (value: number): string => String(Math.round(value * 10) / 10);
