import { monoNowMs } from '../base/mono-clock.ts';

const originMs = Number(process.hrtime.bigint()) / 1e6 - monoNowMs();

/** Milliseconds of `CLOCK_MONOTONIC`, which all processes of a host share; comparable on that host only. */
export const monoMs = (): number => originMs + monoNowMs();

/** UTC, ISO 8601, of a moment on the monotonic clock; for people, never for safety. */
export const wallTimeOf = (atMonoMs: number): string => new Date(Date.now() - (monoMs() - atMonoMs)).toISOString();
