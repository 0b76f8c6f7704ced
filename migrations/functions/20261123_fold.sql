-- What a search compares: lower case, without accents ("Hélène" is found by "helene").
CREATE FUNCTION fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g')) $$;

-- The LIKE pattern of a text anywhere in another one.
CREATE FUNCTION like_anywhere(part text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT '%' || replace(replace(replace(part, '\', '\\'), '%', '\%'), '_', '\_') || '%' $$;

-- The pattern of what was typed. From three letters on anywhere, because the index is of three-letter
-- pieces; below that only at the beginning of a word, where it still has a piece to use.
CREATE FUNCTION search_pattern(term text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT like_anywhere(CASE WHEN length(term) < 3 THEN ' ' ELSE '' END || fold(term)) $$;
