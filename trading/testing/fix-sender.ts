import { BodyWriter } from '../fix/body-writer.ts';
import { openSessionFile } from '../fix/file-entry-log.ts';
import { FixInitiator } from '../fix/fix-initiator.ts';
import { TAG } from '../fix/tags.ts';

/** `fix-sender.ts PORT DIRECTORY RUN`: sends without end on a session kept in files, and prints each id once it is safe. To be killed. */
const [port = '', directory = '', run = ''] = process.argv.slice(2);
const onFailure = (error: Error): never => {
  throw error;
};
const { store } = await openSessionFile('venue', { directory, sync: 'group', onFailure });
const writer = new BodyWriter();
let count = 0;

const sendSome = (link: FixInitiator['link']): void => {
  const ids: string[] = [];
  for (let at = 0; at < 3; at++) {
    const id = `${run}-${++count}`;
    link.send('H', writer.begin().text(TAG.ClOrdID, id).text(TAG.Side, '1').body());
    ids.push(id);
  }
  link.whenSafe(() => {
    for (const id of ids) process.stdout.write(`${id}\n`);
    setImmediate(() => sendSome(link));
  });
};

const initiator = new FixInitiator({
  host: '127.0.0.1',
  port: Number(port),
  session: {
    role: 'initiator',
    senderCompId: 'FIRM',
    targetCompId: 'VENUE',
    reserveAhead: Number(run) % 2 === 0 ? 0 : 8,
  },
  store,
  application: { onMessage: () => {}, onNotice: () => {} },
});
initiator.start();
sendSome(initiator.link);
