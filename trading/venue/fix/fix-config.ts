import type { ConfigFile, ListenAddress } from '../../base/config-file.ts';

/** `orders`: order entry, with the firm's reports. `drop-copy`: its reports only, and questions about its orders. */
export const FIX_PURPOSES = ['orders', 'drop-copy'] as const;
export type FixPurpose = (typeof FIX_PURPOSES)[number];

/** One session that a firm may have; the other side is known by its CompID. */
export interface FixSessionConfig {
  readonly compId: string;
  readonly firm: string;
  /** Name of the session at the exchange, whatever the protocol. */
  readonly session: string;
  readonly purpose: FixPurpose;
  /** Whether its Logon may begin again at 1. */
  readonly acceptReset: boolean;
}

export interface FixConfig {
  readonly listen: ListenAddress;
  /** The exchange's CompID. */
  readonly compId: string;
  /** A price in a message has this many decimals; one tick is the last of them. */
  readonly priceDecimals: number;
  readonly sessions: readonly FixSessionConfig[];
}

const COMP_ID = /^[\x21-\x7e]{1,64}$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MOST_DECIMALS = 8;

/** Reads the section `fix` of an exchange's configuration. */
export const readFixConfig = (file: ConfigFile, fix: ConfigFile): FixConfig => {
  const compId = compIdOf(fix, 'compId', fix.text('compId', 'VENUE'));
  const priceDecimals = fix.count('priceDecimals', 0);
  if (priceDecimals > MOST_DECIMALS) throw fix.error('fix.priceDecimals', `must be at most ${MOST_DECIMALS}`);
  const listed = fix.section('sessions');
  const sessions = (listed?.names() ?? []).map((name) => readSession(name, listed!.requiredSection(name)));
  if (sessions.length === 0) throw fix.error('fix.sessions', 'must name at least one session, by its CompID');
  return { listen: file.listen('fix'), compId, priceDecimals, sessions };
};

const readSession = (compId: string, section: ConfigFile): FixSessionConfig => {
  compIdOf(section, 'sessions', compId);
  const firm = section.text('firm', compId);
  if (!NAME.test(firm)) throw section.error(`fix.sessions.${compId}.firm`, 'is no name of a firm');
  const purpose = FIX_PURPOSES.find((each) => each === section.text('purpose', 'orders'));
  if (purpose === undefined)
    throw section.error(`fix.sessions.${compId}.purpose`, `must be one of ${FIX_PURPOSES.join(', ')}`);
  const reset = section.text('reset', 'accept');
  if (reset !== 'accept' && reset !== 'refuse')
    throw section.error(`fix.sessions.${compId}.reset`, 'must be accept or refuse');
  return { compId, firm, session: section.text('session', compId), purpose, acceptReset: reset === 'accept' };
};

const compIdOf = (section: ConfigFile, name: string, value: string): string => {
  if (!COMP_ID.test(value))
    throw section.error(`fix.${name}`, `has the CompID "${value}": it must be 1 to 64 visible ASCII characters`);
  return value;
};
