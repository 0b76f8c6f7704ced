-- The workspace of this transaction; NULL (no row matches) where none was named.
CREATE FUNCTION current_workspace() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('huntaze.workspace_id', true), '')::bigint $$;
