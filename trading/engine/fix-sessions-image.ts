import { readSessionImage, writeSessionImage } from '../fix/session-image.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';

/** Sessions as bytes; by name, so that equal ones are equal bytes. */
export const writeFixImage = (sessions: KeptFixSessions): Buffer => {
  const byName = [...sessions.all].sort((one, other) => (one.session < other.session ? -1 : 1));
  return Buffer.concat(byName.map(writeSessionImage));
};

/** Every session that such bytes hold; throws when they hold anything else. */
export const readFixImage = (bytes: Buffer): KeptFixSessions => {
  const found = new KeptFixSessions('every');
  for (let at = 0; at < bytes.length; ) {
    const { kept, end } = readSessionImage(bytes, at);
    found.take(kept);
    at = end;
  }
  return found;
};
