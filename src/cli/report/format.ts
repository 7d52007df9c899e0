import { type Html, html } from './html.ts';

/** The words for a missing value; never zero, a dash or a blank. */
export const notMeasured: Html = html`<span class="absent"><span class="g unknown" aria-hidden="true">?</span> not measured</span>`;

export function duration(ms: number): string {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 1_000) return `${trimmed(ms, ms < 10 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${ms % 1_000 === 0 ? ms / 1_000 : (ms / 1_000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

export const durationOr = (ms: number | null): string | Html => (ms === null ? notMeasured : duration(ms));

export const count = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

export const countOr = (value: number | null): string | Html => (value === null ? notMeasured : count(value));

export const counted = (value: number, one: string, many: string): string =>
  value === 1 ? `1 ${one}` : `${count(value)} ${many}`;

/** `2026-11-21 03:12:49.183Z`; a stamp outside the calendar is said to be one. */
export function utc(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? `unreadable time ${atMs}` : date.toISOString().replace('T', ' ');
}

export function utcTime(atMs: number): string {
  const text = utc(atMs);
  return text.startsWith('unreadable') ? text : text.slice(11);
}

export const bound = (clockErrorMs: number | null): string =>
  clockErrorMs === null ? '± unknown' : `± ${duration(clockErrorMs)}`;

export function bytes(value: number): string {
  if (value < 1_000_000) return `${trimmed(value / 1_000, 1)} kB`;
  if (value < 1_000_000_000) return `${trimmed(value / 1_000_000, 1)} MB`;
  return `${trimmed(value / 1_000_000_000, 2)} GB`;
}

export const percent = (share: number): string => `${trimmed(share * 100, 1)} %`;

/** Long digests shortened for reading; the JSON has them whole. */
export const shortDigest = (text: string): string => (text.length > 20 ? `${text.slice(0, 16)}…` : text);

const trimmed = (value: number, digits: number): string => String(Number(value.toFixed(digits)));
const pad = (value: number): string => String(value).padStart(2, '0');
