package postgres

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// function is a SQL function that generated statements use.
type function struct{ signature, returns, body string }

func (f function) name() string {
	name, _, _ := strings.Cut(f.signature, "(")
	return name
}

// create may run after another node has made the function.
func (f function) create() string {
	return "CREATE OR REPLACE FUNCTION " + f.signature + " RETURNS " + f.returns +
		" LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$\nBEGIN" + f.body + "\nEND $$"
}

// functions are the functions that generated statements use (sqlgen.Postgres). They return NULL for a result that does not
// exist. PostgreSQL's own operators would raise an error. Package value evaluates expressions
// without a row, with the same results.
func functions() []function {
	return []function{
		{"ashlar_exact(x float8)", "numeric", exactBody},
		{"ashlar_int(x numeric)", "bigint", `
	IF x BETWEEN -9223372036854775808 AND 9223372036854775807 THEN RETURN x; END IF;
	RETURN NULL;`},
		{"ashlar_int_div(a bigint, b bigint)", "bigint", `
	IF b = 0 OR (a = -9223372036854775808 AND b = -1) THEN RETURN NULL; END IF;
	RETURN a / b;`},
		{"ashlar_int_mod(a bigint, b bigint)", "bigint", `
	IF b = 0 OR (a = -9223372036854775808 AND b = -1) THEN RETURN NULL; END IF;
	RETURN a % b;`},
		{"ashlar_dec(x numeric, below numeric)", "numeric", `
	IF abs(x) < below THEN RETURN x; END IF;
	RETURN NULL;`},
		{"ashlar_float_add(a float8, b float8)", "float8", `
	IF abs(a) > 1e307 OR abs(b) > 1e307 THEN
		IF abs(ashlar_exact(a) + ashlar_exact(b)) >= ` + overflow + ` THEN RETURN NULL; END IF;
	END IF;
	RETURN a + b;`},
		{"ashlar_float_mul(a float8, b float8)", "float8", `
	IF a = 0 OR b = 0 THEN RETURN 0; END IF;
	IF abs(a) NOT BETWEEN 1e-150 AND 1e150 OR abs(b) NOT BETWEEN 1e-150 AND 1e150 THEN
		IF abs(ashlar_exact(a) * ashlar_exact(b)) >= ` + overflow + ` THEN RETURN NULL; END IF;
		IF abs(ashlar_exact(a) * ashlar_exact(b)) <= ` + underflow + ` THEN RETURN 0; END IF;
	END IF;
	RETURN a * b;`},
		{"ashlar_float_div(a float8, b float8)", "float8", `
	IF b = 0 THEN RETURN NULL; END IF;
	IF a = 0 THEN RETURN 0; END IF;
	IF abs(a) NOT BETWEEN 1e-150 AND 1e150 OR abs(b) NOT BETWEEN 1e-150 AND 1e150 THEN
		IF abs(ashlar_exact(a)) >= abs(ashlar_exact(b)) * ` + overflow + ` THEN RETURN NULL; END IF;
		IF abs(ashlar_exact(a)) <= abs(ashlar_exact(b)) * ` + underflow + ` THEN RETURN 0; END IF;
	END IF;
	RETURN a / b;`},
		{"ashlar_micros(t timestamptz)", "numeric", `
	RETURN extract(epoch FROM t) * 1000000;`},
		{"ashlar_time(micros numeric)", "timestamptz", `
	IF micros BETWEEN -62135596800000000 AND 253402300799999999 THEN
		RETURN timestamptz '1970-01-01 00:00:00+00' + div(micros, 1000000)::bigint * interval '1 second'
			+ mod(micros, 1000000)::bigint * interval '1 microsecond';
	END IF;
	RETURN NULL;`},
		{"ashlar_span(micros numeric)", "bigint", `
	IF micros BETWEEN -9223372036854775 AND 9223372036854775 THEN RETURN micros; END IF;
	RETURN NULL;`},
		{"ashlar_concat(a text, b text)", "text", `
	IF octet_length(a) + octet_length(b) <= ` + strconv.Itoa(value.MaxConcat) + ` THEN RETURN a || b; END IF;
	RETURN NULL;`},
		{"ashlar_contains(a text, b text)", "boolean", containsBody},
	}
}

// containsBody searches the bytes of b in the bytes of a. One step compares at most 1 GiB, in about 40 ms. The server
// notices a cancel between two steps.
const containsBody = `
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
	END;`

// A result of at least 2^1024 - 2^970 in size rounds to infinity, and one of at most 2^-1075 to zero. PostgreSQL makes
// errors of both.
const (
	overflow  = `(2::numeric ^ 1024 - 2::numeric ^ 970)`
	underflow = `(5::numeric ^ 1075 * '1e-1075'::numeric)`
)

// exactBody is the exact value of a float, while a cast to numeric rounds to 15 digits. It is the 52 bits after the first,
// times a power of two. A negative power of two is a power of five with as many digits after the point.
const exactBody = `
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
	END;`
