-- The figures of each day (daily_earnings, daily_subscribers), kept by triggers in the transaction that changes them.
-- Rows are only ever added: what a statement changed, by day, with a minus for what it took away. So at any moment,
-- and for every reader, the rows of a day add up to what the raw rows say, and two writers never wait for each other.
-- A job folds the rows of a day into one (services/rollups.py), which changes no sum.

-- What follows puts `changed` into a statement: a query of rows with a sign (1 came, -1 went).
CREATE FUNCTION earnings_by_day(changed text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT format('
  INSERT INTO daily_earnings (workspace_id, day, type, gross_cents, net_cents, payments)
  SELECT w.id, (occurred_at AT TIME ZONE w.time_zone)::date, type,
         sum(sign * gross_cents), sum(sign * net_cents), sum(sign)
    FROM (%s) AS changed JOIN workspaces AS w ON w.id = changed.workspace_id
   WHERE status = ''completed''
   GROUP BY 1, 2, 3
  HAVING sum(sign) <> 0 OR sum(sign * gross_cents) <> 0 OR sum(sign * net_cents) <> 0', changed) $$;

CREATE FUNCTION subscribers_by_day(changed text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT format('
  INSERT INTO daily_subscribers (workspace_id, event, day, status, fans)
  SELECT w.id, event, (at AT TIME ZONE w.time_zone)::date, status, sum(sign)
    FROM (%s) AS changed JOIN workspaces AS w ON w.id = changed.workspace_id
         CROSS JOIN LATERAL (VALUES (''joined'', joined_at), (''renews'', renews_at)) AS dated (event, at)
   WHERE archived_at IS NULL AND at IS NOT NULL
   GROUP BY 1, 2, 3, 4
  HAVING sum(sign) <> 0', changed) $$;

-- While a transaction counts or folds days of a workspace, its time zone stays: `rebuild_days` waits for all of them.
CREATE FUNCTION keep_days(workspace bigint) RETURNS void
LANGUAGE sql
AS $$ SELECT pg_advisory_xact_lock_shared(hashtextextended('days', workspace)) $$;

-- The trigger of transactions and of subscribers, after each statement. Its argument is one of the two above.
-- EXECUTE plans for this very statement: it is of one row mostly, and of a million when a creator is loaded.
CREATE FUNCTION note_days() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  changed text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM came'
    WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM went'
    ELSE 'SELECT 1 AS sign, * FROM came UNION ALL SELECT -1, * FROM went' END;
BEGIN
  EXECUTE format('SELECT keep_days(workspace_id) FROM (SELECT DISTINCT workspace_id FROM (%s) AS changed) AS here',
                 changed);
  IF TG_ARGV[0] = 'earnings' THEN
    EXECUTE earnings_by_day(changed);
  ELSE
    EXECUTE subscribers_by_day(changed);
  END IF;
  RETURN NULL;
END
$$;

-- All days of a workspace anew from the raw rows: where there were no triggers, and where midnight is another one.
CREATE FUNCTION rebuild_days(workspace bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('days', workspace));
  DELETE FROM daily_earnings WHERE workspace_id = workspace;
  DELETE FROM daily_subscribers WHERE workspace_id = workspace;
  EXECUTE earnings_by_day(format('SELECT 1 AS sign, * FROM transactions WHERE workspace_id = %s', workspace));
  EXECUTE subscribers_by_day(format('SELECT 1 AS sign, * FROM subscribers WHERE workspace_id = %s', workspace));
END
$$;

CREATE FUNCTION rebuild_days() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM rebuild_days(new.id);
  RETURN NULL;
END
$$;
