package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report writes the results to standard output, and to a file if it has a name.
func report(opts settings, all []*server, t table, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Results\n\nWritten by `make bench`; what is measured and how is in [docs/performance.md](../docs/performance.md).\n\n")
	machine(&text, opts, took)
	text.WriteString("\n## Requests\n\n")
	requests(&text, all, t)
	text.WriteString("\n## Against the bars\n\n")
	against(&text, t)
	sessionCost(&text, all, t)
	telemetryCost(&text, t)
	if opts.before != "" {
		text.WriteString("\n## Against the checkout before\n\n")
		againstBefore(&text, t)
	}
	text.WriteString("\n## Programs\n\n")
	programs(&text, all)
	return publish(opts, text.String())
}

func publish(opts settings, text string) error {
	if _, err := io.WriteString(os.Stdout, text); err != nil {
		return err
	}
	if opts.out == "" {
		return nil
	}
	return os.WriteFile(opts.out, []byte(text), 0o644)
}

func machine(b *strings.Builder, s settings, took time.Duration) {
	fmt.Fprintf(b, "%s 2 × %d rows of ten fields; wrk with one thread on the same machine, loopback; medians of %d rounds of %s, servers in turn. The run took %v; load average at its end %s.\n",
		host(), s.rows, s.rounds, seconds(s.duration), took.Round(time.Second), systemLoad())
}

// host says when and on what a run was.
func host() string {
	return fmt.Sprintf("%s, %d cores (%s), %s, Linux %s.", time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), processor(), runtime.Version(), kernel())
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	_, after, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(after, "\n")
	return strings.Trim(line, " \t:")
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

func systemLoad() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func requests(text *strings.Builder, all []*server, t table) {
	text.WriteString("| workload | connections | server | requests/s | p50 | p99 | CPU a request | errors |\n|---|---|---|---|---|---|---|---|\n")
	for _, work := range workloads {
		for _, c := range work.connections {
			for _, server := range all {
				rs := t[cell{work.name, c, server.name}]
				if len(rs) == 0 {
					continue
				}
				var failed int64
				for _, r := range rs {
					failed += r.errors + r.refused
				}
				fmt.Fprintf(text, "| %s | %d | %s | %.0f | %s | %s | %d µs | %d |\n", work.name, c, server.name, rate(rs),
					millis(of(rs, func(r result) time.Duration { return r.p50 })), millis(p99(rs)),
					of(rs, func(r result) time.Duration { return r.cpu }).Microseconds(), failed)
			}
		}
	}
}

func rate(rs []result) float64      { return of(rs, func(r result) float64 { return r.rate }) }
func cpu(rs []result) float64       { return float64(of(rs, func(r result) time.Duration { return r.cpu })) }
func p99(rs []result) time.Duration { return of(rs, func(r result) time.Duration { return r.p99 }) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func against(text *strings.Builder, t table) {
	text.WriteString("| workload | connections | against PocketBase | bar | without its log | against hand-written | bar | CPU against hand-written |\n|---|---|---|---|---|---|---|---|\n")
	for _, work := range workloads {
		for _, c := range work.connections {
			at := func(server string) []result { return t[cell{work.name, c, server}] }
			own := at(nameAshlar)
			if len(own) == 0 {
				continue
			}
			fmt.Fprintf(text, "| %s | %d | %s | %s | %s | %s |\n", work.name, c,
				times(rate(own), rate(at(namePocketBase)), work.bar(c).pocketbase),
				ratio(rate(own), rate(at(namePBNoLog))), percent(rate(own), rate(at(nameHandwritten)), work.bar(c).handwritten), ratio(cpu(own), cpu(at(nameHandwritten))))
			if tail := work.bar(c).tail; tail > 0 {
				fmt.Fprintf(text, "| %s, p99 | %d | %s | %s | %s | – |\n", work.name, c,
					times(p99s(at(namePocketBase)), p99s(own), tail),
					ratio(p99s(at(namePBNoLog)), p99s(own)), percent(p99s(at(nameHandwritten)), p99s(own), 0))
			}
		}
	}
}

// barSession is what a session may cost of the rate of a get.
const barSession = 0.10

// sessionCost compares gets with the token of a session and without, within each round.
func sessionCost(text *strings.Builder, all []*server, t table) {
	text.WriteString("\n## What a session costs\n\nGets with the token of a session against gets without, each pair in one round, at 32 connections.\n\n")
	text.WriteString("| server | requests/s | with a session | ratio | lowest to highest of the rounds | bar |\n|---|---|---|---|---|---|\n")
	for _, srv := range all {
		plain, signed := t[cell{"get by id", 32, srv.name}], t[cell{"get by id, session", 32, srv.name}]
		if len(plain) == 0 || len(plain) != len(signed) {
			continue
		}
		ratios := make([]float64, len(plain))
		for i := range plain {
			ratios[i] = signed[i].rate / max(1, plain[i].rate)
		}
		bar := "–"
		if srv.name == nameAshlar {
			bar = fmt.Sprintf("%s ≥ %.0f %%", verdict(median(ratios), 1-barSession), 100*(1-barSession))
		}
		fmt.Fprintf(text, "| %s | %.0f | %.0f | %.0f %% | %.0f to %.0f %% | %s |\n", srv.name, rate(plain), rate(signed), 100*median(ratios),
			100*slices.Min(ratios), 100*slices.Max(ratios), bar)
	}
}

// barTelemetry is what everything that watches the server may cost of the rate of a get.
const barTelemetry = 0.05

// telemetryCost compares the server as it comes with one where everything that watches it is off, within each round.
func telemetryCost(text *strings.Builder, t table) {
	text.WriteString("\n## What telemetry costs\n\nAs it comes, against everything off: `--telemetry off --operate-listen off --profile off --log-level error`.\n\n")
	text.WriteString("| workload | connections | requests/s | all off | ratio | lowest to highest of the rounds | bar | CPU a request |\n|---|---|---|---|---|---|---|---|\n")
	for _, work := range workloads {
		for _, c := range work.connections {
			on, off := t[cell{work.name, c, nameAshlar}], t[cell{work.name, c, nameSilent}]
			if len(on) == 0 || len(on) != len(off) {
				continue
			}
			rates, cpus := make([]float64, len(on)), make([]float64, len(on))
			for i := range on {
				rates[i] = on[i].rate / max(1, off[i].rate)
				cpus[i] = float64(on[i].cpu) / max(1, float64(off[i].cpu))
			}
			bar := "–"
			if work.name == "get by id" {
				bar = fmt.Sprintf("%s ≥ %.0f %%", verdict(median(rates), 1-barTelemetry), 100*(1-barTelemetry))
			}
			fmt.Fprintf(text, "| %s | %d | %.0f | %.0f | %.1f %% | %.1f to %.1f %% | %s | %.3f |\n", work.name, c, rate(on), rate(off),
				100*median(rates), 100*slices.Min(rates), 100*slices.Max(rates), bar, median(cpus))
		}
	}
}

// againstBefore compares CPU a request within each round: the median of the rounds' ratios, and the lowest and highest.
func againstBefore(text *strings.Builder, t table) {
	text.WriteString("| workload | connections | CPU a request, now | before | now / before | lowest to highest of the rounds |\n|---|---|---|---|---|---|\n")
	for _, work := range workloads {
		for _, c := range work.connections {
			now, before := t[cell{work.name, c, nameAshlar}], t[cell{work.name, c, nameBefore}]
			if len(now) == 0 || len(now) != len(before) {
				continue
			}
			ratios := make([]float64, len(now))
			for i := range now {
				ratios[i] = float64(now[i].cpu) / float64(max(1, before[i].cpu))
			}
			fmt.Fprintf(text, "| %s | %d | %.1f µs | %.1f µs | %.3f | %.3f to %.3f |\n", work.name, c, cpu(now)/1000, cpu(before)/1000,
				median(ratios), slices.Min(ratios), slices.Max(ratios))
		}
	}
}

func p99s(rs []result) float64 { return p99(rs).Seconds() }

// bar is the bar at a number of connections: rates are asked of 32 and of one, the tail of 128.
func (w workload) bar(connections int) bars {
	switch b := w.bars; connections {
	case 1:
		return bars{pocketbase: b.onePocketBase, handwritten: b.oneHandwritten}
	case 32:
		return bars{pocketbase: b.pocketbase, handwritten: b.handwritten}
	default:
		return bars{tail: b.tail}
	}
}

func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f ×", a/b)
}

func times(a, b, bar float64) string {
	if b == 0 || bar == 0 {
		return ratio(a, b) + " | –"
	}
	return fmt.Sprintf("%s | %s ≥ %.1f ×", ratio(a, b), verdict(a/b, bar), bar)
}

func percent(a, b, bar float64) string {
	if b == 0 {
		return "– | –"
	}
	text := fmt.Sprintf("%.0f %%", 100*a/b)
	if bar == 0 {
		return text + " | –"
	}
	return fmt.Sprintf("%s | %s ≥ %.0f %%", text, verdict(a/b, bar), 100*bar)
}

func verdict(got, bar float64) string {
	if got >= bar {
		return "reached:"
	}
	return "**missed**:"
}

func programs(text *strings.Builder, all []*server) {
	text.WriteString("| server | a write is durable | start to the first 200 | resident, idle | resident, peak | binary |\n|---|---|---|---|---|---|\n")
	for _, s := range all {
		fmt.Fprintf(text, "| %s | %s | %d ms | %.0f MB | %.0f MB | %.1f MB |\n", s.name, s.durability, s.cold.Milliseconds(),
			megabytes(s.idle), megabytes(s.memory("VmHWM")), megabytes(s.size()))
	}
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
