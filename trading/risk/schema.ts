import { writerEpochSql } from '../oms/writer-epoch.ts';

export const writerEpochTable = 'risk_writer_epoch';
/** What a risk engine's connection is called, with its epoch behind it. */
export const writerName = 'holdfast-risk';
const writerEpoch = writerEpochSql(writerEpochTable);

/**
 * What a risk engine keeps in PostgreSQL, in order management's database: the rules, every change of them with who made it and why,
 * and the writer epoch. Each statement may be repeated; only the primary executes them.
 */
export const schemaStatements: readonly string[] = [
  writerEpoch.create,
  `CREATE TABLE IF NOT EXISTS public.risk_rules (
     scope text NOT NULL CHECK (scope IN ('firm', 'client', 'symbol')), name text NOT NULL, killed boolean NOT NULL,
     limits jsonb NOT NULL, version bigint NOT NULL, PRIMARY KEY (scope, name))`,
  `CREATE TABLE IF NOT EXISTS public.risk_changes (
     version bigint PRIMARY KEY, epoch bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), set_by text NOT NULL,
     reason text NOT NULL, scope text NOT NULL, name text NOT NULL, killed boolean NOT NULL, limits jsonb NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS public.risk_exposures (
     stream text PRIMARY KEY, through bigint NOT NULL, epoch bigint NOT NULL, content text NOT NULL, sha256 text NOT NULL,
     writer_epoch bigint NOT NULL, at timestamptz NOT NULL DEFAULT now())`,
];

/** See `WriterEpochSql`. */
export const { lock: lockWriterEpoch } = writerEpoch;

export const readRules = 'SELECT scope, name, killed, limits FROM public.risk_rules ORDER BY scope, name';

export const readVersion = `
  SELECT coalesce(max(version), 0)::float8 AS version, coalesce((
    SELECT epoch FROM public.risk_changes ORDER BY version DESC LIMIT 1), 0)::float8 AS epoch
  FROM public.risk_changes`;

/** The version is unique: a change that was not made after the last one is refused by the key. */
export const insertChange = `
  INSERT INTO public.risk_changes (version, epoch, set_by, reason, scope, name, killed, limits)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;

export const putRule = `
  INSERT INTO public.risk_rules (scope, name, killed, limits, version) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (scope, name) DO UPDATE SET killed = excluded.killed, limits = excluded.limits, version = excluded.version`;

/** An image of exposures takes the place of the one before only if it is newer, and where order management has stored all that is in it. */
export const putExposures = `
  INSERT INTO public.risk_exposures (stream, through, epoch, content, sha256, writer_epoch)
  SELECT p.stream, $2, $3, $4, $5, $6 FROM public.oms_position AS p WHERE p.stream = $1 AND p.sequence >= $2
  ON CONFLICT (stream) DO UPDATE SET through = excluded.through, epoch = excluded.epoch, content = excluded.content,
    sha256 = excluded.sha256, writer_epoch = excluded.writer_epoch, at = excluded.at
  WHERE risk_exposures.through < excluded.through`;

export const readExposures = `
  SELECT through::float8 AS through, epoch::float8 AS epoch, content AS text, sha256 FROM public.risk_exposures WHERE stream = $1`;

/** Order management's tables are there. */
export const tradesThere = `SELECT to_regclass('public.trades') IS NOT NULL AND to_regclass('public.oms_position') IS NOT NULL AS there`;

export const readStoredPosition = 'SELECT sequence::float8 AS sequence FROM public.oms_position WHERE stream = $1';

/** Positions that the stored trades amount to. */
export const sumTrades = `
  SELECT o.client, o.symbol, sum(CASE o.side WHEN 'B' THEN t.qty ELSE -t.qty END)::float8 AS lots
  FROM public.trades t JOIN public.orders o ON o.id = t.order_id GROUP BY o.client, o.symbol`;
