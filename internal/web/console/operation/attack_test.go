package operation_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
)

// hostile are texts that would act in a page that does not escape them.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus=alert(1) autofocus x='`, `" onfocus=alert(1) autofocus x="`,
		`</title><svg onload=alert(1)>`, `{{.App}}`, `javascript:alert(1)`, `<!--`, `]]>`, "\u202eabc<b>", `&lt;script&gt;`, `</template><script>alert(1)</script>`,
	}
}

// hurt fills the archive with records whose texts are all hostile, and makes up such advice.
func hurt(w *world) {
	w.advice.state = advise.State{Began: time.Now(), Step: hostile()[0], Last: advised(strings.Join(hostile(), ""))}
	w.incidents = troubled{text: strings.Join(hostile(), "")}
	w.sharing = shared(strings.Join(hostile(), ""), pressed())
	w.costs = costly(strings.Join(hostile(), ""), model.Costs{})
	w.deploys.list = []deploy.Audit{audited(strings.Join(hostile(), ""), time.Hour, worsened(strings.Join(hostile(), ""))...)}
	w.profiles, w.watchers = profiled(strings.Join(hostile(), "")), watching(strings.Join(hostile(), ""))
	for i, text := range hostile() {
		w.take(request(fmt.Sprintf("%d%s", i, text), time.Minute, time.Second, func(r *telemetry.Record) {
			fault(text)(r)
			r.Path, r.Route, r.Caller, r.Table, r.Operation, r.Shape, r.Key = "/api/"+text, text, text, text, text, text, text
			r.Method, r.Remote, r.ClientID, r.Cache, r.Limit, r.Stack = text, text, text, text, text, text
			r.Add("SELECT '"+text+"' FROM \""+text+"\"", r.Start, time.Second, 1)
		}))
	}
}

func TestXSS_TextsOfRecordsAreOnlyTexts(t *testing.T) {
	w := newWorld(t, hurt)
	v := w.operator("viewer")
	var all []string
	all = append(paths(), "/console/incidents/7", "/console/home/deploys", "/console/cost?by=table", "/console/cost?by=key")
	for i, text := range hostile() {
		id, escaped := url.PathEscape(fmt.Sprintf("%d%s", i, text)), url.QueryEscape(text)
		all = append(all, "/console/logs/"+id, "/console/traces/"+id, "/console/logs?compare=failed&caller="+escaped, "/console/traces?route="+escaped+"&statement="+escaped+"&only="+escaped,
			"/console/logs?text="+escaped, "/console/logs?from="+escaped+"&min="+escaped+"&last="+escaped, "/console/home?range="+escaped, "/console/logs?not.table="+escaped+"&pick.min=1ms",
			"/console/logs?"+escaped+"="+escaped, "/console/errors?range="+escaped, "/console/limits?range="+escaped, "/console/cache?range="+escaped)
	}
	for _, path := range all {
		a := v.send("GET", path, nil)
		if a.Code >= 500 {
			t.Errorf("GET %s = %d", path, a.Code)
		}
		body := strings.ToLower(strings.TrimPrefix(a.Body.String(), "<!doctype html>"))
		for _, alive := range []string{"<script>", "<img", "<svg onload", "' onfocus=", `" onfocus=`, "<!--", `href="javascript:`, " style="} {
			if strings.Contains(body, alive) {
				t.Errorf("GET %s shows %q alive", path, alive)
			}
		}
		if policy := a.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("GET %s has the policy %q", path, policy)
		}
	}
}
