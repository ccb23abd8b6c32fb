package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A besideRun is the honest callers beside an abuser.
type besideRun struct {
	*honestRun
	counts                    string        // of the abuser's answers
	server, abuser, generator time.Duration // CPU of the honest callers' server, of the abuser's, and of the abuser
	peak                      int64         // bytes resident
}

// An abuseResult is what one abuser does to honest callers.
type abuseResult struct {
	abuse
	calm            *honestRun
	beside, control besideRun
}

const abuseMethod = `
## Abusers beside honest callers

%d honest callers, half of them users and half anonymous addresses, send %.0f requests a second: gets,
lists, lists of own rows, creates. Each wait counts from the moment when the request was due. Each
abuser is measured three times:

- **alone**: there is no abuser.
- **control**: the abuser does the same to a second server, with a copy of the rows, on this machine.
  No server can be unfair to clients of another one. What honest callers lose here, they lose to the
  processor, the disk and the kernel, which the abuser and the server that answers it need.
- **beside**: the abuser uses the server of the honest callers.

So *control* over *alone* is what the machine does to honest callers, and *beside* over *control* what
Ashlar does. The bar is *beside* at most %.0f × *alone*. The abuser is a process with nice %s.

*In the server* begins when a client has a connection for its request, and ends with the server's own
record of it, which the log has. It leaves out the time until the client's process runs again.

`

// runAbuses measures each abuse of only, or all, beside honest callers, and appends tables to text.
func runAbuses(ctx context.Context, srv, other *server, rows int, only string, text *strings.Builder) (err error) {
	var results []abuseResult
	for _, a := range abuses {
		if !wanted(only, a.name) {
			continue
		}
		one := abuseResult{abuse: a}
		if one.calm, err = beHonest(ctx, srv, rows, abuseCalm, abuseWarm); err != nil {
			return err
		}
		if one.control, err = besideAbuser(ctx, a, srv, other, rows); err != nil {
			return err
		}
		if one.beside, err = besideAbuser(ctx, a, srv, srv, rows); err != nil {
			return err
		}
		say("%s: honest p99 %s beside, %s control, %s alone; in the server %s, %s, %s", a.name, millis(one.beside.at(0.99)), millis(one.control.at(0.99)),
			millis(one.calm.at(0.99)), millis(one.beside.servedAt(0.99)), millis(one.control.servedAt(0.99)), millis(one.calm.servedAt(0.99)))
		results = append(results, one)
	}
	reportAbuses(results, text)
	return nil
}

// secondServer returns a server of a copy of srv's rows. Neither may be running.
func secondServer(srv *server, folder string) (*server, error) {
	app := filepath.Join(folder, "control-app")
	if err := copyApp(srv.args[1], app); err != nil {
		return nil, err
	}
	other := srv.copyOf()
	other.args = []string{"serve", app, "--listen", "ADDRESS", "--operate-listen", "off"}
	if err := place([]*server{other}, folder); err != nil {
		return nil, err
	}
	other.log = filepath.Join(folder, "log-control")
	return other, nil
}

// besideAbuser sends the requests of honest callers to srv, while an abuser uses target.
func besideAbuser(ctx context.Context, a abuse, srv, target *server, rows int) (run besideRun, err error) {
	if err := target.forgetPeak(); err != nil {
		return run, err
	}
	server, other := srv.cpu(), target.cpu()
	abuser, err := startGenerator(ctx, order{Abuse: a.name, Port: target.port, Tokens: target.tokens})
	if err != nil {
		return run, err
	}
	if run.honestRun, err = beHonest(ctx, srv, rows, abuseTime, abuseWarm); err != nil {
		abuser.end()
		return run, err
	}
	run.server, run.abuser = srv.cpu()-server, target.cpu()-other
	abuser.end()
	if err := abuser.report(&run.counts); err != nil {
		return run, err
	}
	usage, ok := abuser.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if ok {
		run.generator = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	run.peak = target.memory("VmHWM")
	time.Sleep(betweenAbuses)
	return run, nil
}

// reportAbuses appends the tables of the results to text.
func reportAbuses(results []abuseResult, text *strings.Builder) {
	fmt.Fprintf(text, abuseMethod, honestCallers, honestCallers/honestEvery.Seconds(), abuseBar, generatorNice)
	text.WriteString("| abuser | p99 alone | control | beside | beside / alone | control / alone | beside / control | in the server: alone, control, beside |\n|---|---|---|---|---|---|---|---|\n")
	for _, one := range results {
		alone, control, beside := one.calm.at(0.99), one.control.at(0.99), one.beside.at(0.99)
		verdict := ""
		if over(beside, alone) > abuseBar {
			verdict = " **over**"
		}
		fmt.Fprintf(text, "| **%s** | %s | %s | %s | %.1f%s | %.1f | %.1f | %s, %s, %s |\n", one.name, millis(alone), millis(control), millis(beside),
			over(beside, alone), verdict, over(control, alone), over(beside, control),
			millis(one.calm.servedAt(0.99)), millis(one.control.servedAt(0.99)), millis(one.beside.servedAt(0.99)))
	}
	text.WriteString("\nWhat the abusers did and got. CPU is in cores, over the time of the run.\n\n")
	text.WriteString("| abuser | | its answers: 2xx, 429, 503, others, failed | CPU of the honest callers' server | of the second server | of the abuser | resident, peak | honest p50 | honest refused or failed |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, one := range results {
		for _, each := range []struct {
			name string
			run  besideRun
		}{{"control", one.control}, {"beside", one.beside}} {
			second := "–"
			if each.name == "control" {
				second = cores(each.run.abuser)
			}
			fmt.Fprintf(text, "| **%s**: %s | %s | %s | %s | %s | %s | %.0f MB | %s (%s alone) | %d of %d |\n", one.name, one.about, each.name, each.run.counts, cores(each.run.server), second,
				cores(each.run.generator), megabytes(each.run.peak), millis(each.run.at(0.5)), millis(one.calm.at(0.5)), each.run.lost(), each.run.sent)
		}
	}
}

func over(with, without time.Duration) float64 { return float64(with) / float64(max(1, without)) }

func cores(used time.Duration) string {
	return fmt.Sprintf("%.2f", used.Seconds()/abuseTime.Seconds())
}
