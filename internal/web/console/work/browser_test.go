package work_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// hostile are texts that would act in a page that does not escape them.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus=alert(1) autofocus x='`, `" onfocus=alert(1) autofocus x="`,
		`</title><svg onload=alert(1)>`, `{{.App}}`, `javascript:alert(1)`, `<!--`, `</textarea><script>alert(1)</script>`, "\u202eabc<b>",
	}
}

// hurt adds jobs whose texts are all hostile: dead, done, waiting and scheduled ones.
func hurt(w *world) (ids []string) {
	for i, text := range hostile() {
		spec := job.Insert{Name: text, Queue: text, Key: text, Table: text, Row: text, By: text, Trace: text, Args: fmt.Appendf(nil, "{%q: %q}", "a", text), Tries: 1}
		ids = append(ids, w.add(spec))
		spec.RunAt = time.Now().Add(time.Duration(i+1) * time.Hour)
		ids = append(ids, w.add(spec))
		spec.RunAt, spec.Queue = time.Time{}, "mail"
		ids = append(ids, w.add(spec))
		w.queue.Handle(text, 0, func(context.Context, *job.Job) error { return errors.New(text) })
	}
	w.run()
	w.eventually("all jobs are dead", func() bool { return w.count("dead") == int64(len(hostile())) })
	return ids
}

func TestXSS_TextsOfJobsAreOnlyTexts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ids := hurt(w)
		v := w.operator("operator")
		paths := []string{"/console/queues", "/console/jobs", "/console/crons"}
		for _, id := range ids {
			paths = append(paths, "/console/jobs/"+id)
		}
		for _, text := range hostile() {
			text = url.QueryEscape(text)
			paths = append(paths, "/console/jobs?queue="+text+"&name="+text+"&table="+text+"&row="+text, "/console/jobs?state="+text, "/console/jobs?from="+text+"&args="+text, "/console/jobs?after="+text)
		}
		check := func(what string, a *httptest.ResponseRecorder) {
			t.Helper()
			if a.Code >= 500 {
				t.Errorf("%s = %d", what, a.Code)
			}
			body := strings.ToLower(strings.TrimPrefix(a.Body.String(), "<!doctype html>"))
			for _, alive := range []string{"<script>", "<img", "<svg onload", "' onfocus=", `" onfocus=`, "<!--", `href="javascript:`, " style="} {
				if strings.Contains(body, alive) {
					t.Errorf("%s shows %q alive", what, alive)
				}
			}
			if policy := a.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s has the policy %q", what, policy)
			}
		}
		for _, path := range paths {
			check(path, v.send("GET", path, nil))
		}
		for _, text := range hostile() {
			check("the form", v.send("POST", "/console/jobs/change", url.Values{"do": {"retry"}, "which": {"all"}, "seen": {fmt.Sprint(time.Now().UnixMicro())}, "query": {url.Values{"state": {"dead"}, "name": {text}}.Encode()}}))
			check("the search", v.send("POST", "/console/jobs", url.Values{"name": {text}, "from": {text}, "arg": {text}}))
		}
	})
}

// A tab is a page of the browser.
type tab struct{ *browsertest.Tab }

// visit opens a page.
func (b *tab) visit(path string) {
	b.Helper()
	b.Run(chromedp.Navigate(b.Base+path), chromedp.WaitVisible(`h1`, chromedp.ByQuery))
}

func (b *tab) look(name string) {
	b.Helper()
	b.Look("work-"+name, 390, 1280)
}

// shows fails unless the page has the texts.
func (b *tab) shows(texts ...string) {
	b.Helper()
	page := b.Text()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.Errorf("%s does not show %q:\n%.2000s", b.Eval(`location.href`), text, page)
		}
	}
}

// follow clicks and waits for the page behind it.
func (b *tab) follow(selector string) {
	b.Helper()
	b.Run(
		chromedp.Evaluate(`void (document.documentElement.dataset.former = '')`, nil),
		chromedp.Click(selector), chromedp.WaitNotPresent(`[data-former]`, chromedp.ByQuery), chromedp.WaitVisible(`h1`, chromedp.ByQuery),
	)
}

// The way of an operator: a queue has dead jobs, one of them says why, an edit mends what waits, and a retry does the rest.
func TestWorkInABrowser(t *testing.T) {
	w := newWorld(t, accounttest.SQLite())
	repaired := make(chan bool)
	w.queue.Handle("welcome", 0, func(_ context.Context, j *job.Job) error {
		select {
		case <-repaired:
			return nil
		default:
			return errPlain
		}
	})
	for i := range 12 {
		w.add(job.Insert{Tries: 1, Table: "notes", Row: fmt.Sprint(i), Args: fmt.Appendf(nil, `{"to":"user+%d@example.com"}`, i)})
	}
	w.add(job.Insert{Args: []byte(`{"to":"later@example.com"}`), RunAt: time.Now().Add(time.Hour)})
	w.run()
	w.eventually("all jobs are dead", func() bool { return w.count("dead") == 12 })
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	secret, err := w.Service.OperatorLink(t.Context(), "operator")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, server.URL, 1280, 900)}
	b.Run(
		chromedp.Navigate(b.Base+console.LinkPath(secret)), chromedp.WaitVisible(`#secret`),
		chromedp.SendKeys(`#name`, "Grace Hopper"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`.queues`),
	)
	b.shows("12 dead", "1 scheduled")
	b.look("queues")
	b.follow(`//a[text()="12 dead"]`)
	b.shows("no route to the host", "exactly the 12 that are shown")
	b.look("jobs")
	b.follow(`.jobs tbody th a`)
	b.shows("1 of 1", "no route to the host", "@example.com", "notes/")
	b.look("job")
	b.visit("/console/jobs?state=scheduled")
	b.follow(`.jobs tbody th a`)
	b.Run(chromedp.Click(`.by-hand summary`), chromedp.WaitVisible(`#args`), chromedp.SetValue(`#args`, `{"to":`))
	b.follow(`.edit-form button`)
	b.shows("The arguments of a job are a JSON object")
	b.look("job-wrong")
	b.Run(chromedp.SetValue(`#args`, `{"to":"mended@example.com"}`))
	b.follow(`.edit-form button`)
	b.shows("The job is edited", "mended@example.com")
	close(repaired)
	b.visit("/console/jobs?state=dead&queue=mail")
	b.Run(chromedp.Click(`input[name=which][value=shown]`))
	b.follow(`.do button[value=retry]`)
	b.shows("12 jobs of the page")
	b.look("change")
	b.follow(`.do button`)
	b.shows("12 jobs were retried")
	b.look("changed")
	w.eventually("all jobs are done", func() bool { return w.count("done") == 12 })
	b.visit("/console/jobs?state=dead")
	b.shows("No job is dead")
	b.look("empty")
	b.visit("/console/crons")
	b.look("crons")
	b.follow(`button[value=pause]`)
	b.shows("paused", "Grace Hopper")
	b.visit("/console/queues")
	b.follow(`//li[contains(., "mail")]//button[@value="pause"]`)
	b.shows("paused", "Grace Hopper")
	b.look("queues-paused")
	b.visit("/console/webhooks")
	b.shows("one.example", "7 failures in a row")
	b.look("webhooks")
	b.follow(`.endpoints tbody th a`)
	b.shows("notes.create", "the receiver <i>answered</i> 500")
	b.look("deliveries")
	b.follow(`button[name=delivery][value=d-2]`)
	if got := strings.Join(w.hooks.replayed, ", "); got != "changes d-2" {
		b.Errorf("replayed: %q", got)
	}
	b.look("replayed")
}

// No text of a job runs as a script.
func TestXSS_JobsInABrowser(t *testing.T) {
	w := newWorld(t, accounttest.SQLite())
	ids := hurt(w)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	secret, err := w.Service.OperatorLink(t.Context(), "operator")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, server.URL, 1280, 900)}
	b.Run(
		chromedp.Navigate(b.Base+console.LinkPath(secret)), chromedp.WaitVisible(`#secret`),
		chromedp.SendKeys(`#name`, "Grace"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`.queues`),
	)
	b.look("hostile-queues")
	b.visit("/console/jobs")
	b.look("hostile-jobs")
	for _, id := range ids {
		b.visit("/console/jobs/" + id)
	}
	b.look("hostile-job")
}
