package work_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web/console/work"
)

// The pages show exactly the jobs that were added, done, repeated and dead.
func TestPagesShowWhatHappened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		fail := func(_ context.Context, j *job.Job) error {
			switch {
			case strings.Contains(string(j.Args), "fail"):
				return errPlain
			case strings.Contains(string(j.Args), "late"):
				return &job.RetryError{Err: errPlain, After: time.Hour}
			}
			return nil
		}
		w.queue.Handle("welcome", 0, fail)
		for i := range 60 {
			w.add(job.Insert{Args: fmt.Appendf(nil, `{"n": %d}`, i)})
		}
		for range 7 {
			w.add(job.Insert{Args: []byte(`{"do": "fail"}`), Tries: 1})
		}
		for range 4 {
			w.add(job.Insert{Args: []byte(`{"do": "late"}`)})
		}
		for range 3 {
			w.add(job.Insert{RunAt: time.Now().Add(time.Hour)})
		}
		w.run()
		w.eventually("all jobs are done", func() bool { return w.count("done") == 60 && w.count("dead") == 7 && w.count("scheduled") == 7 })
		for range 2 {
			w.add(job.Insert{Name: "nobody", Queue: "elsewhere"})
		}
		v := w.operator("viewer")
		v.get("/console/queues", 200, ">mail</a>", "3 <span", "1,000 starts in 1 s", ">7 dead</a>", ">7 scheduled</a>", `data-label="Done">60<`, `data-label="Failed">11<`, ">elsewhere</a>", "not in the model", ">2 waiting</a>")
		for state, want := range map[string]int{"": 76, "done": 60, "dead": 7, "scheduled": 7, "waiting": 2, "running": 0, "cancelled": 0} {
			shown, path := 0, "/console/jobs?state="+state
			for path != "" {
				page := v.get(path, 200)
				shown += strings.Count(page, `<th scope="row">`)
				path = ""
				if found := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page); found != nil {
					path = strings.ReplaceAll(found[1], "&amp;", "&")
				}
			}
			if shown != want {
				t.Errorf("the pages of state %q show %d jobs, want %d", state, shown, want)
			}
		}
		dead, err := w.queue.Find(t.Context(), job.Filter{State: "dead"}, "", 1)
		if err != nil || len(dead.Jobs) != 1 {
			t.Fatal(dead, err)
		}
		v.get("/console/jobs/"+dead.Jobs[0].ID, 200, ">dead<", "1 of 1", errPlain.Error(), "only operators see them")
		v.get("/console/jobs/00000000-0000-7000-8000-000000000000", 404, "there is no job")
		v.get("/console/jobs/x", 404, "there is no job")
		v.get("/console/jobs?state=gone", 422, "A job is scheduled")
		v.get("/console/jobs?from=soon", 422, "Write a time in UTC")
	})
}

// A viewer looks, and changes nothing. Arguments are for operators, and stand in no address.
func TestAccess_ViewersLookAtJobs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.add(job.Insert{Args: []byte(`{"to": "ada@example.com", "n": 7}`)})
		w.add(job.Insert{Args: []byte(`{"to": "bob@example.com"}`)})
		viewer, operator := w.operator("viewer"), w.operator("operator")
		seen := url.Values{"do": {"delete"}, "which": {"chosen"}, "id": {id}, "seen": {fmt.Sprint(time.Now().UnixMicro())}, "sure": {"yes"}}
		for path, form := range map[string]url.Values{
			"/console/jobs/change": seen, "/console/jobs/" + id + "/edit": {}, "/console/queues/mail": {"do": {"pause"}}, "/console/crons/nightly": {"do": {"run"}},
		} {
			viewer.post(path, 403, form, "needs the role operator")
		}
		for _, path := range []string{"/console/jobs", "/console/jobs/" + id, "/console/queues", "/console/crons"} {
			if page := viewer.get(path, 200); strings.Contains(page, "ada@example.com") || strings.Contains(page, `action="/console/jobs/change"`) || strings.Contains(page, "Pause") {
				t.Errorf("%s shows a viewer what is for operators", path)
			}
		}
		operator.get("/console/jobs", 200, "ada@example.com", "bob@example.com")
		operator.get("/console/jobs/"+id, 200, "ada@example.com")
		path := operator.post("/console/jobs", 303, url.Values{"arg": {"to"}, "value": {"ada@example.com"}, "name": {"welcome"}})
		if strings.Contains(path, "ada") || !strings.Contains(path, "name=welcome") {
			t.Errorf("the address of a search is %s", path)
		}
		if page := operator.get(path, 200, "ada@example.com", `value="to"`); strings.Contains(page, "bob@example.com") {
			t.Error("a search for an argument shows others")
		}
		if page := operator.get(operator.post("/console/jobs", 303, url.Values{"text": {"bob@"}}), 200, "bob@example.com"); strings.Contains(page, "ada@example.com") {
			t.Error("a search for a text shows others")
		}
		viewer.get(path, 403, "a search for arguments needs the role operator")
		if other := viewer.post("/console/jobs", 303, url.Values{"arg": {"to"}, "value": {"ada@example.com"}}); other != "/console/jobs" {
			t.Errorf("the search of a viewer for arguments leads to %s", other)
		}
		operator.get("/console/jobs?args=x", 422, "no longer valid")
		if n := w.count("waiting"); n != 2 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

// Retry hits exactly what the page showed, asks first, and stands in the audit log.
func TestRetryOfWhatIsShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 70 {
			w.add(job.Insert{Tries: 1})
		}
		w.queue.Handle("welcome", 0, func(context.Context, *job.Job) error { return errPlain })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.queue.Run(ctx) }()
		w.eventually("all jobs are dead", func() bool { return w.count("dead") == 70 })
		stop()
		<-ended
		v := w.operator("operator")
		list := v.get("/console/jobs?state=dead&name=welcome", 200, "exactly the 50 that are shown", "all dead jobs of this search")
		form := formOf(t, list, "/console/jobs/change")
		if len(form["shown"]) != 50 || len(form["id"]) != 50 {
			t.Fatalf("the form has %v", form)
		}
		kept := form["shown"][0]
		if _, err := w.queue.Delete(t.Context(), []string{kept}); err != nil { // another operator is faster
			t.Fatal(err)
		}
		form.Del("id")
		form.Set("do", "retry")
		form.Set("which", "shown")
		sure := formOf(t, v.post("/console/jobs/change", 200, form, "Retry 50 jobs", "exact"), "/console/jobs/change")
		if n := w.count("waiting"); n != 0 {
			t.Fatalf("%d jobs were retried before the operator was sure", n)
		}
		v.post("/console/jobs/change", 200, sure, "49 jobs were retried", "1 job stayed as it is")
		v.post("/console/jobs/change", 200, sure, "0 jobs were retried") // the browser's reload
		if n := w.count("waiting"); n != 49 {
			t.Errorf("%d jobs wait, want 49", n)
		}
		all := w.entries("jobs.retried")
		if len(all) != 1 || all[0].ActorKind != "operator" || !strings.Contains(string(all[0].Detail), `"jobs":49`) || !strings.Contains(string(all[0].Detail), `"state":"dead"`) {
			t.Errorf("the audit log has %+v", all)
		}
		form.Set("which", "all")
		form.Set("do", "delete")
		sure = formOf(t, v.post("/console/jobs/change", 200, form, "Delete 20 jobs", "20 jobs are dead with the name welcome"), "/console/jobs/change")
		v.post("/console/jobs/change", 200, sure, "20 jobs were deleted")
		if n := w.count("dead"); n != 0 || w.count("waiting") != 49 {
			t.Errorf("%d dead jobs are left", n)
		}
		if all := w.entries("jobs.deleted"); len(all) != 1 || !strings.Contains(string(all[0].Detail), `"all":true`) {
			t.Errorf("the audit log has %+v", all)
		}
		for name, bad := range map[string]url.Values{
			"do": {"do": {"x"}}, "which": {"which": {"x"}}, "seen": {"seen": {"x"}}, "none chosen": {"which": {"chosen"}, "id": nil}, "query": {"query": {"%"}},
			"all of any state": {"which": {"all"}, "query": {""}}, "many": {"which": {"chosen"}, "id": slices.Repeat([]string{kept}, 51)},
		} {
			wrong := url.Values{}
			for key, values := range form {
				wrong[key] = values
			}
			for key, values := range bad {
				wrong[key] = values
			}
			if a := v.send("POST", "/console/jobs/change", wrong); a.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", name, a.Code)
			}
		}
	})
}

func TestEditOfAJob(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.add(job.Insert{Args: []byte(`{"to":"ada"}`), RunAt: time.Now().Add(time.Hour), Table: "notes", Row: "7", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
		v, path := w.operator("operator"), "/console/jobs/"+id
		page := v.get(path, 200, "Edit the job", "notes/7", "/api/notes/7", "/console/traces/0af7651916cd43dd8448eb211c80319c", "Run now")
		form := formOf(t, page, path+"/edit")
		set := func(args, at, priority string) url.Values {
			form.Set("args", args)
			form.Set("run_at", at)
			form.Set("priority", priority)
			return form
		}
		v.post(path+"/edit", 422, set(`{"to":`, "2099-01-01T00:00", "5"), "The arguments of a job are a JSON object", `{&#34;to&#34;:</textarea>`)
		v.post(path+"/edit", 422, set(`{}`, "soon", "5"), "Write a time in UTC")
		v.post(path+"/edit", 422, set(`{}`, "2099-01-01T00:00", "12"), "from 0 to 9")
		if to := v.post(path+"/edit", 303, set(`{"to":"bob"}`, "2099-01-01T00:00", "9")); to != path+"?done=job-edited" {
			t.Errorf("the edit leads to %s", to)
		}
		v.get(path+"?done=job-edited", 200, "The job is edited", "bob", "2099-01-01 00:00:00 UTC")
		v.post(path+"/edit", 409, form, "has changed since the page was made")
		if all := w.entries("job.edited"); len(all) != 1 || all[0].Target != id || strings.Contains(string(all[0].Detail), "bob") {
			t.Errorf("the audit log has %+v", all)
		}
	})
}

func TestQueuesArePausedAndScaled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v := w.operator("operator")
		for _, do := range []string{"pause", "scale", "resume"} {
			v.post("/console/queues/mail", 303, url.Values{"do": {do}, "workers": {"17"}})
			settings, err := w.queue.Settings(t.Context())
			if s := settings["mail"]; err != nil || s.Paused != (do != "resume") || (s.Workers == 17) != (do != "pause") || s.By != "Op operator" {
				t.Errorf("after %s the settings are %+v, %v", do, s, err)
			}
		}
		v.get("/console/queues?done=queue-changed", 200, "The queue is changed", "17 <span", "3 in the model", "changed by <bdi>Op operator</bdi>")
		v.post("/console/queues/mail", 422, url.Values{"do": {"scale"}, "workers": {"0"}}, "a number from 1 to 1000")
		v.post("/console/queues/mail", 303, url.Values{"do": {"scale"}, "workers": {""}})
		if settings, err := w.queue.Settings(t.Context()); err != nil || settings["mail"].Workers != 0 {
			t.Errorf("the settings are %+v, %v", settings, err)
		}
		v.post("/console/queues/mail", 400, url.Values{"do": {"x"}})
		v.post("/console/queues/none", 404, url.Values{"do": {"pause"}})
		for action, want := range map[string]int{"queue.paused": 1, "queue.resumed": 1, "queue.scaled": 2} {
			if all := w.entries(action); len(all) != want || all[0].Target != "mail" {
				t.Errorf("%s: the audit log has %+v", action, all)
			}
		}
	})
}

func TestCrons(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v := w.operator("operator")
		v.get("/console/crons", 200, "At 02:30 every day", "in Europe/Berlin", "30 2 * * *", "missed times are skipped", "Every 1 h", "none yet")
		if n := strings.Count(v.get("/console/crons", 200), "<li><time"); n != 10 {
			t.Errorf("the crons have %d next times, want 5 of each", n)
		}
		v.post("/console/crons/nightly", 303, url.Values{"do": {"pause"}})
		v.get("/console/crons", 200, "paused", "none while it is paused", "changed by <bdi>Op operator</bdi>", "Resume nightly", "Run now: nightly")
		v.post("/console/crons/nightly", 303, url.Values{"do": {"resume"}})
		to := v.post("/console/crons/nightly", 303, url.Values{"do": {"run"}})
		v.get(to, 200, ">nightly</h1>", ">waiting<", "by <bdi>operator:", "due")
		for action := range map[string]bool{"cron.paused": true, "cron.resumed": true, "cron.run": true} {
			if all := w.entries(action); len(all) != 1 || all[0].Target != "nightly" {
				t.Errorf("%s: the audit log has %+v", action, all)
			}
		}
		v.post("/console/crons/welcome", 404, url.Values{"do": {"run"}})
		v.post("/console/crons/nightly", 400, url.Values{"do": {"x"}})
		last, err := w.queue.FirstSince(t.Context(), "nightly", time.Now().Add(-time.Minute))
		if err != nil || last == nil || "/console/jobs/"+last.ID != to {
			t.Errorf("the last run is %+v, %v, want %s", last, err, to)
		}
		v.get("/console/crons", 200, to, "the job of nightly")
	})
}

// A model without jobs has the pages of its mails, and none of crons or webhooks.
func TestPagesOfPlainModel(t *testing.T) {
	var titles []string
	for _, section := range work.Sections(work.Config{Model: &model.Model{Name: "plain"}}) {
		titles = append(titles, section.Title)
	}
	if want := []string{"Queues", "Jobs"}; !slices.Equal(titles, want) {
		t.Errorf("the sections are %v, want %v", titles, want)
	}
}
