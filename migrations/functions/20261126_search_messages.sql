-- Ids of the messages of the current workspace that have all words of `term`, each as the beginning of a word, at most
-- `most`, the latest first.
-- Full text is not leakproof, so row-level security would keep the app's role from the index: the owner's function
-- names the workspace itself.
-- A common word is found in hundreds of thousands of messages. So the index also has blocks of ids, and the latest
-- blocks are asked first: where they have enough, the rest is not read; where they have not, the word is rare. ("+ 0"
-- keeps the planner from reading backwards by the key, which would look at every message for a word that is not there.)
CREATE FUNCTION search_messages(term text, most integer) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
  here bigint := current_workspace();
  wanted tsquery := (
    SELECT to_tsquery('simple', string_agg('''' || replace(word, '''', '''''') || ''':*', ' & '))
      FROM regexp_split_to_table(replace(fold(term), '\', ' '), '\s+') AS word WHERE word ~ '[[:alnum:]]');
  newest bigint := (SELECT id >> 14 FROM messages WHERE workspace_id = here ORDER BY id DESC LIMIT 1);
  found bigint[] := '{}';
BEGIN
  IF wanted IS NULL OR numnode(wanted) = 0 OR newest IS NULL THEN
    RETURN;
  END IF;
  FOR block IN REVERSE newest .. greatest(newest - 7, 0) LOOP
    EXECUTE
      'SELECT $1 || ARRAY(SELECT id FROM messages WHERE workspace_id = $2 AND (id >> 14) = $3'
      ' AND to_tsvector(''simple'', fold(body)) @@ $4 ORDER BY id + 0 DESC LIMIT $5)'
      INTO found USING found, here, block, wanted, most;
    IF cardinality(found) >= most THEN
      RETURN QUERY SELECT unnest(found[1:most]);
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY EXECUTE
    'SELECT id FROM messages WHERE workspace_id = $1 AND to_tsvector(''simple'', fold(body)) @@ $2'
    ' ORDER BY sent_at DESC, id DESC LIMIT $3'
    USING here, wanted, most;
END
$$;

REVOKE EXECUTE ON FUNCTION search_messages(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages(text, integer) TO huntaze_app;
