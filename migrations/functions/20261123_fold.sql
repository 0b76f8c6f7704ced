-- What a search compares: lower case, without accents ("Hélène" is found by "helene").
CREATE FUNCTION fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g')) $$;

-- The LIKE pattern of what was typed. From three letters on anywhere, because the index is of
-- three-letter pieces; below that only at the beginning of a word, where it still has a piece to use.
CREATE FUNCTION search_pattern(term text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
  SELECT '%' || CASE WHEN length(term) < 3 THEN ' ' ELSE '' END
      || replace(replace(replace(fold(term), '\', '\\'), '%', '\%'), '_', '\_') || '%'
$$;
