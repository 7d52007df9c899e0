import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parseWardenAddress } from '../../adapters/gate/warden-protocol.ts';
import { bringBefore } from '../../adapters/system/scheduling.ts';
import { schedulingClasses, usualScheduling } from '../../core/topology/topology.ts';
import { WardenServer } from './warden-server.ts';

/**
 * warden ADDRESS TOKEN_FILE [CLASS]: closes the gates of one host when their agent stops refreshing them. Started beside the agent,
 * not by it. Prints `{"event":"ready"}` once it listens, then one line per closed gate.
 */
const [addressText, tokenFile, askedFor = usualScheduling as string] = process.argv.slice(2);
const atMost = schedulingClasses.find((each) => each === askedFor);
if (addressText === undefined || tokenFile === undefined || atMost === undefined) {
  process.stderr.write('usage   warden unix:PATH|abstract:NAME|tcp:HOST:PORT TOKEN_FILE [real-time|raised|ordinary]\n');
  process.exit(2);
}
const print = (line: string) => void process.stdout.write(`${line}\n`);
try {
  const server = new WardenServer({ token: readFileSync(tokenFile, 'utf8').trim(), log: print });
  await server.listen(parseWardenAddress(addressText));
  // Stripping types costs 17 MB for as long as the process lives; the next warden finds the result and does without.
  flushCompileCache();
  // On a busy host the warden goes before everything else. Where it may not, its bound is the scheduler's.
  await bringBefore(process.pid, { rank: 'fences', atMost });
  print(JSON.stringify({ event: 'ready', pid: process.pid }));
} catch (error) {
  process.stderr.write(
    `HF-6403 the warden could not start: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}
