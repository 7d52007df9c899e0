import { type JsonRecord, textField } from '../base/json-record.ts';
import { badMessage, type LinePeer, LineServer } from '../base/line-server.ts';
import type { TokenFile } from '../base/token-file.ts';
import type { ExposureBook } from './exposure-book.ts';
import type { Author } from './limit-store.ts';
import { parseRuleChange } from './limits.ts';
import type { RiskReign } from './risk-reign.ts';

export interface RiskPortOptions {
  readonly instance: string;
  readonly token: TokenFile;
  /** Null while this instance is not primary. */
  readonly reign: () => RiskReign | null;
}

/**
 * The risk engine's own port, for people and tools: `status`, `rules`, `exposures`; and with the token, a name and a reason `change`
 * and `accept-figures`. What changes something is answered when it is stored.
 */
export const riskPort = (options: RiskPortOptions): LineServer =>
  new LineServer((peer, request) => {
    const { instance } = options;
    const reign = options.reign();
    if (request.t === 'status') {
      const figures = reign === null ? {} : { failSafe: reign.failSafe, problem: reign.problem, ...reign.figures };
      peer.send({ t: 'status', instance, primary: reign !== null, ...figures });
      return;
    }
    if (reign === null) return peer.send({ t: 'reject', code: 'not-primary' });
    switch (request.t) {
      case 'rules':
        peer.send({ t: 'rules', version: reign.position, rules: reign.rules });
        return;
      case 'exposures':
        peer.sendAll(exposures(reign.book));
        return;
      case 'change':
      case 'accept-figures':
        command({ peer, request, reign, token: options.token });
        return;
      default:
        peer.send(badMessage);
    }
  });

const command = ({
  peer,
  request,
  reign,
  token,
}: {
  readonly peer: LinePeer;
  readonly request: JsonRecord;
  readonly reign: RiskReign;
  readonly token: TokenFile;
}): void => {
  if (!token.accepts(request['token'])) return peer.send({ t: 'reject', code: 'unauthorized' });
  const author = authorOf(request);
  if (author === null) return peer.send({ ...badMessage, message: 'name who asks ("by") and why ("reason")' });
  const change = request.t === 'change' ? parseRuleChange(request) : null;
  if (typeof change === 'string') return peer.send({ ...badMessage, message: change });
  const done = change === null ? reign.acceptFigures(author) : reign.change(change, author);
  void done.then((version) => peer.send({ t: 'changed', version }));
};

const authorOf = (request: JsonRecord): Author | null => {
  const by = textField(request, 'by');
  const reason = textField(request, 'reason');
  return by === null || reason === null ? null : { by, reason };
};

/** Everything as it was at this moment: it is gathered before the first line leaves. */
const exposures = (book: ExposureBook): Iterator<object> => {
  const clients = book.clients.toSorted();
  const messages = [
    { t: 'exposures', through: book.through, epoch: book.epoch },
    ...clients.flatMap((client) => [
      { t: 'client', client, ...book.client(client) },
      ...book.symbolsOf(client).map((symbol) => ({
        t: 'pair',
        client,
        symbol,
        mark: book.marks.get(symbol) ?? null,
        ...book.pair(client, symbol),
      })),
    ]),
    { t: 'exposures-end', through: book.through },
  ];
  return messages.values();
};
