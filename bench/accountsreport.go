package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The bars of the logins.
const (
	barLogins  = 1.4 // Ashlar's logins a second over PocketBase's
	barSlowing = 3.0 // p99 of a get during logins over the idle one
	barGrowth  = 64  // MB resident above idle
)

// loginSender returns a client that keeps a connection for each of the clients.
func loginSender() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: loginClients, DisableCompression: true}}
}

func reportLogins(opts settings, rounds map[string][]loginRound, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Accounts\n\nWritten by `make bench`; what is measured and how is in [docs/performance.md](../docs/performance.md#logins).\n\n")
	fmt.Fprintf(&text, "%s Medians of %d rounds, servers in turn. %d clients sign in with the right passwords of %d users, from one address. Each server made the hashes with its defaults. %d gets a second come from the same program at the same time, at a steady rate. The run took %v; load average at its end %s.\n\n",
		host(), opts.rounds, loginClients, loginUsers, getsPerSecond, took.Round(time.Second), systemLoad())
	text.WriteString("| server | logins/s | beside gets | p50 of a login | refused | p99 of a get, idle | during logins | resident, idle | peak during logins |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, name := range []string{namePocketBase, nameAshlar} {
		all := rounds[name]
		fmt.Fprintf(&text, "| %s | %.1f | %.1f | %s | %d | %s | %s | %.0f MB | %.0f MB |\n", name,
			middle(all, func(r loginRound) float64 { return r.alone }), middle(all, func(r loginRound) float64 { return r.beside }),
			millis(middle(all, func(r loginRound) time.Duration { return r.login })), middle(all, func(r loginRound) int64 { return int64(r.refused) }),
			millis(middle(all, func(r loginRound) time.Duration { return r.idle })), millis(middle(all, func(r loginRound) time.Duration { return r.busy })),
			megabytes(middle(all, func(r loginRound) int64 { return r.before })), megabytes(middle(all, func(r loginRound) int64 { return r.peak })))
	}
	text.WriteString("\nRatios are taken within each round; here are their medians, and the lowest and highest.\n\n| | ratio | rounds | bar |\n|---|---|---|---|\n")
	own, other := rounds[nameAshlar], rounds[namePocketBase]
	faster := make([]float64, len(own))
	slower, grown := make([]float64, len(own)), make([]float64, len(own))
	for i, r := range own {
		faster[i] = r.alone / max(0.1, other[i].alone)
		slower[i] = r.busy.Seconds() / r.idle.Seconds()
		grown[i] = megabytes(r.peak - r.before)
	}
	row := func(what, unit string, values []float64, bar string, reached bool) {
		said := "reached:"
		if !reached {
			said = "**missed**:"
		}
		fmt.Fprintf(&text, "| %s | %.2f %s | %.2f to %.2f | %s %s |\n", what, median(values), unit, slices.Min(values), slices.Max(values), said, bar)
	}
	row("logins a second against PocketBase", "×", faster, fmt.Sprintf("≥ %.1f ×", barLogins), median(faster) >= barLogins)
	row("p99 of a get during logins, against idle", "×", slower, fmt.Sprintf("≤ %.0f ×", barSlowing), median(slower) <= barSlowing)
	row("resident above idle", "MB", grown, fmt.Sprintf("≤ %d MB", barGrowth), median(grown) <= barGrowth)
	return publish(opts, text.String())
}

func middle[T int64 | float64 | time.Duration](rounds []loginRound, f func(loginRound) T) T {
	values := make([]T, len(rounds))
	for i, r := range rounds {
		values[i] = f(r)
	}
	return median(values)
}
