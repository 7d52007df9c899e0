import type { TestEvent } from 'node:test/reporters';
import { fileOf } from './second-try.ts';

/** For `test/run.ts`, to a file of its own beside what people read: `{failedIn: FILE}` for each test that failed, then the runner's counts. */
// biome-ignore lint/style/noDefaultExport: what the runner loads
export default async function* playedReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.details.type !== 'suite') yield `${JSON.stringify({ failedIn: fileOf(data) })}\n`;
    else if (type === 'test:summary' && data.file === undefined) yield `${JSON.stringify({ counts: data.counts })}\n`;
  }
}
