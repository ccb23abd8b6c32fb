package oracle

import "math/rand/v2"

// The pools are small, so that random values are often equal, and contain the limits of their types.
var (
	intPool = []string{"0", "1", "-1", "2", "3", "7", "9223372036854775807", "-9223372036854775808", "9223372036854775806",
		"9007199254740993", "9007199254740992"}
	floatPool   = []string{"0.0", "1.0", "-1.5", "0.1", "1e308", "-1e308", "5e-324", "2.5", "3.0", "9007199254740992.0"}
	decimalPool = []string{"0.0", "1.5", "-1.5", "0.1", "12.34", "12.345", "12.35", "-0.01", "999999999999999999",
		"-999999999999999999", "99999999999999.9999", "3", "0.000000001"}
	textPool      = []string{"", "a", "A", "ab", "abc", "ba", "é", "aé", "𝄞", "𝄞b", "b%_", "x", "y"}
	timestampPool = []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00.000001Z", "1969-12-31T23:59:59.5Z", "2026-11-23T10:00:00Z"}
	durationPool = []string{"0s", "1h", "-1h", "24h", "1us", "2540400h", "-2540400h", "1.5s"}
	datePool     = []string{"0001-01-01", "9999-12-31", "2026-01-31", "2026-02-01"}
	uuidPool     = []string{"00000000-0000-7000-8000-000000000001", "ffffffff-ffff-7fff-bfff-ffffffffffff", "0190a0b0-c0d0-7e0f-8000-0000000000aa"}
	enumPool     = []string{"x", "y", "z"}
)

func pick[T any](random *rand.Rand, choices []T) T { return choices[random.IntN(len(choices))] }
