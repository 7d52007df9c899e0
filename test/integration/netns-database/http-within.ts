import { createInterface } from 'node:readline';
import { type HttpIdentity, type HttpQuestion, httpBy } from '../../../src/adapters/patroni/http.ts';

/** Asks over HTTP from inside a namespace, for a test outside it: an identity, then one question a line; answers as they come. */
export interface QuestionLine {
  readonly id: number;
  readonly question: HttpQuestion;
  readonly deadlineMs: number;
}

let ask: ReturnType<typeof httpBy> | null = null;
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (ask === null) {
      ask = httpBy(JSON.parse(line) as HttpIdentity);
      return;
    }
    const { id, question, deadlineMs } = JSON.parse(line) as QuestionLine;
    void ask(question, { deadlineMs }).then((answer) => process.stdout.write(`${JSON.stringify({ id, answer })}\n`));
  })
  .on('close', () => process.exit(0));
process.stdout.write('ready\n');
