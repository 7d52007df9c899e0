import type { DialAddress } from '../system/dial.ts';

/** Where one database leads to, from the file that pgBouncer includes; null when it has no such line. */
export function targetIn(file: string, database: string): DialAddress | null {
  const line = lineOf(file, database);
  if (line === null) return null;
  const [host, port] = [settingOf(line.text, 'host'), settingOf(line.text, 'port')];
  return host === null ? null : { host, port: Number(port ?? 5432) };
}

/** The file with that database led elsewhere; everything else in it stays. Null when it has no such line to change. */
export function withTarget(file: string, database: string, target: DialAddress): string | null {
  const line = lineOf(file, database);
  if (line === null || settingOf(line.text, 'host') === null) return null;
  const hosted = line.text.replace(/(\bhost\s*=\s*)[^\s]+/, `$1${target.host}`);
  const led = /\bport\s*=/.test(hosted)
    ? hosted.replace(/(\bport\s*=\s*)\d+/, `$1${target.port}`)
    : `${hosted} port=${target.port}`;
  return file.slice(0, line.from) + led + file.slice(line.from + line.text.length);
}

function lineOf(file: string, database: string): { readonly text: string; readonly from: number } | null {
  let at = 0;
  for (const text of file.split('\n')) {
    if (/^\s*([A-Za-z0-9_-]+)\s*=/.exec(text)?.[1] === database) return { text, from: at };
    at += text.length + 1;
  }
  return null;
}

/** Quotes and several hosts are for a person to change. */
function settingOf(line: string, name: string): string | null {
  const found = new RegExp(`\\b${name}\\s*=\\s*([^\\s]+)`).exec(line.slice(line.indexOf('=') + 1))?.[1];
  return found === undefined || /['",]/.test(found) ? null : found;
}
