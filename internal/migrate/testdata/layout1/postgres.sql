
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE FUNCTION public.ashlar_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
	stripe bigint := nullif(current_setting('ashlar.stripe', true), '')::bigint;
BEGIN
	IF stripe IS NULL THEN
		stripe := coalesce((SELECT s FROM generate_series(0, 4095) AS s WHERE pg_try_advisory_xact_lock(1634955110, s) LIMIT 1), 4096)::text;
		PERFORM set_config('ashlar.stripe', stripe::text, true);
	END IF;
	EXECUTE format('INSERT INTO %I.ashlar_generations AS g ("table", stripe, generation) VALUES ($1, $2, 1)
		ON CONFLICT ("table", stripe) DO UPDATE SET generation = g.generation + 1', TG_TABLE_SCHEMA) USING TG_TABLE_NAME::text, stripe;
	RETURN NULL;
END $_$;

CREATE FUNCTION public.ashlar_cleared() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
	NEW."_rev" := nextval('ashlar_revision');
	RETURN NEW;
END $$;

CREATE FUNCTION public.ashlar_concat(a text, b text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF octet_length(a) + octet_length(b) <= 1048576 THEN RETURN a || b; END IF;
	RETURN NULL;
END $$;

CREATE FUNCTION public.ashlar_contains(a text, b text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	DECLARE
		hay bytea := textsend(a);
		part bytea := textsend(b);
		n bigint := octet_length(part);
		step bigint := 1073741824 / greatest(n, 1);
		at bigint := 1;
	BEGIN
		LOOP
			IF step >= octet_length(hay) THEN RETURN position(part IN hay) > 0; END IF;
			IF position(part IN substr(hay, at::int, (step + n - 1)::int)) > 0 THEN RETURN TRUE; END IF;
			at := at + step;
			IF at + n - 1 > octet_length(hay) THEN RETURN FALSE; END IF;
		END LOOP;
	END;
END $$;

CREATE FUNCTION public.ashlar_dec(x numeric, below numeric) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF abs(x) < below THEN RETURN x; END IF;
	RETURN NULL;
END $$;

CREATE FUNCTION public.ashlar_exact(x double precision) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	DECLARE
		bits bigint := ('x' || encode(float8send(x), 'hex'))::bit(64)::bigint;
		exponent int := (bits >> 52) & 2047;
		significand numeric := bits & 4503599627370495;
	BEGIN
		IF exponent = 0 THEN
			exponent := 1;
		ELSE
			significand := significand + 4503599627370496;
		END IF;
		IF x < 0 THEN
			significand := -significand;
		END IF;
		exponent := exponent - 1075;
		IF exponent >= 0 THEN
			RETURN significand * 2::numeric ^ exponent;
		END IF;
		RETURN significand * 5::numeric ^ -exponent * ('1e' || exponent)::numeric;
	END;
END $$;

CREATE FUNCTION public.ashlar_float_add(a double precision, b double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF abs(a) > 1e307 OR abs(b) > 1e307 THEN
		IF abs(ashlar_exact(a) + ashlar_exact(b)) >= (2::numeric ^ 1024 - 2::numeric ^ 970) THEN RETURN NULL; END IF;
	END IF;
	RETURN a + b;
END $$;

CREATE FUNCTION public.ashlar_float_div(a double precision, b double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF b = 0 THEN RETURN NULL; END IF;
	IF a = 0 THEN RETURN 0; END IF;
	IF abs(a) NOT BETWEEN 1e-150 AND 1e150 OR abs(b) NOT BETWEEN 1e-150 AND 1e150 THEN
		IF abs(ashlar_exact(a)) >= abs(ashlar_exact(b)) * (2::numeric ^ 1024 - 2::numeric ^ 970) THEN RETURN NULL; END IF;
		IF abs(ashlar_exact(a)) <= abs(ashlar_exact(b)) * (5::numeric ^ 1075 * '1e-1075'::numeric) THEN RETURN 0; END IF;
	END IF;
	RETURN a / b;
END $$;

CREATE FUNCTION public.ashlar_float_mul(a double precision, b double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF a = 0 OR b = 0 THEN RETURN 0; END IF;
	IF abs(a) NOT BETWEEN 1e-150 AND 1e150 OR abs(b) NOT BETWEEN 1e-150 AND 1e150 THEN
		IF abs(ashlar_exact(a) * ashlar_exact(b)) >= (2::numeric ^ 1024 - 2::numeric ^ 970) THEN RETURN NULL; END IF;
		IF abs(ashlar_exact(a) * ashlar_exact(b)) <= (5::numeric ^ 1075 * '1e-1075'::numeric) THEN RETURN 0; END IF;
	END IF;
	RETURN a * b;
END $$;

CREATE FUNCTION public.ashlar_int(x numeric) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF x BETWEEN -9223372036854775808 AND 9223372036854775807 THEN RETURN x; END IF;
	RETURN NULL;
END $$;

CREATE FUNCTION public.ashlar_int_div(a bigint, b bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF b = 0 OR (a = -9223372036854775808 AND b = -1) THEN RETURN NULL; END IF;
	RETURN a / b;
END $$;

CREATE FUNCTION public.ashlar_int_mod(a bigint, b bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF b = 0 OR (a = -9223372036854775808 AND b = -1) THEN RETURN NULL; END IF;
	RETURN a % b;
END $$;

CREATE FUNCTION public.ashlar_micros(t timestamp with time zone) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	RETURN extract(epoch FROM t) * 1000000;
END $$;

CREATE FUNCTION public.ashlar_span(micros numeric) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF micros BETWEEN -9223372036854775 AND 9223372036854775 THEN RETURN micros; END IF;
	RETURN NULL;
END $$;

CREATE FUNCTION public.ashlar_time(micros numeric) RETURNS timestamp with time zone
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
	IF micros BETWEEN -62135596800000000 AND 253402300799999999 THEN
		RETURN timestamptz '1970-01-01 00:00:00+00' + div(micros, 1000000)::bigint * interval '1 second'
			+ mod(micros, 1000000)::bigint * interval '1 microsecond';
	END IF;
	RETURN NULL;
END $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.ashlar_engine (
    layout bigint NOT NULL
);

CREATE TABLE public.ashlar_generations (
    "table" text NOT NULL COLLATE pg_catalog."C",
    stripe bigint NOT NULL,
    generation bigint NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.ashlar_meta (
    key text NOT NULL,
    value text NOT NULL
);

CREATE TABLE public.ashlar_migrations (
    id bigint NOT NULL,
    state text NOT NULL,
    started text NOT NULL,
    finished text NOT NULL,
    by text NOT NULL,
    changes text NOT NULL,
    steps text NOT NULL,
    todo text NOT NULL,
    given text NOT NULL,
    copy text NOT NULL,
    model text NOT NULL
);

CREATE SEQUENCE public."ashlar_next_id:notes"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE SEQUENCE public.ashlar_revision
    START WITH 1
    INCREMENT BY 64
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.notes (
    id bigint NOT NULL,
    title text NOT NULL COLLATE pg_catalog."C",
    author_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL,
    stars bigint DEFAULT '3'::bigint NOT NULL
);

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    nick text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

INSERT INTO public.ashlar_engine VALUES (1);

INSERT INTO public.ashlar_generations VALUES ('users', 0, 1);
INSERT INTO public.ashlar_generations VALUES ('notes', -1, 1);
INSERT INTO public.ashlar_generations VALUES ('notes', 0, 3);

INSERT INTO public.ashlar_meta VALUES ('seeded', '2026-11-27T01:20:17Z');
INSERT INTO public.ashlar_meta VALUES ('model', '{"ashlar":2,"name":"notes","tables":[{"name":"users","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"email","type":"text","optional":true,"unique":true,"caseless":true,"read":"id == auth.id","max":254,"format":"email"},{"name":"name","type":"text","optional":true,"max":200},{"name":"nick","type":"text","max":100},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"true"}},{"name":"notes","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"title","was":"heading","type":"text","max":200},{"name":"stars","type":"int","index":true,"default":"3","default_is_constant":true},{"name":"author_id","type":"uuid","ref":"users","reverse":"notes","on_delete":"restrict"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"true","update_from":"true","update_to":"true","delete":"true"}}]}');

INSERT INTO public.ashlar_migrations VALUES (1, 'done', '2026-11-27T01:20:17.605584944Z', '2026-11-27T01:20:17.690993214Z', 'ada@machine, ashlar 0.1', '["the database was made"]', '[{"sql":"CREATE TABLE \"users\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_users__id\" PRIMARY KEY,\n  \"email\" text COLLATE \"C\",\n  \"name\" text COLLATE \"C\",\n  \"nick\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":20},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"users\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":4},{"sql":"CREATE TABLE \"notes\" (\n  \"id\" bigint NOT NULL CONSTRAINT \"p_notes__id\" PRIMARY KEY,\n  \"heading\" text COLLATE \"C\" NOT NULL,\n  \"author_id\" uuid NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":14},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"notes\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":5},{"sql":"ALTER TABLE \"notes\" ADD CONSTRAINT \"f_notes__author_id\" FOREIGN KEY (\"author_id\") REFERENCES \"users\" (\"id\") ON DELETE NO ACTION DEFERRABLE","ms":0},{"sql":"CREATE UNIQUE INDEX \"l_users__email\" ON \"users\" (lower(\"email\"))","ms":7},{"sql":"CREATE INDEX \"i_notes__author_id\" ON \"notes\" (\"author_id\", \"id\")","ms":1}]', '{}', 'null', '', '{"ashlar":2,"name":"notes","tables":[{"name":"users","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"email","type":"text","optional":true,"unique":true,"caseless":true,"read":"id == auth.id","max":254,"format":"email"},{"name":"name","type":"text","optional":true,"max":200},{"name":"nick","type":"text","max":100},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"true"}},{"name":"notes","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"heading","type":"text","max":200},{"name":"author_id","type":"uuid","ref":"users","reverse":"notes","on_delete":"restrict"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"true","update_from":"true","update_to":"true","delete":"true"}}]}');
INSERT INTO public.ashlar_migrations VALUES (2, 'done', '2026-11-27T01:20:18.211921949Z', '2026-11-27T01:20:18.227110499Z', 'ada@machine, ashlar 0.1', '["field renamed: notes.title: was heading, is title","field added: notes.stars: required","index added: notes [stars]"]', '[{"sql":"ALTER TABLE \"notes\" ADD COLUMN \"stars\" bigint NOT NULL DEFAULT ''3''::bigint","ms":2},{"sql":"CREATE INDEX CONCURRENTLY \"i_notes__stars\" ON \"notes\" (\"stars\", \"id\")","ms":5},{"sql":"ALTER TABLE \"notes\" RENAME COLUMN \"heading\" TO \"title\"","ms":0}]', '{}', '{"notes.stars":"''3''::bigint"}', '', '{"ashlar":2,"name":"notes","tables":[{"name":"users","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"email","type":"text","optional":true,"unique":true,"caseless":true,"read":"id == auth.id","max":254,"format":"email"},{"name":"name","type":"text","optional":true,"max":200},{"name":"nick","type":"text","max":100},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"true"}},{"name":"notes","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"title","was":"heading","type":"text","max":200},{"name":"stars","type":"int","index":true,"default":"3","default_is_constant":true},{"name":"author_id","type":"uuid","ref":"users","reverse":"notes","on_delete":"restrict"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"true","update_from":"true","update_to":"true","delete":"true"}}]}');

INSERT INTO public.notes VALUES (7, 'Report', '018f0000-0000-7000-8000-0000000000b2', '2026-11-27 01:20:17.801655+00', '2026-11-27 01:20:17.801655+00', 4, 3);
INSERT INTO public.notes VALUES (2, 'made by a request', '018f0000-0000-7000-8000-0000000000b2', '2026-11-27 01:20:18.001971+00', '2026-11-27 01:20:18.001971+00', 65, 3);
INSERT INTO public.notes VALUES (1, 'Milk', '018f0000-0000-7000-8000-0000000000a1', '2026-11-27 01:20:17.80055+00', '2026-11-27 01:20:18.959736+00', 129, 5);

INSERT INTO public.users VALUES ('018f0000-0000-7000-8000-0000000000a1', 'Ada@example.com', NULL, 'Ada', '2026-11-27 01:20:17.781271+00', '2026-11-27 01:20:17.781271+00', 1);
INSERT INTO public.users VALUES ('018f0000-0000-7000-8000-0000000000b2', NULL, NULL, 'Ben', '2026-11-27 01:20:17.800271+00', '2026-11-27 01:20:17.800271+00', 2);

SELECT pg_catalog.setval('public."ashlar_next_id:notes"', 2, true);

SELECT pg_catalog.setval('public.ashlar_revision', 641, true);

ALTER TABLE ONLY public.ashlar_generations
    ADD CONSTRAINT ashlar_generations_pkey PRIMARY KEY ("table", stripe);

ALTER TABLE ONLY public.ashlar_meta
    ADD CONSTRAINT ashlar_meta_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.ashlar_migrations
    ADD CONSTRAINT ashlar_migrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT p_notes__id PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT p_users__id PRIMARY KEY (id);

CREATE INDEX i_notes__author_id ON public.notes USING btree (author_id, id);

CREATE INDEX i_notes__stars ON public.notes USING btree (stars, id);

CREATE UNIQUE INDEX l_users__email ON public.users USING btree (lower(email));

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.notes FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.users FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT f_notes__author_id FOREIGN KEY (author_id) REFERENCES public.users(id) DEFERRABLE;

