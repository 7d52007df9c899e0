import { writerEpochSql } from './writer-epoch.ts';

export const writerEpochTable = 'writer_epoch';
const writerEpoch = writerEpochSql(writerEpochTable);

/** States of orders that are neither filled, cancelled nor rejected, as a list in SQL. */
export const activeStates = `'pending', 'open'`;

/**
 * What order management keeps in PostgreSQL. Each statement may be repeated; only the primary executes them. Prices are ticks,
 * quantities lots; `seq` and `epoch` are those of the journal entry that a row came from, and unique: no entry can be applied
 * twice, not even by hand. `stored_at` is the database's clock when the row came, for people.
 */
export const schemaStatements: readonly string[] = [
  writerEpoch.create,
  `CREATE TABLE IF NOT EXISTS public.oms_position (
     stream text PRIMARY KEY, epoch bigint NOT NULL, sequence bigint NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS public.orders (
     id text PRIMARY KEY, client text NOT NULL, symbol text NOT NULL, side char(1) NOT NULL CHECK (side IN ('B', 'S')),
     price bigint NOT NULL, qty bigint NOT NULL, state text NOT NULL, filled bigint NOT NULL CHECK (filled <= qty),
     seq bigint NOT NULL UNIQUE, epoch bigint NOT NULL, stored_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
  `CREATE TABLE IF NOT EXISTS public.trades (
     exec text NOT NULL, order_id text NOT NULL REFERENCES public.orders (id), price bigint NOT NULL,
     qty bigint NOT NULL CHECK (qty > 0), seq bigint NOT NULL UNIQUE, epoch bigint NOT NULL,
     venue text NOT NULL DEFAULT '', stored_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (venue, exec))`,
  `CREATE TABLE IF NOT EXISTS public.oms_breaks (
     seq bigint PRIMARY KEY, epoch bigint NOT NULL, order_id text NOT NULL, reason text NOT NULL)`,
  // Making an index takes the table's lock before it looks whether the index is there; a commit that waits for its peer may hold that.
  `DO $$ BEGIN
     IF to_regclass('public.orders_active') IS NULL THEN
       CREATE INDEX orders_active ON public.orders (seq) WHERE state IN (${activeStates});
     END IF;
   END $$`,
];

/** See `WriterEpochSql`. */
export const { lock: lockWriterEpoch } = writerEpoch;

export const readPosition = `
  SELECT epoch::float8 AS epoch, sequence::float8 AS sequence FROM public.oms_position WHERE stream = $1`;

export const createPosition = `
  INSERT INTO public.oms_position (stream, epoch, sequence) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING`;

/** Changes no row when somebody else has moved the position. */
export const advancePosition = `
  UPDATE public.oms_position SET epoch = $3, sequence = $4 WHERE stream = $1 AND sequence = $2`;

export const countActiveOrders = `
  SELECT count(*)::float8 AS count FROM public.orders WHERE state IN (${activeStates})`;

export const insertOrders = `
  INSERT INTO public.orders (id, client, symbol, side, price, qty, state, filled, seq, epoch)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
                       $8::bigint[], $9::bigint[], $10::bigint[])`;

export const readOrders = `
  SELECT id, price::float8 AS price, qty::float8 AS qty, state, filled::float8 AS filled FROM public.orders WHERE id = ANY($1)`;

export const updateOrders = `
  UPDATE public.orders AS o SET state = c.state, filled = c.filled, price = c.price, qty = c.qty
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS c (id, state, filled, price, qty) WHERE o.id = c.id`;

export const insertTrades = `
  INSERT INTO public.trades (exec, order_id, price, qty, seq, epoch, venue)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])`;

export const insertBreaks = `
  INSERT INTO public.oms_breaks (seq, epoch, order_id, reason)
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])`;
