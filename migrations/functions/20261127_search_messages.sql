-- Which week a moment is in, counted from 1970 on.
CREATE FUNCTION message_week(at timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((at AT TIME ZONE 'UTC')::date - date '1970-01-01') / 7;

-- What the search's index has of a message: each word with the workspace and the week before it, as in '7.2969.hello'.
-- So a search reads what one workspace said in one week, however much it or others said besides.
-- A word of thousands of letters would be too long with that: of long messages each has 100 of its letters.
CREATE FUNCTION message_words(workspace bigint, at timestamptz, body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(
  ' ' || strip(to_tsvector('simple', CASE WHEN octet_length(body) < 180 THEN fold(body)
                                          ELSE regexp_replace(fold(body), '(\S{100})\S+', '\1', 'g') END))::text,
  ' ''', ' ''' || workspace::text || '.' || message_week(at)::text || '.')::tsvector;

-- Ids of the messages of the current workspace that have all words of `term`, each as the beginning of a word, at most
-- `most`, the latest first.
-- Full text is not leakproof, so row-level security would keep the app's role from the index: the owner's function
-- names the workspace itself.
-- A common word is found in hundreds of thousands of messages, so the weeks are asked one after the other, the latest
-- first, until there are enough. A word that is nowhere takes 0.05 ms for each week.
-- ("+ 0" and "+ interval" keep the planner from the other indexes of the workspace: they have all its messages.)
CREATE FUNCTION search_messages(term text, most integer) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  here bigint := current_workspace();
  -- As in 'good':* & 'morn':*, with a sign before each word that no word can have.
  wanted text := (
    SELECT string_agg('''' || chr(1) || replace(replace(word, '\', '\\'), '''', '''''') || ''':*', ' & ')
      FROM unnest(tsvector_to_array(to_tsvector('simple', fold(term)))) AS word);
  first integer := (SELECT message_week(min(sent_at)) FROM messages WHERE workspace_id = here);
  last integer := (SELECT message_week(max(sent_at)) FROM messages WHERE workspace_id = here);
  found bigint[] := '{}';
BEGIN
  IF wanted IS NULL OR first IS NULL THEN
    RETURN;
  END IF;
  FOR week IN REVERSE last .. first LOOP
    found := found || ARRAY(
      SELECT id FROM messages
       WHERE message_words(workspace_id, sent_at, body)
             @@ replace(wanted, chr(1), here || '.' || week || '.')::tsquery
         AND workspace_id + 0 = here
       ORDER BY sent_at + interval '0' DESC, id DESC LIMIT most - cardinality(found));
    EXIT WHEN cardinality(found) >= most;
  END LOOP;
  RETURN QUERY SELECT unnest(found);
END
$$;

REVOKE EXECUTE ON FUNCTION search_messages(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages(text, integer) TO huntaze_app;
