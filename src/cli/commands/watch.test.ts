import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { watchCommand } from './watch.ts';

/** A terminal that says when something that it waits for was written. */
class WatchedTerminal extends FakeTerminal {
  readonly #awaited: (output: string) => void;
  constructor(options: { readonly interactive?: boolean }, awaited: (output: string) => void) {
    super(options);
    this.#awaited = awaited;
  }
  override out(text: string): void {
    super.out(text);
    this.#awaited(this.output);
  }
}

test('on a pipe there is one JSON line per change, and none for a second that merely passes', async () => {
  const firm = new SimulatedFirm();
  const stop = new AbortController();
  const terminal = new WatchedTerminal({}, (output) => {
    if (output.includes('"ALFA LOST"') && output.includes('waitsForApproval":"')) stop.abort();
  });
  const watching = watchCommand(contextOf(firm, { terminal, signal: stop.signal }), { maxAgeMs: 60_000 });
  firm.loseActiveSite();
  const outcome = await watching;
  assert.equal(outcome.exitCode, 0);
  const lines = terminal.output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines[0].groups[0].word, 'HEALTHY');
  assert.equal(lines.at(-1).groups[0].word, 'ALFA LOST');
  assert.ok(lines.length < 40, `${lines.length} lines`);
  const told = lines.map(({ at, ...rest }) => JSON.stringify(rest));
  for (const [index, line] of told.entries()) assert.notEqual(line, told[index - 1]);
});

test('a stream that brings nothing fresh says STALE and ends with 5', async () => {
  const firm = new SimulatedFirm();
  const terminal = new FakeTerminal({ interactive: true });
  const watching = watchCommand(contextOf(firm, { terminal }), { maxAgeMs: 4000 });
  firm.world.authority.loseQuorum(true);
  const outcome = await watching;
  assert.equal(outcome.exitCode, 5);
  assert.match(outcome.text, /^STALE {3}HF-8009 nothing fresh for /);
});

test('on a terminal the screen is redrawn, and what changed a moment ago is starred', async () => {
  const firm = new SimulatedFirm();
  const stop = new AbortController();
  const terminal = new WatchedTerminal({ interactive: true }, (output) => {
    if (/✕ alfa +failed\*/.test(output)) stop.abort();
  });
  const watching = watchCommand(contextOf(firm, { terminal, signal: stop.signal }), { maxAgeMs: 60_000 });
  firm.loseActiveSite();
  assert.equal((await watching).exitCode, 0);
  assert.ok(terminal.output.startsWith('\u001b[H\u001b[J● HEALTHY'));
});
