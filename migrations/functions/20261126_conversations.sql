-- What the inbox shows of a conversation, kept by triggers on messages: whoever stores a message (a sync, a webhook, a
-- person's reply, a file) need not think of it, and in whatever order messages come, the summary is of all of them.

-- Sums the conversations up anew. An answer is what a person wrote to the fan and what is on its way or has arrived,
-- as of the moment when it was written: a fan who wrote while it waited in the queue is waiting. What goes to many at
-- once answers nobody. Read is what came before an answer, or before read_at; unread are counted up to 100.
CREATE FUNCTION summarise_conversations(workspace bigint, ids bigint[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  -- Whoever comes second waits here, and the next statement sees what the first one wrote. In the order of ids:
  -- nobody waits for one who waits for him.
  PERFORM FROM conversations AS c
    WHERE c.workspace_id = workspace AND c.id = ANY (ids) ORDER BY c.id FOR NO KEY UPDATE;
  UPDATE conversations AS c
     SET last_message_id = said.id,
         last_message_at = coalesce(said.sent_at, c.last_message_at),
         waiting_since = heard.sent_at,
         unread = unread.messages,
         touched_at = clock_timestamp()
    FROM conversations AS o
         LEFT JOIN LATERAL (
           SELECT m.id, m.sent_at FROM messages AS m
            WHERE m.workspace_id = workspace AND m.conversation_id = o.id AND m.deleted_at IS NULL
              AND m.state NOT IN ('scheduled', 'held', 'cancelled')
            ORDER BY m.sent_at DESC, m.id DESC LIMIT 1) AS said ON true
         CROSS JOIN LATERAL (
           SELECT max(coalesce(m.queued_at, m.sent_at)) AS at
             FROM (SELECT queued_at, sent_at FROM messages
                    WHERE workspace_id = workspace AND conversation_id = o.id AND deleted_at IS NULL
                      AND direction = 'outbound' AND NOT bulk
                      AND state IN ('scheduled', 'queued', 'sending', 'unknown', 'sent')
                    ORDER BY sent_at DESC, id DESC LIMIT 5) AS m) AS answer
         LEFT JOIN LATERAL (
           SELECT m.sent_at FROM messages AS m
            WHERE m.workspace_id = workspace AND m.conversation_id = o.id AND m.deleted_at IS NULL
              AND m.direction = 'inbound' AND m.sent_at > coalesce(answer.at, '-infinity')
            ORDER BY m.sent_at, m.id LIMIT 1) AS heard ON true
         CROSS JOIN LATERAL (
           SELECT count(*) AS messages
             FROM (SELECT FROM messages AS m
                    WHERE m.workspace_id = workspace AND m.conversation_id = o.id AND m.deleted_at IS NULL
                      AND m.direction = 'inbound'
                      AND m.sent_at > coalesce(greatest(answer.at, o.read_at), '-infinity')
                    LIMIT 100) AS m) AS unread
   WHERE c.workspace_id = workspace AND c.id = o.id AND o.workspace_id = workspace AND o.id = ANY (ids);
END
$$;

-- A fan who writes brings a conversation back that was put off or closed (what is older than all we know does not), and
-- cancels what was to go out unless the fan wrote first.
CREATE FUNCTION note_messages() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  each record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE messages AS m SET state = 'cancelled', failure = 'replied'
      FROM (SELECT workspace_id, conversation_id, max(sent_at) AS at FROM came
             WHERE direction = 'inbound' GROUP BY 1, 2) AS heard
     WHERE m.workspace_id = heard.workspace_id AND m.conversation_id = heard.conversation_id
       AND m.state IN ('scheduled', 'held') AND m.cancel_on_reply AND m.queued_at < heard.at;
    UPDATE conversations AS c SET snoozed_until = NULL, closed_at = NULL
      FROM (SELECT workspace_id, conversation_id, max(sent_at) AS at FROM came
             WHERE direction = 'inbound' GROUP BY 1, 2) AS heard
     WHERE c.workspace_id = heard.workspace_id AND c.id = heard.conversation_id
       AND (c.snoozed_until IS NOT NULL OR c.closed_at IS NOT NULL)
       AND (c.last_message_at IS NULL OR c.last_message_at < heard.at);
    FOR each IN SELECT workspace_id, array_agg(DISTINCT conversation_id) AS ids FROM came GROUP BY 1 LOOP
      PERFORM summarise_conversations(each.workspace_id, each.ids);
    END LOOP;
  ELSIF TG_OP = 'DELETE' THEN
    FOR each IN SELECT workspace_id, array_agg(DISTINCT conversation_id) AS ids FROM went GROUP BY 1 LOOP
      PERFORM summarise_conversations(each.workspace_id, each.ids);
    END LOOP;
  ELSE
    FOR each IN
      SELECT came.workspace_id, array_agg(DISTINCT came.conversation_id) AS ids
        FROM came JOIN went ON went.workspace_id = came.workspace_id AND went.id = came.id
       WHERE (came.state, came.sent_at, came.queued_at, came.deleted_at, came.body)
             IS DISTINCT FROM (went.state, went.sent_at, went.queued_at, went.deleted_at, went.body)
       GROUP BY 1
    LOOP
      PERFORM summarise_conversations(each.workspace_id, each.ids);
    END LOOP;
  END IF;
  RETURN NULL;
END
$$;

-- When a row was last changed, for streams, which tell what is new since. Not now(): that is when the transaction
-- began, and others may have looked since.
CREATE FUNCTION touch() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  new.touched_at := clock_timestamp();
  RETURN new;
END
$$;
