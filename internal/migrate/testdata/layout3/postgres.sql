


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


CREATE TABLE public.ashlar_accounts (
    id uuid NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    user_id uuid,
    email text COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    role text COLLATE pg_catalog."C",
    roles json NOT NULL,
    password text COLLATE pg_catalog."C",
    password_at timestamp with time zone,
    verified boolean NOT NULL,
    suspended_at timestamp with time zone,
    totp text COLLATE pg_catalog."C",
    totp_step bigint,
    last_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL,
    CONSTRAINT k_ashlar_accounts__kind CHECK ((kind = ANY (ARRAY['operator'::text, 'service'::text, 'user'::text])))
);

CREATE TABLE public.ashlar_alerts (
    id text NOT NULL COLLATE pg_catalog."C",
    alert text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C",
    severity text NOT NULL COLLATE pg_catalog."C",
    summary text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    action text NOT NULL COLLATE pg_catalog."C",
    actor_kind text COLLATE pg_catalog."C",
    actor_id text COLLATE pg_catalog."C",
    account text COLLATE pg_catalog."C",
    target text COLLATE pg_catalog."C",
    address text COLLATE pg_catalog."C",
    session text COLLATE pg_catalog."C",
    key text COLLATE pg_catalog."C",
    request text COLLATE pg_catalog."C",
    detail json,
    prev text COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_backups (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C",
    begun timestamp with time zone NOT NULL,
    ended timestamp with time zone NOT NULL,
    backup text NOT NULL COLLATE pg_catalog."C",
    bytes bigint NOT NULL,
    found text NOT NULL COLLATE pg_catalog."C",
    error text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_certificates (
    id text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    until timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_crons (
    id text NOT NULL COLLATE pg_catalog."C",
    job text NOT NULL COLLATE pg_catalog."C",
    paused boolean NOT NULL,
    last_due timestamp with time zone NOT NULL,
    changed_by text COLLATE pg_catalog."C",
    changed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_deliveries (
    id uuid NOT NULL,
    message_id uuid NOT NULL,
    webhook text NOT NULL COLLATE pg_catalog."C",
    endpoint text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    next_at timestamp with time zone NOT NULL,
    order_key text COLLATE pg_catalog."C",
    happened_at timestamp with time zone NOT NULL,
    attempts bigint NOT NULL,
    sender text COLLATE pg_catalog."C",
    tries json,
    once text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL,
    CONSTRAINT k_ashlar_deliveries__state CHECK ((state = ANY (ARRAY['delivered'::text, 'failed'::text, 'held'::text, 'sending'::text, 'waiting'::text])))
);

CREATE TABLE public.ashlar_endpoints (
    id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    shown text NOT NULL COLLATE pg_catalog."C",
    failures bigint NOT NULL,
    since timestamp with time zone,
    trials bigint NOT NULL,
    not_before timestamp with time zone,
    last_at timestamp with time zone,
    last_status bigint,
    former_secret text COLLATE pg_catalog."C",
    former_until timestamp with time zone,
    replay_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL,
    CONSTRAINT k_ashlar_endpoints__shown CHECK ((shown = ANY (ARRAY['active'::text, 'disabled'::text, 'failing'::text]))),
    CONSTRAINT k_ashlar_endpoints__state CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text, 'failing'::text])))
);

CREATE TABLE public.ashlar_engine (
    layout bigint NOT NULL
);

CREATE TABLE public.ashlar_generations (
    "table" text NOT NULL COLLATE pg_catalog."C",
    stripe bigint NOT NULL,
    generation bigint NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.ashlar_guesses (
    id text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    until bigint NOT NULL,
    at bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_happenings (
    id text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    body text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_identities (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    provider text NOT NULL COLLATE pg_catalog."C",
    issuer text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    email text COLLATE pg_catalog."C",
    last_at timestamp with time zone NOT NULL,
    roles json,
    stamp bigint,
    token_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_jobs (
    id uuid NOT NULL,
    queue text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    lane text NOT NULL COLLATE pg_catalog."C",
    rank bigint NOT NULL,
    run_at timestamp with time zone NOT NULL,
    turn_at timestamp with time zone,
    attempt bigint NOT NULL,
    tries bigint NOT NULL,
    lease text COLLATE pg_catalog."C",
    node text COLLATE pg_catalog."C",
    once text COLLATE pg_catalog."C",
    once_until timestamp with time zone,
    row_table text COLLATE pg_catalog."C",
    row_id text COLLATE pg_catalog."C",
    args json,
    errors json,
    result json,
    enqueued_by text COLLATE pg_catalog."C",
    trace text COLLATE pg_catalog."C",
    finished_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL,
    CONSTRAINT k_ashlar_jobs__state CHECK ((state = ANY (ARRAY['cancelled'::text, 'dead'::text, 'done'::text, 'running'::text, 'scheduled'::text, 'waiting'::text])))
);

CREATE TABLE public.ashlar_keys (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id uuid NOT NULL,
    stamp bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    prefix text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    scopes json NOT NULL,
    expires_at timestamp with time zone,
    used_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_limits (
    id text NOT NULL COLLATE pg_catalog."C",
    full_at bigint NOT NULL,
    asked_at bigint NOT NULL,
    granted bigint NOT NULL,
    step bigint NOT NULL,
    depth bigint NOT NULL,
    debt bigint NOT NULL,
    need bigint NOT NULL,
    take bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_messages (
    id uuid NOT NULL,
    webhook text NOT NULL COLLATE pg_catalog."C",
    event text NOT NULL COLLATE pg_catalog."C",
    row_id text COLLATE pg_catalog."C",
    happened_at timestamp with time zone NOT NULL,
    body text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_meta (
    id text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_migrations (
    id bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    started text NOT NULL COLLATE pg_catalog."C",
    finished text NOT NULL COLLATE pg_catalog."C",
    by text NOT NULL COLLATE pg_catalog."C",
    changes text NOT NULL COLLATE pg_catalog."C",
    steps text NOT NULL COLLATE pg_catalog."C",
    todo text NOT NULL COLLATE pg_catalog."C",
    given text NOT NULL COLLATE pg_catalog."C",
    copy text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE SEQUENCE public."ashlar_next_id:notes"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.ashlar_passkeys (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    credential text NOT NULL COLLATE pg_catalog."C",
    public_key text NOT NULL COLLATE pg_catalog."C",
    sign_count bigint NOT NULL,
    data json NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    used_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_queue_keys (
    id text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    next_start bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_queues (
    id text NOT NULL COLLATE pg_catalog."C",
    paused boolean NOT NULL,
    workers bigint,
    changed_by text COLLATE pg_catalog."C",
    next_start bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_recovery (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    hash text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE SEQUENCE public.ashlar_revision
    START WITH 1
    INCREMENT BY 64
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.ashlar_secrets (
    id uuid NOT NULL,
    account_id uuid,
    purpose text NOT NULL COLLATE pg_catalog."C",
    email text COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    data json,
    tries bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_sessions (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    stamp bigint NOT NULL,
    counter bigint NOT NULL,
    used bigint NOT NULL,
    methods json NOT NULL,
    mfa boolean NOT NULL,
    since timestamp with time zone NOT NULL,
    address text NOT NULL COLLATE pg_catalog."C",
    agent text NOT NULL COLLATE pg_catalog."C",
    cookie boolean NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    idle_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_telemetry (
    id text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C",
    build text NOT NULL COLLATE pg_catalog."C",
    revision text NOT NULL COLLATE pg_catalog."C",
    started_at timestamp with time zone NOT NULL,
    sums text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.ashlar_timers (
    id text NOT NULL COLLATE pg_catalog."C",
    definition text NOT NULL COLLATE pg_catalog."C",
    began timestamp with time zone NOT NULL,
    last_row text COLLATE pg_catalog."C",
    complete boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.endpoints (
    id uuid NOT NULL,
    owner_id uuid NOT NULL,
    url text NOT NULL COLLATE pg_catalog."C",
    events json,
    secret text COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL,
    CONSTRAINT k_endpoints__state CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text, 'failing'::text])))
);

CREATE TABLE public.notes (
    id bigint NOT NULL,
    title text NOT NULL COLLATE pg_catalog."C",
    stars bigint NOT NULL,
    due_at timestamp with time zone,
    owner_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    _rev bigint NOT NULL
);

INSERT INTO public.ashlar_accounts VALUES ('01a222d2-3e37-7a45-991f-e29fd5122d1e', 'user', '01a222d2-3e37-7280-96be-97098398fd77', 'ada@example.com', 'Ada', NULL, '[]', '$argon2id$v=19$m=19456,t=2,p=1$9E+YL/4rgbp20ktHTwQbrg$NmZ+bQIr8auby69MZHSaogXwRzFGb4sWGzHltSaVJJE', '2026-11-29 05:27:13.555206+13:45', true, NULL, NULL, NULL, '2026-11-29 05:27:13.555206+13:45', '2026-11-29 05:27:13.555198+13:45', '2026-11-29 05:27:13.555198+13:45', 396);

INSERT INTO public.ashlar_audit VALUES (1, '2026-11-29 05:27:13.560473+13:45', 'account.created', 'user', '01a222d2-3e37-7280-96be-97098398fd77', '01a222d2-3e37-7a45-991f-e29fd5122d1e', NULL, '127.0.0.1', NULL, NULL, 'LPKN3EZGEDJYDXNV3L2HUROFS4', NULL, NULL, 'd611373d1463fb022cb92bd1004106affbc742dcfef32dc96ef802ee1ca13182', '2026-11-29 05:27:13.555198+13:45', '2026-11-29 05:27:13.555198+13:45', 394);
INSERT INTO public.ashlar_audit VALUES (2, '2026-11-29 05:27:13.567529+13:45', 'session.opened', 'user', '01a222d2-3e37-7280-96be-97098398fd77', '01a222d2-3e37-7a45-991f-e29fd5122d1e', NULL, '127.0.0.1', '01a222d2-3e3e-743e-bf5e-e66d1dadd1ce', NULL, 'LPKN3EZGEDJYDXNV3L2HUROFS4', '{"methods":["code"],"mfa":false}', 'd611373d1463fb022cb92bd1004106affbc742dcfef32dc96ef802ee1ca13182', 'f43cde1a3908e98386ae6270d9534725c3b186a43a21d8217170ddb779aef8d3', '2026-11-29 05:27:13.555198+13:45', '2026-11-29 05:27:13.555198+13:45', 397);
INSERT INTO public.ashlar_audit VALUES (3, '2026-11-29 05:27:13.573435+13:45', 'key.created', 'user', '01a222d2-3e37-7280-96be-97098398fd77', '01a222d2-3e37-7a45-991f-e29fd5122d1e', NULL, '127.0.0.1', NULL, '18ee36c3-2509-46ab-907f-42866965b4f6', 'YXJLKJ4PFIXLLIO4UUG4ATRHQV', '{"name":"script","scopes":["script"]}', 'f43cde1a3908e98386ae6270d9534725c3b186a43a21d8217170ddb779aef8d3', '904a0fbfaf3e4d40efb75ecde15cd9c0647d5289ba4987a8c9a5c5d7bad2c8d7', '2026-11-29 05:27:13.570219+13:45', '2026-11-29 05:27:13.570219+13:45', 399);

INSERT INTO public.ashlar_crons VALUES ('tidy 30 2 * * * UTC', 'tidy', false, '2026-11-29 05:27:13.257121+13:45', NULL, NULL, '2026-11-29 05:27:13.257121+13:45', '2026-11-29 05:27:13.257121+13:45', 0);

INSERT INTO public.ashlar_engine VALUES (3);

INSERT INTO public.ashlar_generations VALUES ('ashlar_meta', -1, 3);
INSERT INTO public.ashlar_generations VALUES ('ashlar_migrations', -1, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_meta', 0, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_jobs', 0, 2);
INSERT INTO public.ashlar_generations VALUES ('ashlar_crons', 1, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_telemetry', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_guesses', 3, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_secrets', 3, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_guesses', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_secrets', 2, 2);
INSERT INTO public.ashlar_generations VALUES ('users', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_accounts', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_sessions', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_keys', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_audit', 2, 2);
INSERT INTO public.ashlar_generations VALUES ('ashlar_meta', 2, 2);
INSERT INTO public.ashlar_generations VALUES ('endpoints', 4, 1);
INSERT INTO public.ashlar_generations VALUES ('notes', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_jobs', 2, 1);
INSERT INTO public.ashlar_generations VALUES ('notes', 1, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_jobs', 1, 1);
INSERT INTO public.ashlar_generations VALUES ('notes', 3, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_jobs', 3, 2);
INSERT INTO public.ashlar_generations VALUES ('ashlar_happenings', 3, 1);
INSERT INTO public.ashlar_generations VALUES ('ashlar_telemetry', 3, 3);

INSERT INTO public.ashlar_guesses VALUES ('nJciOFJaoO9hBM9c8npY62e57KG9JVBkgYVsFWBEXaA', 1, 0, 1795880533389379, '2026-11-29 05:27:13.389379+13:45', '2026-11-29 05:27:13.389379+13:45', 385);
INSERT INTO public.ashlar_guesses VALUES ('xQyBofXjLoZpVLFg4l2XDAwyzpnl1I0mcB-tUZ6mfy4', 1, 0, 1795880533389379, '2026-11-29 05:27:13.389379+13:45', '2026-11-29 05:27:13.389379+13:45', 386);
INSERT INTO public.ashlar_guesses VALUES ('Z1AK_NFGEwohIQ9J__3Zg5M5rcKoi8ZcrKfedhPNiS0', 0, 0, 1795880533515007, '2026-11-29 05:27:13.515007+13:45', '2026-11-29 05:27:13.555206+13:45', 391);

INSERT INTO public.ashlar_happenings VALUES ('e815f50217eb1833e', 'vm:40753', '2026-11-29 05:27:12.719737+13:45', '{"At":"2026-11-28T15:42:12.719737Z","Kind":"migration","Text":"The tables were changed in 467 ms by root@vm, ashlar development build: the database was made.","Details":"","Node":"vm:40753"}', '2026-11-29 05:27:16.957052+13:45', '2026-11-29 05:27:16.957052+13:45', 1345);
INSERT INTO public.ashlar_happenings VALUES ('edeef1476238d64fe', 'vm:40753', '2026-11-29 05:27:12.963218+13:45', '{"At":"2026-11-28T15:42:12.963218Z","Kind":"start","Text":"a server started: build development build, model 2472af38ad41","Details":"","Node":"vm:40753"}', '2026-11-29 05:27:16.957052+13:45', '2026-11-29 05:27:16.957052+13:45', 1409);
INSERT INTO public.ashlar_happenings VALUES ('eede39504159e22bb', 'vm:40753', '2026-11-29 05:27:16.953123+13:45', '{"At":"2026-11-28T15:42:16.953123Z","Kind":"stop","Text":"The server stops.","Details":"","Node":"vm:40753"}', '2026-11-29 05:27:16.957052+13:45', '2026-11-29 05:27:16.957052+13:45', 1473);
INSERT INTO public.ashlar_happenings VALUES ('f461814d745236c3f', 'vm:40753', '2026-11-29 05:27:14.737498+13:45', '{"ID":4278561457957309251,"Kind":"malformed","Text":"","Route":"job noted","First":"2026-11-28T15:42:13.624037Z","Last":"2026-11-28T15:42:14.737498Z","Count":6,"Example":"AUM3VF5UT3VWVWMKHPSG72XR2E","Build":"development build","Revision":"2472af38ad41"}', '2026-11-29 05:27:16.957052+13:45', '2026-11-29 05:27:16.957052+13:45', 1537);

INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3d98-76d5-975f-9507bf47bbed', 'ashlar.mail', 'ashlar.mail', 'done', '', '', 4, '2026-11-29 05:27:13.458068+13:45', '2026-11-30 05:27:13.475764+13:45', 1, 12, NULL, '7TYZIFQNQHIVL6MVSUG4UEVGUB', NULL, NULL, NULL, NULL, '{"kind":"sign-up","to":"ada@example.com","data":{"pending":"01a222d2-3d97-79ff-ac3e-6ea3d8618642"}}', NULL, NULL, NULL, NULL, '2026-11-29 05:27:13.475764+13:45', '2026-11-29 05:27:13.458068+13:45', '2026-11-29 05:27:13.47636+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e6d-77a7-8bea-20f601345195', 'pull', 'index', 'waiting', '', '', 4, '2026-11-29 05:27:13.671124+13:45', NULL, 0, 12, NULL, NULL, NULL, NULL, 'notes', '1', '{"op":"create"}', NULL, NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-df40e75247a08ecc3cab5dea3607aed9-ef238fbc026f4384-01', NULL, '2026-11-29 05:27:13.671124+13:45', '2026-11-29 05:27:13.671124+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e6d-701f-bc1a-768e36d2cdc5', 'pull', 'remind', 'scheduled', '', '', 4, '2099-01-01 13:45:00+13:45', '2099-01-01 13:45:00+13:45', 0, 12, NULL, NULL, 'timer:remind:1', NULL, 'notes', '1', '{"at":4070908800000000}', NULL, NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-df40e75247a08ecc3cab5dea3607aed9-ef238fbc026f4384-01', NULL, '2026-11-29 05:27:13.671153+13:45', '2026-11-29 05:27:13.671153+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e7d-77cc-97a2-63b4fead7181', 'pull', 'index', 'waiting', '', '', 4, '2026-11-29 05:27:13.687132+13:45', NULL, 0, 12, NULL, NULL, NULL, NULL, 'notes', '2', '{"op":"create"}', NULL, NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-49fbac80f0dfe7ae1f94b3ce72fd836b-7d110564f600fd86-01', NULL, '2026-11-29 05:27:13.687132+13:45', '2026-11-29 05:27:13.687132+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e7d-780d-b992-8915f69ec6da', 'pull', 'remind', 'scheduled', '', '', 4, '2099-01-01 13:45:00+13:45', '2099-01-01 13:45:00+13:45', 0, 12, NULL, NULL, 'timer:remind:2', NULL, 'notes', '2', '{"at":4070908800000000}', NULL, NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-49fbac80f0dfe7ae1f94b3ce72fd836b-7d110564f600fd86-01', NULL, '2026-11-29 05:27:13.687137+13:45', '2026-11-29 05:27:13.687137+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e83-7413-b0c2-b2f44654822c', 'pull', 'index', 'waiting', '', '', 4, '2026-11-29 05:27:13.692888+13:45', NULL, 0, 12, NULL, NULL, NULL, NULL, 'notes', '3', '{"op":"create"}', NULL, NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-d104983f0336aefbaa7efcdccd22c708-454727da4d1e8bcc-01', NULL, '2026-11-29 05:27:13.692888+13:45', '2026-11-29 05:27:13.692888+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e83-71e2-9f83-6b0bf1a82d54', 'pull', 'remind', 'scheduled', '', '', 4, '2099-01-01 13:45:00+13:45', '2099-01-01 13:45:00+13:45', 0, 12, NULL, NULL, 'timer:remind:3', NULL, 'notes', '3', '{"at":4070908800000000}', NULL, NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-d104983f0336aefbaa7efcdccd22c708-454727da4d1e8bcc-01', NULL, '2026-11-29 05:27:13.692948+13:45', '2026-11-29 05:27:13.692948+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e83-750a-a650-8be4b8984ccd', 'webhooks', 'noted', 'scheduled', '', '', 4, '2026-11-29 05:27:31.671886+13:45', '2026-11-29 05:27:31.671886+13:45', 2, 12, NULL, '7TYZIFQNQHIVL6MVSUG4UEVGUB', NULL, NULL, 'notes', '3', '{"op":"create"}', '[{"at":"2026-11-28T15:42:13.71Z","attempt":1,"error":"malformed: fields names id twice"},{"at":"2026-11-28T15:42:14.773Z","attempt":2,"error":"malformed: fields names id twice"}]', NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-d104983f0336aefbaa7efcdccd22c708-454727da4d1e8bcc-01', NULL, '2026-11-29 05:27:13.692951+13:45', '2026-11-29 05:27:14.773906+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e7d-77ee-b46d-879056ea5e87', 'webhooks', 'noted', 'scheduled', '', '', 4, '2026-11-29 05:27:31.72406+13:45', '2026-11-29 05:27:31.72406+13:45', 2, 12, NULL, '7TYZIFQNQHIVL6MVSUG4UEVGUB', NULL, NULL, 'notes', '2', '{"op":"create"}', '[{"at":"2026-11-28T15:42:13.699Z","attempt":1,"error":"malformed: fields names id twice"},{"at":"2026-11-28T15:42:14.775Z","attempt":2,"error":"malformed: fields names id twice"}]', NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-49fbac80f0dfe7ae1f94b3ce72fd836b-7d110564f600fd86-01', NULL, '2026-11-29 05:27:13.68714+13:45', '2026-11-29 05:27:14.775228+13:45', 0);
INSERT INTO public.ashlar_jobs VALUES ('01a222d2-3e6d-782a-aedf-3ec67d982165', 'webhooks', 'noted', 'scheduled', '', '', 4, '2026-11-29 05:27:32.352113+13:45', '2026-11-29 05:27:32.352113+13:45', 2, 12, NULL, '7TYZIFQNQHIVL6MVSUG4UEVGUB', NULL, NULL, 'notes', '1', '{"op":"create"}', '[{"at":"2026-11-28T15:42:13.681Z","attempt":1,"error":"malformed: fields names id twice"},{"at":"2026-11-28T15:42:14.795Z","attempt":2,"error":"malformed: fields names id twice"}]', NULL, 'user:01a222d2-3e37-7280-96be-97098398fd77', '00-df40e75247a08ecc3cab5dea3607aed9-ef238fbc026f4384-01', NULL, '2026-11-29 05:27:13.671156+13:45', '2026-11-29 05:27:14.79532+13:45', 0);

INSERT INTO public.ashlar_keys VALUES ('18ee36c3-2509-46ab-907f-42866965b4f6', '01a222d2-3e37-7a45-991f-e29fd5122d1e', 1, 'script', 'ashl_33q3dgs5…', '6e94da7c25461e9846ac6d3056618787dd1d88c8eb62827552abcd6de6e069fa', '["script"]', '2036-11-01 13:45:00+13:45', NULL, '2026-11-29 05:27:13.570219+13:45', '2026-11-29 05:27:13.570219+13:45', 398);

INSERT INTO public.ashlar_meta VALUES ('model', '{"ashlar":2,"name":"notes","roles":["integrator"],"tables":[{"name":"users","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"email","type":"text","optional":true,"unique":true,"caseless":true,"read":"id == auth.id","max":254,"format":"email"},{"name":"name","type":"text","optional":true,"max":200},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"id == auth.id"}},{"name":"notes","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"title","type":"text","max":200},{"name":"stars","type":"int","index":true,"default":"3","default_is_constant":true},{"name":"due_at","type":"timestamp","optional":true},{"name":"owner_id","type":"uuid","ref":"users","on_delete":"restrict","immutable":true,"default":"auth.id"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"owner_id == auth.id","update_from":"owner_id == auth.id","update_to":"owner_id == auth.id","delete":"owner_id == auth.id"}},{"name":"endpoints","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"owner_id","type":"uuid","ref":"users","on_delete":"restrict","immutable":true,"default":"auth.id"},{"name":"url","type":"text","max":2000,"format":"url"},{"name":"events","type":"json","optional":true},{"name":"secret","type":"text","optional":true,"secret":true},{"name":"state","type":"enum","default":"active","default_is_constant":true,"values":[{"name":"active"},{"name":"failing"},{"name":"disabled"}]},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"owner_id == auth.id","create":"owner_id == auth.id","update_from":"owner_id == auth.id","update_to":"owner_id == auth.id","delete":"owner_id == auth.id"}}]}', '2026-11-29 05:27:12.710052+13:45', '2026-11-29 05:27:12.710052+13:45', 1);
INSERT INTO public.ashlar_meta VALUES ('release', 'root@vm, ashlar development build', '2026-11-29 05:27:12.718258+13:45', '2026-11-29 05:27:12.718258+13:45', 65);
INSERT INTO public.ashlar_meta VALUES ('system', '{"ashlar":3,"name":"ashlar","tables":[{"name":"ashlar_meta","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"value","type":"text"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_migrations","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"state","type":"text"},{"name":"started","type":"text"},{"name":"finished","type":"text"},{"name":"by","type":"text"},{"name":"changes","type":"text"},{"name":"steps","type":"text"},{"name":"todo","type":"text"},{"name":"given","type":"text"},{"name":"copy","type":"text"},{"name":"model","type":"text"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_accounts","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"kind","type":"enum","values":[{"name":"user"},{"name":"operator"},{"name":"service"}]},{"name":"user_id","type":"uuid","ref":"users","on_delete":"cascade","optional":true,"unique":true},{"name":"email","type":"text","optional":true,"index":true},{"name":"name","type":"text","optional":true},{"name":"role","type":"text","optional":true},{"name":"roles","type":"json"},{"name":"password","type":"text","optional":true},{"name":"password_at","type":"timestamp","optional":true},{"name":"verified","type":"bool"},{"name":"suspended_at","type":"timestamp","optional":true},{"name":"totp","type":"text","optional":true},{"name":"totp_step","type":"int","optional":true},{"name":"last_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"unique":[["kind","email"]],"access":{}},{"name":"ashlar_identities","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"account_id","type":"uuid","ref":"ashlar_accounts","on_delete":"cascade"},{"name":"provider","type":"text"},{"name":"issuer","type":"text"},{"name":"subject","type":"text"},{"name":"email","type":"text","optional":true},{"name":"last_at","type":"timestamp"},{"name":"roles","type":"json","optional":true},{"name":"stamp","type":"int","optional":true},{"name":"token_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"unique":[["issuer","subject"]],"access":{}},{"name":"ashlar_passkeys","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"account_id","type":"uuid","ref":"ashlar_accounts","on_delete":"cascade"},{"name":"credential","type":"text","unique":true},{"name":"public_key","type":"text"},{"name":"sign_count","type":"int"},{"name":"data","type":"json"},{"name":"name","type":"text"},{"name":"used_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_sessions","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"account_id","type":"uuid","ref":"ashlar_accounts","on_delete":"cascade"},{"name":"stamp","type":"int"},{"name":"counter","type":"int"},{"name":"used","type":"int"},{"name":"methods","type":"json"},{"name":"mfa","type":"bool"},{"name":"since","type":"timestamp"},{"name":"address","type":"text"},{"name":"agent","type":"text"},{"name":"cookie","type":"bool"},{"name":"seen_at","type":"timestamp"},{"name":"idle_at","type":"timestamp","index":true},{"name":"ends_at","type":"timestamp","index":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_secrets","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"account_id","type":"uuid","ref":"ashlar_accounts","on_delete":"cascade","optional":true},{"name":"purpose","type":"text"},{"name":"email","type":"text","optional":true,"index":true},{"name":"hash","type":"text"},{"name":"data","type":"json","optional":true},{"name":"tries","type":"int"},{"name":"expires_at","type":"timestamp","index":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_recovery","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"account_id","type":"uuid","ref":"ashlar_accounts","on_delete":"cascade"},{"name":"hash","type":"text"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_keys","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"account_id","type":"uuid","ref":"ashlar_accounts","on_delete":"cascade"},{"name":"stamp","type":"int"},{"name":"name","type":"text"},{"name":"prefix","type":"text"},{"name":"hash","type":"text"},{"name":"scopes","type":"json"},{"name":"expires_at","type":"timestamp","optional":true},{"name":"used_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_guesses","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"count","type":"int"},{"name":"until","type":"int"},{"name":"at","type":"int","index":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_audit","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"at","type":"timestamp","index":true,"immutable":true},{"name":"action","type":"text","index":true,"immutable":true,"max":100},{"name":"actor_kind","type":"text","optional":true,"immutable":true,"max":100},{"name":"actor_id","type":"text","optional":true,"index":true,"immutable":true,"max":600},{"name":"account","type":"text","optional":true,"index":true,"immutable":true,"max":600},{"name":"target","type":"text","optional":true,"immutable":true,"max":1000},{"name":"address","type":"text","optional":true,"immutable":true,"max":100},{"name":"session","type":"text","optional":true,"immutable":true,"max":100},{"name":"key","type":"text","optional":true,"immutable":true,"max":100},{"name":"request","type":"text","optional":true,"immutable":true,"max":100},{"name":"detail","type":"json","optional":true,"immutable":true},{"name":"prev","type":"text","optional":true,"immutable":true,"max":100},{"name":"hash","type":"text","immutable":true,"max":100},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_alerts","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"alert","type":"text","index":true,"max":120},{"name":"node","type":"text","max":120},{"name":"severity","type":"text","max":120},{"name":"summary","type":"text","max":500},{"name":"since","type":"timestamp"},{"name":"seen_at","type":"timestamp"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_telemetry","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"node","type":"text"},{"name":"build","type":"text"},{"name":"revision","type":"text"},{"name":"started_at","type":"timestamp"},{"name":"sums","type":"text"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_happenings","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"node","type":"text"},{"name":"at","type":"timestamp","index":true},{"name":"body","type":"text"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_limits","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"full_at","type":"int"},{"name":"asked_at","type":"int"},{"name":"granted","type":"int"},{"name":"step","type":"int"},{"name":"depth","type":"int"},{"name":"debt","type":"int"},{"name":"need","type":"int"},{"name":"take","type":"int"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_jobs","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"queue","type":"text","max":100},{"name":"name","type":"text","max":100},{"name":"state","type":"enum","values":[{"name":"scheduled"},{"name":"waiting"},{"name":"running"},{"name":"done"},{"name":"dead"},{"name":"cancelled"}]},{"name":"key","type":"text","max":200},{"name":"lane","type":"text","max":200},{"name":"rank","type":"int"},{"name":"run_at","type":"timestamp"},{"name":"turn_at","type":"timestamp","optional":true,"sparse":true},{"name":"attempt","type":"int"},{"name":"tries","type":"int"},{"name":"lease","type":"text","optional":true,"max":100},{"name":"node","type":"text","optional":true,"max":100},{"name":"once","type":"text","optional":true,"unique":true,"sparse":true,"max":600},{"name":"once_until","type":"timestamp","optional":true},{"name":"row_table","type":"text","optional":true,"max":100},{"name":"row_id","type":"text","optional":true,"max":300},{"name":"args","type":"json","optional":true},{"name":"errors","type":"json","optional":true},{"name":"result","type":"json","optional":true},{"name":"enqueued_by","type":"text","optional":true,"max":300},{"name":"trace","type":"text","optional":true,"max":100},{"name":"finished_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"indexes":[["queue","state","lane","rank","run_at"],["state","turn_at"]],"access":{}},{"name":"ashlar_queues","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"paused","type":"bool"},{"name":"workers","type":"int","optional":true},{"name":"changed_by","type":"text","optional":true,"max":300},{"name":"next_start","type":"int"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_queue_keys","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"queue","type":"text","max":100},{"name":"key","type":"text","max":200},{"name":"next_start","type":"int"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"indexes":[["queue","key"],["next_start"]],"access":{}},{"name":"ashlar_crons","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"job","type":"text","max":100},{"name":"paused","type":"bool"},{"name":"last_due","type":"timestamp"},{"name":"changed_by","type":"text","optional":true,"max":300},{"name":"changed_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_timers","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"definition","type":"text"},{"name":"began","type":"timestamp"},{"name":"last_row","type":"text","optional":true},{"name":"complete","type":"bool"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_messages","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"webhook","type":"text","max":100},{"name":"event","type":"text","max":200},{"name":"row_id","type":"text","optional":true,"max":300},{"name":"happened_at","type":"timestamp"},{"name":"body","type":"text"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_deliveries","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"message_id","type":"uuid","ref":"ashlar_messages","on_delete":"cascade"},{"name":"webhook","type":"text","max":100},{"name":"endpoint","type":"text","max":200},{"name":"state","type":"enum","values":[{"name":"waiting"},{"name":"held"},{"name":"sending"},{"name":"delivered"},{"name":"failed"}]},{"name":"next_at","type":"timestamp"},{"name":"order_key","type":"text","optional":true,"max":200},{"name":"happened_at","type":"timestamp"},{"name":"attempts","type":"int"},{"name":"sender","type":"text","optional":true,"max":100},{"name":"tries","type":"json","optional":true},{"name":"once","type":"text","unique":true,"max":300},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"indexes":[["endpoint","state","next_at"],["endpoint","order_key","state"],["endpoint","id"],["webhook","id"],["state","next_at"]],"access":{}},{"name":"ashlar_endpoints","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"state","type":"enum","values":[{"name":"active"},{"name":"failing"},{"name":"disabled"}]},{"name":"shown","type":"enum","values":[{"name":"active"},{"name":"failing"},{"name":"disabled"}]},{"name":"failures","type":"int"},{"name":"since","type":"timestamp","optional":true},{"name":"trials","type":"int"},{"name":"not_before","type":"timestamp","optional":true},{"name":"last_at","type":"timestamp","optional":true},{"name":"last_status","type":"int","optional":true},{"name":"former_secret","type":"text","optional":true,"max":200},{"name":"former_until","type":"timestamp","optional":true},{"name":"replay_at","type":"timestamp","optional":true},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_certificates","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"value","type":"text"},{"name":"until","type":"timestamp"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}},{"name":"ashlar_backups","key":"text","fields":[{"name":"id","type":"text","system":true,"immutable":true},{"name":"kind","type":"text","max":500},{"name":"state","type":"text","max":500},{"name":"node","type":"text","max":500},{"name":"begun","type":"timestamp"},{"name":"ended","type":"timestamp"},{"name":"backup","type":"text","max":500},{"name":"bytes","type":"int"},{"name":"found","type":"text","max":500},{"name":"error","type":"text","max":500},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{}}]}', '2026-11-29 05:27:12.718618+13:45', '2026-11-29 05:27:12.718618+13:45', 129);
INSERT INTO public.ashlar_meta VALUES ('seeded', '2026-11-28T15:42:12Z', '2026-11-29 05:27:12.733945+13:45', '2026-11-29 05:27:12.733945+13:45', 257);
INSERT INTO public.ashlar_meta VALUES ('audit', '{"id":3,"hash":"904a0fbfaf3e4d40efb75ecde15cd9c0647d5289ba4987a8c9a5c5d7bad2c8d7","first":1}', '2026-11-29 05:27:13.560527+13:45', '2026-11-29 05:27:13.573907+13:45', 641);

INSERT INTO public.ashlar_migrations VALUES (1, 'done', '2026-11-28T15:42:12.252299795Z', '2026-11-28T15:42:12.71973794Z', 'root@vm, ashlar development build', '["the database was made"]', '[{"sql":"CREATE TABLE \"ashlar_meta\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_meta__id\" PRIMARY KEY,\n  \"value\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_meta\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_migrations\" (\n  \"id\" bigint NOT NULL CONSTRAINT \"p_ashlar_migrations__id\" PRIMARY KEY,\n  \"state\" text COLLATE \"C\" NOT NULL,\n  \"started\" text COLLATE \"C\" NOT NULL,\n  \"finished\" text COLLATE \"C\" NOT NULL,\n  \"by\" text COLLATE \"C\" NOT NULL,\n  \"changes\" text COLLATE \"C\" NOT NULL,\n  \"steps\" text COLLATE \"C\" NOT NULL,\n  \"todo\" text COLLATE \"C\" NOT NULL,\n  \"given\" text COLLATE \"C\" NOT NULL,\n  \"copy\" text COLLATE \"C\" NOT NULL,\n  \"model\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_migrations\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_accounts\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_accounts__id\" PRIMARY KEY,\n  \"kind\" text COLLATE \"C\" NOT NULL CONSTRAINT \"k_ashlar_accounts__kind\" CHECK (\"kind\" IN (''operator'', ''service'', ''user'')),\n  \"user_id\" uuid,\n  \"email\" text COLLATE \"C\",\n  \"name\" text COLLATE \"C\",\n  \"role\" text COLLATE \"C\",\n  \"roles\" json NOT NULL,\n  \"password\" text COLLATE \"C\",\n  \"password_at\" timestamptz,\n  \"verified\" boolean NOT NULL,\n  \"suspended_at\" timestamptz,\n  \"totp\" text COLLATE \"C\",\n  \"totp_step\" bigint,\n  \"last_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_accounts\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_identities\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_identities__id\" PRIMARY KEY,\n  \"account_id\" uuid NOT NULL,\n  \"provider\" text COLLATE \"C\" NOT NULL,\n  \"issuer\" text COLLATE \"C\" NOT NULL,\n  \"subject\" text COLLATE \"C\" NOT NULL,\n  \"email\" text COLLATE \"C\",\n  \"last_at\" timestamptz NOT NULL,\n  \"roles\" json,\n  \"stamp\" bigint,\n  \"token_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":0},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_identities\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_passkeys\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_passkeys__id\" PRIMARY KEY,\n  \"account_id\" uuid NOT NULL,\n  \"credential\" text COLLATE \"C\" NOT NULL,\n  \"public_key\" text COLLATE \"C\" NOT NULL,\n  \"sign_count\" bigint NOT NULL,\n  \"data\" json NOT NULL,\n  \"name\" text COLLATE \"C\" NOT NULL,\n  \"used_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":0},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_passkeys\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_sessions\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_sessions__id\" PRIMARY KEY,\n  \"account_id\" uuid NOT NULL,\n  \"stamp\" bigint NOT NULL,\n  \"counter\" bigint NOT NULL,\n  \"used\" bigint NOT NULL,\n  \"methods\" json NOT NULL,\n  \"mfa\" boolean NOT NULL,\n  \"since\" timestamptz NOT NULL,\n  \"address\" text COLLATE \"C\" NOT NULL,\n  \"agent\" text COLLATE \"C\" NOT NULL,\n  \"cookie\" boolean NOT NULL,\n  \"seen_at\" timestamptz NOT NULL,\n  \"idle_at\" timestamptz NOT NULL,\n  \"ends_at\" timestamptz NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_sessions\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_secrets\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_secrets__id\" PRIMARY KEY,\n  \"account_id\" uuid,\n  \"purpose\" text COLLATE \"C\" NOT NULL,\n  \"email\" text COLLATE \"C\",\n  \"hash\" text COLLATE \"C\" NOT NULL,\n  \"data\" json,\n  \"tries\" bigint NOT NULL,\n  \"expires_at\" timestamptz NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_secrets\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_recovery\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_recovery__id\" PRIMARY KEY,\n  \"account_id\" uuid NOT NULL,\n  \"hash\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":0},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_recovery\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_keys\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_keys__id\" PRIMARY KEY,\n  \"account_id\" uuid NOT NULL,\n  \"stamp\" bigint NOT NULL,\n  \"name\" text COLLATE \"C\" NOT NULL,\n  \"prefix\" text COLLATE \"C\" NOT NULL,\n  \"hash\" text COLLATE \"C\" NOT NULL,\n  \"scopes\" json NOT NULL,\n  \"expires_at\" timestamptz,\n  \"used_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":0},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_keys\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_guesses\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_guesses__id\" PRIMARY KEY,\n  \"count\" bigint NOT NULL,\n  \"until\" bigint NOT NULL,\n  \"at\" bigint NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_guesses\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_audit\" (\n  \"id\" bigint NOT NULL CONSTRAINT \"p_ashlar_audit__id\" PRIMARY KEY,\n  \"at\" timestamptz NOT NULL,\n  \"action\" text COLLATE \"C\" NOT NULL,\n  \"actor_kind\" text COLLATE \"C\",\n  \"actor_id\" text COLLATE \"C\",\n  \"account\" text COLLATE \"C\",\n  \"target\" text COLLATE \"C\",\n  \"address\" text COLLATE \"C\",\n  \"session\" text COLLATE \"C\",\n  \"key\" text COLLATE \"C\",\n  \"request\" text COLLATE \"C\",\n  \"detail\" json,\n  \"prev\" text COLLATE \"C\",\n  \"hash\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_audit\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":1},{"sql":"CREATE TABLE \"ashlar_alerts\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_alerts__id\" PRIMARY KEY,\n  \"alert\" text COLLATE \"C\" NOT NULL,\n  \"node\" text COLLATE \"C\" NOT NULL,\n  \"severity\" text COLLATE \"C\" NOT NULL,\n  \"summary\" text COLLATE \"C\" NOT NULL,\n  \"since\" timestamptz NOT NULL,\n  \"seen_at\" timestamptz NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":0},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_alerts\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_telemetry\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_telemetry__id\" PRIMARY KEY,\n  \"node\" text COLLATE \"C\" NOT NULL,\n  \"build\" text COLLATE \"C\" NOT NULL,\n  \"revision\" text COLLATE \"C\" NOT NULL,\n  \"started_at\" timestamptz NOT NULL,\n  \"sums\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":2},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_telemetry\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_happenings\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_happenings__id\" PRIMARY KEY,\n  \"node\" text COLLATE \"C\" NOT NULL,\n  \"at\" timestamptz NOT NULL,\n  \"body\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":2},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_happenings\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_limits\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_limits__id\" PRIMARY KEY,\n  \"full_at\" bigint NOT NULL,\n  \"asked_at\" bigint NOT NULL,\n  \"granted\" bigint NOT NULL,\n  \"step\" bigint NOT NULL,\n  \"depth\" bigint NOT NULL,\n  \"debt\" bigint NOT NULL,\n  \"need\" bigint NOT NULL,\n  \"take\" bigint NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":0},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_limits\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":2},{"sql":"CREATE TABLE \"ashlar_jobs\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_jobs__id\" PRIMARY KEY,\n  \"queue\" text COLLATE \"C\" NOT NULL,\n  \"name\" text COLLATE \"C\" NOT NULL,\n  \"state\" text COLLATE \"C\" NOT NULL CONSTRAINT \"k_ashlar_jobs__state\" CHECK (\"state\" IN (''cancelled'', ''dead'', ''done'', ''running'', ''scheduled'', ''waiting'')),\n  \"key\" text COLLATE \"C\" NOT NULL,\n  \"lane\" text COLLATE \"C\" NOT NULL,\n  \"rank\" bigint NOT NULL,\n  \"run_at\" timestamptz NOT NULL,\n  \"turn_at\" timestamptz,\n  \"attempt\" bigint NOT NULL,\n  \"tries\" bigint NOT NULL,\n  \"lease\" text COLLATE \"C\",\n  \"node\" text COLLATE \"C\",\n  \"once\" text COLLATE \"C\",\n  \"once_until\" timestamptz,\n  \"row_table\" text COLLATE \"C\",\n  \"row_id\" text COLLATE \"C\",\n  \"args\" json,\n  \"errors\" json,\n  \"result\" json,\n  \"enqueued_by\" text COLLATE \"C\",\n  \"trace\" text COLLATE \"C\",\n  \"finished_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":13},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_jobs\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":1},{"sql":"CREATE TABLE \"ashlar_queues\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_queues__id\" PRIMARY KEY,\n  \"paused\" boolean NOT NULL,\n  \"workers\" bigint,\n  \"changed_by\" text COLLATE \"C\",\n  \"next_start\" bigint NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":2},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_queues\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":1},{"sql":"CREATE TABLE \"ashlar_queue_keys\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_queue_keys__id\" PRIMARY KEY,\n  \"queue\" text COLLATE \"C\" NOT NULL,\n  \"key\" text COLLATE \"C\" NOT NULL,\n  \"next_start\" bigint NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_queue_keys\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_crons\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_crons__id\" PRIMARY KEY,\n  \"job\" text COLLATE \"C\" NOT NULL,\n  \"paused\" boolean NOT NULL,\n  \"last_due\" timestamptz NOT NULL,\n  \"changed_by\" text COLLATE \"C\",\n  \"changed_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":8},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_crons\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_timers\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_timers__id\" PRIMARY KEY,\n  \"definition\" text COLLATE \"C\" NOT NULL,\n  \"began\" timestamptz NOT NULL,\n  \"last_row\" text COLLATE \"C\",\n  \"complete\" boolean NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":12},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_timers\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":0},{"sql":"CREATE TABLE \"ashlar_messages\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_messages__id\" PRIMARY KEY,\n  \"webhook\" text COLLATE \"C\" NOT NULL,\n  \"event\" text COLLATE \"C\" NOT NULL,\n  \"row_id\" text COLLATE \"C\",\n  \"happened_at\" timestamptz NOT NULL,\n  \"body\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_messages\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":3},{"sql":"CREATE TABLE \"ashlar_deliveries\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_ashlar_deliveries__id\" PRIMARY KEY,\n  \"message_id\" uuid NOT NULL,\n  \"webhook\" text COLLATE \"C\" NOT NULL,\n  \"endpoint\" text COLLATE \"C\" NOT NULL,\n  \"state\" text COLLATE \"C\" NOT NULL CONSTRAINT \"k_ashlar_deliveries__state\" CHECK (\"state\" IN (''delivered'', ''failed'', ''held'', ''sending'', ''waiting'')),\n  \"next_at\" timestamptz NOT NULL,\n  \"order_key\" text COLLATE \"C\",\n  \"happened_at\" timestamptz NOT NULL,\n  \"attempts\" bigint NOT NULL,\n  \"sender\" text COLLATE \"C\",\n  \"tries\" json,\n  \"once\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":4},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_deliveries\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":1},{"sql":"CREATE TABLE \"ashlar_endpoints\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_endpoints__id\" PRIMARY KEY,\n  \"state\" text COLLATE \"C\" NOT NULL CONSTRAINT \"k_ashlar_endpoints__state\" CHECK (\"state\" IN (''active'', ''disabled'', ''failing'')),\n  \"shown\" text COLLATE \"C\" NOT NULL CONSTRAINT \"k_ashlar_endpoints__shown\" CHECK (\"shown\" IN (''active'', ''disabled'', ''failing'')),\n  \"failures\" bigint NOT NULL,\n  \"since\" timestamptz,\n  \"trials\" bigint NOT NULL,\n  \"not_before\" timestamptz,\n  \"last_at\" timestamptz,\n  \"last_status\" bigint,\n  \"former_secret\" text COLLATE \"C\",\n  \"former_until\" timestamptz,\n  \"replay_at\" timestamptz,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":75},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_endpoints\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":6},{"sql":"CREATE TABLE \"ashlar_certificates\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_certificates__id\" PRIMARY KEY,\n  \"value\" text COLLATE \"C\" NOT NULL,\n  \"until\" timestamptz NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":1},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_certificates\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":8},{"sql":"CREATE TABLE \"ashlar_backups\" (\n  \"id\" text COLLATE \"C\" NOT NULL CONSTRAINT \"p_ashlar_backups__id\" PRIMARY KEY,\n  \"kind\" text COLLATE \"C\" NOT NULL,\n  \"state\" text COLLATE \"C\" NOT NULL,\n  \"node\" text COLLATE \"C\" NOT NULL,\n  \"begun\" timestamptz NOT NULL,\n  \"ended\" timestamptz NOT NULL,\n  \"backup\" text COLLATE \"C\" NOT NULL,\n  \"bytes\" bigint NOT NULL,\n  \"found\" text COLLATE \"C\" NOT NULL,\n  \"error\" text COLLATE \"C\" NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":32},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"ashlar_backups\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":4},{"sql":"CREATE TABLE \"users\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_users__id\" PRIMARY KEY,\n  \"email\" text COLLATE \"C\",\n  \"name\" text COLLATE \"C\",\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":5},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"users\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":3},{"sql":"CREATE TABLE \"notes\" (\n  \"id\" bigint NOT NULL CONSTRAINT \"p_notes__id\" PRIMARY KEY,\n  \"title\" text COLLATE \"C\" NOT NULL,\n  \"stars\" bigint NOT NULL,\n  \"due_at\" timestamptz,\n  \"owner_id\" uuid NOT NULL,\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":14},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"notes\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":4},{"sql":"CREATE TABLE \"endpoints\" (\n  \"id\" uuid NOT NULL CONSTRAINT \"p_endpoints__id\" PRIMARY KEY,\n  \"owner_id\" uuid NOT NULL,\n  \"url\" text COLLATE \"C\" NOT NULL,\n  \"events\" json,\n  \"secret\" text COLLATE \"C\",\n  \"state\" text COLLATE \"C\" NOT NULL CONSTRAINT \"k_endpoints__state\" CHECK (\"state\" IN (''active'', ''disabled'', ''failing'')),\n  \"created_at\" timestamptz NOT NULL,\n  \"updated_at\" timestamptz NOT NULL,\n  \"_rev\" bigint NOT NULL\n)","ms":8},{"sql":"CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON \"endpoints\" FOR EACH STATEMENT WHEN (current_setting(''ashlar.own'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ashlar_changed()","ms":7},{"sql":"ALTER TABLE \"ashlar_accounts\" ADD CONSTRAINT \"f_ashlar_accounts__user_id\" FOREIGN KEY (\"user_id\") REFERENCES \"users\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":19},{"sql":"ALTER TABLE \"ashlar_identities\" ADD CONSTRAINT \"f_ashlar_identities__account_id\" FOREIGN KEY (\"account_id\") REFERENCES \"ashlar_accounts\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":13},{"sql":"ALTER TABLE \"ashlar_passkeys\" ADD CONSTRAINT \"f_ashlar_passkeys__account_id\" FOREIGN KEY (\"account_id\") REFERENCES \"ashlar_accounts\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":4},{"sql":"ALTER TABLE \"ashlar_sessions\" ADD CONSTRAINT \"f_ashlar_sessions__account_id\" FOREIGN KEY (\"account_id\") REFERENCES \"ashlar_accounts\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":12},{"sql":"ALTER TABLE \"ashlar_secrets\" ADD CONSTRAINT \"f_ashlar_secrets__account_id\" FOREIGN KEY (\"account_id\") REFERENCES \"ashlar_accounts\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":5},{"sql":"ALTER TABLE \"ashlar_recovery\" ADD CONSTRAINT \"f_ashlar_recovery__account_id\" FOREIGN KEY (\"account_id\") REFERENCES \"ashlar_accounts\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":22},{"sql":"ALTER TABLE \"ashlar_keys\" ADD CONSTRAINT \"f_ashlar_keys__account_id\" FOREIGN KEY (\"account_id\") REFERENCES \"ashlar_accounts\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":23},{"sql":"ALTER TABLE \"ashlar_deliveries\" ADD CONSTRAINT \"f_ashlar_deliveries__message_id\" FOREIGN KEY (\"message_id\") REFERENCES \"ashlar_messages\" (\"id\") ON DELETE CASCADE DEFERRABLE","ms":5},{"sql":"ALTER TABLE \"notes\" ADD CONSTRAINT \"f_notes__owner_id\" FOREIGN KEY (\"owner_id\") REFERENCES \"users\" (\"id\") ON DELETE NO ACTION DEFERRABLE","ms":11},{"sql":"ALTER TABLE \"endpoints\" ADD CONSTRAINT \"f_endpoints__owner_id\" FOREIGN KEY (\"owner_id\") REFERENCES \"users\" (\"id\") ON DELETE NO ACTION DEFERRABLE","ms":1},{"sql":"CREATE UNIQUE INDEX \"u_ashlar_accounts__user_id\" ON \"ashlar_accounts\" (\"user_id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_accounts__email\" ON \"ashlar_accounts\" (\"email\", \"id\")","ms":0},{"sql":"CREATE UNIQUE INDEX \"u_ashlar_accounts__kind__email\" ON \"ashlar_accounts\" (\"kind\", \"email\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_identities__account_id\" ON \"ashlar_identities\" (\"account_id\", \"id\")","ms":0},{"sql":"CREATE UNIQUE INDEX \"u_ashlar_identities__issuer__subject\" ON \"ashlar_identities\" (\"issuer\", \"subject\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_passkeys__account_id\" ON \"ashlar_passkeys\" (\"account_id\", \"id\")","ms":0},{"sql":"CREATE UNIQUE INDEX \"u_ashlar_passkeys__credential\" ON \"ashlar_passkeys\" (\"credential\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_sessions__account_id\" ON \"ashlar_sessions\" (\"account_id\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_sessions__idle_at\" ON \"ashlar_sessions\" (\"idle_at\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_sessions__ends_at\" ON \"ashlar_sessions\" (\"ends_at\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_secrets__account_id\" ON \"ashlar_secrets\" (\"account_id\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_secrets__email\" ON \"ashlar_secrets\" (\"email\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_secrets__expires_at\" ON \"ashlar_secrets\" (\"expires_at\", \"id\")","ms":1},{"sql":"CREATE INDEX \"i_ashlar_recovery__account_id\" ON \"ashlar_recovery\" (\"account_id\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_keys__account_id\" ON \"ashlar_keys\" (\"account_id\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_guesses__at\" ON \"ashlar_guesses\" (\"at\", \"id\")","ms":8},{"sql":"CREATE INDEX \"i_ashlar_audit__at\" ON \"ashlar_audit\" (\"at\", \"id\")","ms":2},{"sql":"CREATE INDEX \"i_ashlar_audit__action\" ON \"ashlar_audit\" (\"action\", \"id\")","ms":2},{"sql":"CREATE INDEX \"i_ashlar_audit__actor_id\" ON \"ashlar_audit\" (\"actor_id\", \"id\")","ms":1},{"sql":"CREATE INDEX \"i_ashlar_audit__account\" ON \"ashlar_audit\" (\"account\", \"id\")","ms":1},{"sql":"CREATE INDEX \"i_ashlar_alerts__alert\" ON \"ashlar_alerts\" (\"alert\", \"id\")","ms":2},{"sql":"CREATE INDEX \"i_ashlar_happenings__at\" ON \"ashlar_happenings\" (\"at\", \"id\")","ms":0},{"sql":"CREATE UNIQUE INDEX \"u_ashlar_jobs__once\" ON \"ashlar_jobs\" (\"once\") WHERE \"once\" IS NOT NULL","ms":0},{"sql":"CREATE INDEX \"i_ashlar_jobs__queue__state__lane__rank__run_at\" ON \"ashlar_jobs\" (\"queue\", \"state\", \"lane\", \"rank\", \"run_at\", \"id\")","ms":8},{"sql":"CREATE INDEX \"i_ashlar_jobs__state__turn_at\" ON \"ashlar_jobs\" (\"state\", \"turn_at\", \"id\") WHERE \"turn_at\" IS NOT NULL","ms":2},{"sql":"CREATE INDEX \"i_ashlar_queue_keys__queue__key\" ON \"ashlar_queue_keys\" (\"queue\", \"key\", \"id\")","ms":5},{"sql":"CREATE INDEX \"i_ashlar_queue_keys__next_start\" ON \"ashlar_queue_keys\" (\"next_start\", \"id\")","ms":4},{"sql":"CREATE INDEX \"i_ashlar_deliveries__message_id\" ON \"ashlar_deliveries\" (\"message_id\", \"id\")","ms":4},{"sql":"CREATE UNIQUE INDEX \"u_ashlar_deliveries__once\" ON \"ashlar_deliveries\" (\"once\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_deliveries__endpoint__state__next_at\" ON \"ashlar_deliveries\" (\"endpoint\", \"state\", \"next_at\", \"id\")","ms":0},{"sql":"CREATE INDEX \"i_ashlar_deliveries__endpoint__order_key__state\" ON \"ashlar_deliveries\" (\"endpoint\", \"order_key\", \"state\", \"id\")","ms":3},{"sql":"CREATE INDEX \"i_ashlar_deliveries__endpoint__id\" ON \"ashlar_deliveries\" (\"endpoint\", \"id\")","ms":9},{"sql":"CREATE INDEX \"i_ashlar_deliveries__webhook__id\" ON \"ashlar_deliveries\" (\"webhook\", \"id\")","ms":5},{"sql":"CREATE INDEX \"i_ashlar_deliveries__state__next_at\" ON \"ashlar_deliveries\" (\"state\", \"next_at\", \"id\")","ms":0},{"sql":"CREATE UNIQUE INDEX \"l_users__email\" ON \"users\" (lower(\"email\"))","ms":5},{"sql":"CREATE INDEX \"i_notes__stars\" ON \"notes\" (\"stars\", \"id\")","ms":2},{"sql":"CREATE INDEX \"i_notes__owner_id\" ON \"notes\" (\"owner_id\", \"id\")","ms":2},{"sql":"CREATE INDEX \"i_endpoints__owner_id\" ON \"endpoints\" (\"owner_id\", \"id\")","ms":0}]', '{}', 'null', '', '{"ashlar":2,"name":"notes","roles":["integrator"],"tables":[{"name":"users","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"email","type":"text","optional":true,"unique":true,"caseless":true,"read":"id == auth.id","max":254,"format":"email"},{"name":"name","type":"text","optional":true,"max":200},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"id == auth.id"}},{"name":"notes","key":"int","fields":[{"name":"id","type":"int","system":true,"immutable":true},{"name":"title","type":"text","max":200},{"name":"stars","type":"int","index":true,"default":"3","default_is_constant":true},{"name":"due_at","type":"timestamp","optional":true},{"name":"owner_id","type":"uuid","ref":"users","on_delete":"restrict","immutable":true,"default":"auth.id"},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"true","create":"owner_id == auth.id","update_from":"owner_id == auth.id","update_to":"owner_id == auth.id","delete":"owner_id == auth.id"}},{"name":"endpoints","key":"uuid","fields":[{"name":"id","type":"uuid","system":true,"immutable":true},{"name":"owner_id","type":"uuid","ref":"users","on_delete":"restrict","immutable":true,"default":"auth.id"},{"name":"url","type":"text","max":2000,"format":"url"},{"name":"events","type":"json","optional":true},{"name":"secret","type":"text","optional":true,"secret":true},{"name":"state","type":"enum","default":"active","default_is_constant":true,"values":[{"name":"active"},{"name":"failing"},{"name":"disabled"}]},{"name":"created_at","type":"timestamp","system":true,"immutable":true},{"name":"updated_at","type":"timestamp","system":true}],"access":{"read":"owner_id == auth.id","create":"owner_id == auth.id","update_from":"owner_id == auth.id","update_to":"owner_id == auth.id","delete":"owner_id == auth.id"}}]}', '2026-11-29 05:27:12.719738+13:45', '2026-11-29 05:27:12.719738+13:45', 193);

INSERT INTO public.ashlar_queues VALUES ('webhooks', false, NULL, NULL, 0, '2026-11-29 05:27:13.213532+13:45', '2026-11-29 05:27:13.213532+13:45', 0);

INSERT INTO public.ashlar_sessions VALUES ('01a222d2-3e3e-743e-bf5e-e66d1dadd1ce', '01a222d2-3e37-7a45-991f-e29fd5122d1e', 1, 1, 0, '["code"]', false, '2026-11-29 05:27:13.555206+13:45', '127.0.0.1', 'Go-http-client', false, '2026-11-29 05:27:13.555206+13:45', '2026-12-13 05:27:13.555206+13:45', '2027-02-27 05:27:13.555206+13:45', '2026-11-29 05:27:13.555198+13:45', '2026-11-29 05:27:13.555198+13:45', 395);

INSERT INTO public.ashlar_telemetry VALUES ('s6b0af648-wl5o4a5zzg.1', 'vm:40753', 'development build', '2472af38ad41', '2026-11-29 05:27:12.970947+13:45', '{"c":{"b:+Inf":7,"b:0.01":1,"b:0.025":4,"b:0.05":5,"b:0.075":6,"b:0.1":6,"b:0.25":6,"b:0.3":6,"b:0.5":7,"b:0.75":7,"b:1":7,"b:10":7,"b:2.5":7,"b:5":7,"b:7.5":7,"cpu":0.36,"n":7,"t":0.461},"g":{"db":9010535,"go":13,"heap":15308456,"rss":71393280},"o":{"api/available":[7],"api/fast":[6,1,12302425093482026174,2]},"x":true}', '2026-11-29 05:27:16.95585+13:45', '2026-11-29 05:27:16.95585+13:45', 1281);

INSERT INTO public.ashlar_timers VALUES ('remind', 'adc579011ede88f230cfe2059bdbe059a304ab73c9b06cb3a26fd7c722cb1179', '2026-11-29 05:27:13.302913+13:45', NULL, true, '2026-11-29 05:27:13.302913+13:45', '2026-11-29 05:27:13.302913+13:45', 0);

INSERT INTO public.endpoints VALUES ('01a222d2-3e47-7960-9ebc-2991fcd9a8cd', '01a222d2-3e37-7280-96be-97098398fd77', 'https://hooks.invalid/notes', NULL, NULL, 'active', '2026-11-29 05:27:13.57553+13:45', '2026-11-29 05:27:13.57553+13:45', 400);

INSERT INTO public.notes VALUES (1, 'Milk', 1, '2099-01-01 13:45:00+13:45', '01a222d2-3e37-7280-96be-97098398fd77', '2026-11-29 05:27:13.602723+13:45', '2026-11-29 05:27:13.602723+13:45', 401);
INSERT INTO public.notes VALUES (2, 'Report', 2, '2099-01-01 13:45:00+13:45', '01a222d2-3e37-7280-96be-97098398fd77', '2026-11-29 05:27:13.616743+13:45', '2026-11-29 05:27:13.616743+13:45', 402);
INSERT INTO public.notes VALUES (3, 'Train', 3, '2099-01-01 13:45:00+13:45', '01a222d2-3e37-7280-96be-97098398fd77', '2026-11-29 05:27:13.633363+13:45', '2026-11-29 05:27:13.633363+13:45', 403);

INSERT INTO public.users VALUES ('01a222d2-3e37-7280-96be-97098398fd77', 'ada@example.com', 'Ada', '2026-11-29 05:27:13.555198+13:45', '2026-11-29 05:27:13.555198+13:45', 392);

SELECT pg_catalog.setval('public."ashlar_next_id:notes"', 3, true);

SELECT pg_catalog.setval('public.ashlar_revision', 1537, true);

ALTER TABLE ONLY public.ashlar_generations
    ADD CONSTRAINT ashlar_generations_pkey PRIMARY KEY ("table", stripe);

ALTER TABLE ONLY public.ashlar_accounts
    ADD CONSTRAINT p_ashlar_accounts__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_alerts
    ADD CONSTRAINT p_ashlar_alerts__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_audit
    ADD CONSTRAINT p_ashlar_audit__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_backups
    ADD CONSTRAINT p_ashlar_backups__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_certificates
    ADD CONSTRAINT p_ashlar_certificates__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_crons
    ADD CONSTRAINT p_ashlar_crons__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_deliveries
    ADD CONSTRAINT p_ashlar_deliveries__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_endpoints
    ADD CONSTRAINT p_ashlar_endpoints__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_guesses
    ADD CONSTRAINT p_ashlar_guesses__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_happenings
    ADD CONSTRAINT p_ashlar_happenings__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_identities
    ADD CONSTRAINT p_ashlar_identities__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_jobs
    ADD CONSTRAINT p_ashlar_jobs__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_keys
    ADD CONSTRAINT p_ashlar_keys__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_limits
    ADD CONSTRAINT p_ashlar_limits__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_messages
    ADD CONSTRAINT p_ashlar_messages__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_meta
    ADD CONSTRAINT p_ashlar_meta__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_migrations
    ADD CONSTRAINT p_ashlar_migrations__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_passkeys
    ADD CONSTRAINT p_ashlar_passkeys__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_queue_keys
    ADD CONSTRAINT p_ashlar_queue_keys__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_queues
    ADD CONSTRAINT p_ashlar_queues__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_recovery
    ADD CONSTRAINT p_ashlar_recovery__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_secrets
    ADD CONSTRAINT p_ashlar_secrets__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_sessions
    ADD CONSTRAINT p_ashlar_sessions__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_telemetry
    ADD CONSTRAINT p_ashlar_telemetry__id PRIMARY KEY (id);

ALTER TABLE ONLY public.ashlar_timers
    ADD CONSTRAINT p_ashlar_timers__id PRIMARY KEY (id);

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT p_endpoints__id PRIMARY KEY (id);

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT p_notes__id PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT p_users__id PRIMARY KEY (id);

CREATE INDEX i_ashlar_accounts__email ON public.ashlar_accounts USING btree (email, id);

CREATE INDEX i_ashlar_alerts__alert ON public.ashlar_alerts USING btree (alert, id);

CREATE INDEX i_ashlar_audit__account ON public.ashlar_audit USING btree (account, id);

CREATE INDEX i_ashlar_audit__action ON public.ashlar_audit USING btree (action, id);

CREATE INDEX i_ashlar_audit__actor_id ON public.ashlar_audit USING btree (actor_id, id);

CREATE INDEX i_ashlar_audit__at ON public.ashlar_audit USING btree (at, id);

CREATE INDEX i_ashlar_deliveries__endpoint__id ON public.ashlar_deliveries USING btree (endpoint, id);

CREATE INDEX i_ashlar_deliveries__endpoint__order_key__state ON public.ashlar_deliveries USING btree (endpoint, order_key, state, id);

CREATE INDEX i_ashlar_deliveries__endpoint__state__next_at ON public.ashlar_deliveries USING btree (endpoint, state, next_at, id);

CREATE INDEX i_ashlar_deliveries__message_id ON public.ashlar_deliveries USING btree (message_id, id);

CREATE INDEX i_ashlar_deliveries__state__next_at ON public.ashlar_deliveries USING btree (state, next_at, id);

CREATE INDEX i_ashlar_deliveries__webhook__id ON public.ashlar_deliveries USING btree (webhook, id);

CREATE INDEX i_ashlar_guesses__at ON public.ashlar_guesses USING btree (at, id);

CREATE INDEX i_ashlar_happenings__at ON public.ashlar_happenings USING btree (at, id);

CREATE INDEX i_ashlar_identities__account_id ON public.ashlar_identities USING btree (account_id, id);

CREATE INDEX i_ashlar_jobs__queue__state__lane__rank__run_at ON public.ashlar_jobs USING btree (queue, state, lane, rank, run_at, id);

CREATE INDEX i_ashlar_jobs__state__turn_at ON public.ashlar_jobs USING btree (state, turn_at, id) WHERE (turn_at IS NOT NULL);

CREATE INDEX i_ashlar_keys__account_id ON public.ashlar_keys USING btree (account_id, id);

CREATE INDEX i_ashlar_passkeys__account_id ON public.ashlar_passkeys USING btree (account_id, id);

CREATE INDEX i_ashlar_queue_keys__next_start ON public.ashlar_queue_keys USING btree (next_start, id);

CREATE INDEX i_ashlar_queue_keys__queue__key ON public.ashlar_queue_keys USING btree (queue, key, id);

CREATE INDEX i_ashlar_recovery__account_id ON public.ashlar_recovery USING btree (account_id, id);

CREATE INDEX i_ashlar_secrets__account_id ON public.ashlar_secrets USING btree (account_id, id);

CREATE INDEX i_ashlar_secrets__email ON public.ashlar_secrets USING btree (email, id);

CREATE INDEX i_ashlar_secrets__expires_at ON public.ashlar_secrets USING btree (expires_at, id);

CREATE INDEX i_ashlar_sessions__account_id ON public.ashlar_sessions USING btree (account_id, id);

CREATE INDEX i_ashlar_sessions__ends_at ON public.ashlar_sessions USING btree (ends_at, id);

CREATE INDEX i_ashlar_sessions__idle_at ON public.ashlar_sessions USING btree (idle_at, id);

CREATE INDEX i_endpoints__owner_id ON public.endpoints USING btree (owner_id, id);

CREATE INDEX i_notes__owner_id ON public.notes USING btree (owner_id, id);

CREATE INDEX i_notes__stars ON public.notes USING btree (stars, id);

CREATE UNIQUE INDEX l_users__email ON public.users USING btree (lower(email));

CREATE UNIQUE INDEX u_ashlar_accounts__kind__email ON public.ashlar_accounts USING btree (kind, email);

CREATE UNIQUE INDEX u_ashlar_accounts__user_id ON public.ashlar_accounts USING btree (user_id);

CREATE UNIQUE INDEX u_ashlar_deliveries__once ON public.ashlar_deliveries USING btree (once);

CREATE UNIQUE INDEX u_ashlar_identities__issuer__subject ON public.ashlar_identities USING btree (issuer, subject);

CREATE UNIQUE INDEX u_ashlar_jobs__once ON public.ashlar_jobs USING btree (once) WHERE (once IS NOT NULL);

CREATE UNIQUE INDEX u_ashlar_passkeys__credential ON public.ashlar_passkeys USING btree (credential);

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_accounts FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_alerts FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_audit FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_backups FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_certificates FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_crons FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_deliveries FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_endpoints FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_guesses FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_happenings FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_identities FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_jobs FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_keys FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_limits FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_messages FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_meta FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_migrations FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_passkeys FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_queue_keys FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_queues FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_recovery FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_secrets FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_sessions FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_telemetry FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.ashlar_timers FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.endpoints FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.notes FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.users FOR EACH STATEMENT WHEN ((current_setting('ashlar.own'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ashlar_changed();

ALTER TABLE ONLY public.ashlar_accounts
    ADD CONSTRAINT f_ashlar_accounts__user_id FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_deliveries
    ADD CONSTRAINT f_ashlar_deliveries__message_id FOREIGN KEY (message_id) REFERENCES public.ashlar_messages(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_identities
    ADD CONSTRAINT f_ashlar_identities__account_id FOREIGN KEY (account_id) REFERENCES public.ashlar_accounts(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_keys
    ADD CONSTRAINT f_ashlar_keys__account_id FOREIGN KEY (account_id) REFERENCES public.ashlar_accounts(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_passkeys
    ADD CONSTRAINT f_ashlar_passkeys__account_id FOREIGN KEY (account_id) REFERENCES public.ashlar_accounts(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_recovery
    ADD CONSTRAINT f_ashlar_recovery__account_id FOREIGN KEY (account_id) REFERENCES public.ashlar_accounts(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_secrets
    ADD CONSTRAINT f_ashlar_secrets__account_id FOREIGN KEY (account_id) REFERENCES public.ashlar_accounts(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.ashlar_sessions
    ADD CONSTRAINT f_ashlar_sessions__account_id FOREIGN KEY (account_id) REFERENCES public.ashlar_accounts(id) ON DELETE CASCADE DEFERRABLE;

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT f_endpoints__owner_id FOREIGN KEY (owner_id) REFERENCES public.users(id) DEFERRABLE;

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT f_notes__owner_id FOREIGN KEY (owner_id) REFERENCES public.users(id) DEFERRABLE;


