/**
 * wrong-failovers-busy SECONDS PARENT: keeps one processor busy at the priority that it was given, and ends by itself after so long, or
 * as soon as the process PARENT, which started it, is gone. One line a second: the longest time for which it was not run although it always could be.
 */
const [seconds, parent] = process.argv.slice(2).map(Number);
const endsAt = performance.now() + (seconds ?? Number.NaN) * 1000;
/** Between two looks at the clock. */
const SPINS = 20_000;
const TELLS_EVERY_MS = 1000;

let before = performance.now();
let toldAt = before;
let longestMs = 0;
let sink = 0;

const spin = (): void => {
  for (let n = 0; n < SPINS; n += 1) sink = (sink * 31 + n) | 0;
  const now = performance.now();
  longestMs = Math.max(longestMs, now - before);
  before = now;
};

/** A second of work, then a turn of the loop in which the line leaves. */
function work(): void {
  while (before - toldAt < TELLS_EVERY_MS) spin();
  if (process.ppid !== parent || before > endsAt) process.exit(0);
  const { user, system } = process.cpuUsage();
  process.stdout.write(
    `${JSON.stringify({ notRunMs: Math.round(longestMs), cpuMs: Math.round((user + system) / 1000), sink })}\n`,
  );
  toldAt = before;
  longestMs = 0;
  setImmediate(work);
}

process.stdout.on('error', () => process.exit(0));
if (!Number.isFinite(endsAt) || !Number.isInteger(parent)) {
  process.stderr.write('usage: wrong-failovers-busy SECONDS PARENT\n');
  process.exit(2);
}
work();
