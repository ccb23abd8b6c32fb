package operation_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A tab is a page of the browser.
type tab struct{ *browsertest.Tab }

// open opens the console in a browser that is signed in.
func open(t *testing.T, w *world) *tab {
	t.Helper()
	w.run()
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	secret, err := w.Service.OperatorLink(t.Context(), "operator")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, server.URL, 1280, 900)}
	b.begin(console.LinkPath(secret))
	return b
}

// begin makes an operator with a link, and signs in.
func (b *tab) begin(link string) {
	b.Helper()
	b.Run(
		chromedp.Navigate(b.Base+link), chromedp.WaitVisible(`#secret`),
		chromedp.SendKeys(`#name`, "Grace Hopper"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`.ranges`),
	)
}

// visit opens a page. A search for h1 without ByQuery would find any text with these two letters, such as the name of a function.
func (b *tab) visit(path string) {
	b.Helper()
	b.Run(chromedp.Navigate(b.Base+path), chromedp.WaitVisible(`h1`, chromedp.ByQuery))
}

func (b *tab) look(name string) {
	b.Helper()
	b.Look("operation-"+name, 390, 1280)
}

// glance checks a page in a narrow window only, since axe-core takes most of the time. For people it keeps the wide one too.
func (b *tab) glance(name string) {
	b.Helper()
	if os.Getenv("ASHLAR_SCREENSHOTS") != "" {
		b.look(name)
		return
	}
	b.Look("operation-"+name, 390)
	b.Size(1280, 900)
}

// The way of an operator: the charts show that something is slow, the heat map shows when, the difference shows for whom, and
// the trace shows where the time went.
func TestOperationInABrowser(t *testing.T) {
	w := newWorld(t, busy)
	incidents := incident.New(w.archive, losses{}, incident.Config{Operate: w.Model.Operate})
	w.incidents, w.profiles = incidents, profiled("")
	w.deploys.list = []deploy.Audit{audited("", time.Hour, worsened("")...)}
	w.sharing, w.watchers = shared("", pressed()), watching("")
	w.costs = costly("", model.Costs{CPUHour: 0.04, GBOut: 0.09, GBMonth: 0.02})
	w.serve(spent())
	b := open(t, w)
	b.Run(chromedp.WaitVisible(`[data-drawn]`))
	if drawn := b.Eval(`String(document.querySelectorAll('.plot canvas').length) + ' ' + document.querySelector('[data-drawn]').dataset.drawn`); drawn != "7 7" {
		t.Errorf("charts drawn: %s", drawn)
	}
	if painted := b.Eval(painted); painted != "true" {
		t.Errorf("the first chart is empty")
	}
	if legend := b.Eval(`document.querySelector('#chart-latency .legend').textContent`); !strings.Contains(legend, "p99 97") {
		t.Errorf("the legend of the durations says %q", legend)
	}
	b.look("home")
	before := b.Eval(`document.querySelector('#chart-wal .legend').textContent`)
	b.Run(chromedp.Focus(`#chart-requests .plot`), chromedp.KeyEvent(strings.Repeat(kb.ArrowLeft, 9)))
	if after := b.Eval(`document.querySelector('#chart-wal .legend').textContent`); after == before {
		t.Errorf("the arrow keys of a chart leave the others at %q", after)
	}

	b.Run(chromedp.Click(`//section[h2="Last deploy"]//a[text()="Details"]`), chromedp.WaitVisible(`.measures`))
	b.glance("deploys")

	b.Run(chromedp.Click(`//nav//a[text()="Logs"]`), chromedp.WaitVisible(`.map`))
	b.Keep("operation-logs")
	b.Run(chromedp.Click(`//td//a[text()="user:u5"]`), chromedp.WaitVisible(`.chips`))
	if got := b.Eval(`new Set([...document.querySelectorAll('[data-log] tbody td:last-child .value a:first-child')].map(a => a.textContent)).size + location.search`); got != "1?caller=user%3Au5" {
		t.Errorf("after a click on a caller: %s", got)
	}
	b.Keep("operation-logs-filtered")
	b.Run(chromedp.Click(`.chips a`), chromedp.WaitNotPresent(`.chips`))

	b.drag(`.map`, 0.5, 0.05, 0.99, 0.28)
	b.Run(chromedp.WaitVisible(`.difference table`))
	if first := b.Eval(`document.querySelector('.difference tbody a').textContent`); first != "key-hammer" && first != "create notes" {
		t.Errorf("the region of slow records differs first by %q", first)
	}
	b.look("difference")
	b.Run(chromedp.Click(`//section[@class="difference"]//a[text()="key-hammer"]`), chromedp.WaitVisible(`.chips`), chromedp.WaitNotPresent(`.difference`))
	b.Run(chromedp.Click(`[data-log] tbody th a`), chromedp.WaitVisible(`.waterfall`))
	b.look("record")
	b.Run(chromedp.Click(`//a[text()="Trace"]`), chromedp.WaitVisible(`.facts`), chromedp.Click(`.waterfall summary`), chromedp.WaitVisible(`.waterfall code`))
	b.Keep("operation-trace")
	b.visit("/console/traces?only=slow")
	b.look("traces")
	b.visit("/console/errors")
	b.look("errors")
	b.visit("/console/objectives")
	b.look("objectives")
	w.advice.state.Last = advised("")
	b.visit("/console/advice")
	b.glance("advice")
	b.visit("/console/cost?by=table")
	b.Keep("operation-cost-tables")
	b.visit("/console/cost")
	b.glance("cost")
	b.visit("/console/limits?range=1h")
	b.glance("limits")
	b.visit("/console/cache")
	b.glance("cache")
	b.visit("/console/watchers")
	b.glance("watchers")
	b.visit("/console/profiles")
	b.glance("profiles")
	b.Run(chromedp.Click(`.usages tbody a`), chromedp.WaitVisible(`.usages [aria-current]`), chromedp.Click(`.flame a[href*="at=0.0&"] rect`), chromedp.WaitVisible(`.trail`))
	b.Keep("operation-profiles-zoomed")

	b.visit("/console/incidents")
	b.glance("incidents-empty")
	b.Run(chromedp.Click(`.by-hand summary`), chromedp.SendKeys(`#title`, "Writes are slow"), chromedp.SendKeys(`#from`, minutesAgo(16)), chromedp.Click(`.by-hand button`), chromedp.WaitVisible(`.causes`))
	b.Run(chromedp.SendKeys(`#note`, "Asked the owner of the key to wait between requests."), chromedp.Click(`.note button`), chromedp.WaitVisible(`//*[@class="lines"][contains(., "Asked the owner")]`))
	b.glance("incident")
	b.Run(chromedp.Click(`.causes a`), chromedp.WaitVisible(`[data-log] tbody tr`))
	b.visit("/console/incidents")
	b.Keep("operation-incidents")
	b.visit("/console/home")
	b.Keep("operation-home-incident")
}

// painted tells whether the first chart has a pixel.
const painted = `String(new Uint32Array(document.querySelector('.plot canvas').getContext('2d').getImageData(0, 0, 600, 180).data.buffer).some(p => p !== 0))`

// drag selects a part of an element, in shares of its size.
func (b *tab) drag(selector string, left, top, right, bottom float64) {
	b.Helper()
	var box struct{ X, Y, Width, Height float64 }
	b.Run(chromedp.ScrollIntoView(selector), chromedp.Evaluate(`(r => ({X: r.x, Y: r.y, Width: r.width, Height: r.height}))(document.querySelector('`+selector+`').getBoundingClientRect())`, &box))
	at := func(kind input.MouseType, x, y float64) chromedp.Action {
		return chromedp.MouseEvent(kind, box.X+x*box.Width, box.Y+y*box.Height, chromedp.ButtonLeft, chromedp.ClickCount(1))
	}
	b.Run(at(input.MousePressed, left, top), at(input.MouseMoved, right, bottom), at(input.MouseReleased, right, bottom))
}

// The live tail shows what real requests leave, while the page is open.
func TestLiveTailInABrowser(t *testing.T) {
	w := newWorld(t)
	b := open(t, w)
	b.Keep("operation-home-empty")
	b.visit("/console/traces?only=failed")
	b.Keep("operation-traces-empty")
	b.visit("/console/logs?table=notes")
	b.look("logs-empty")
	b.Run(chromedp.Click(`.live button`), chromedp.WaitVisible(`.live button[aria-pressed=true]`))
	answer, err := http.Get(b.Base + "/api/notes?limit=1")
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	b.Run(chromedp.WaitVisible(`//*[@data-log]//td//a[text()="GET /api/notes"]`))
	b.Keep("operation-logs-live")
	if rows := b.Eval(`String(document.querySelectorAll('[data-log] tbody tr').length)`); rows != "1" {
		t.Errorf("one request is in %s rows", rows)
	}
	b.Run(chromedp.Click(`[data-log] tbody th a`), chromedp.WaitVisible(`.waterfall`))
	if text := b.Text(); !strings.Contains(text, "SELECT notes") || !strings.Contains(text, "list notes") {
		t.Errorf("the record of a real request does not show its statement:\n%s", text)
	}
	b.Keep("operation-record-real")
}

// No text of a record runs as a script.
func TestXSS_RecordsInABrowser(t *testing.T) {
	w := newWorld(t, hurt)
	b := open(t, w)
	for _, path := range append(paths(), "/console/logs?pick.min=1ms", "/console/incidents/7", "/console/home/deploys") {
		b.visit(path)
	}
	b.visit("/console/logs?compare=failed")
	b.Keep("operation-hostile")
	for i, text := range hostile() {
		id := url.PathEscape(fmt.Sprintf("%d%s", i, text))
		b.visit("/console/logs/" + id)
		b.visit("/console/traces/" + id)
	}
	// The live tail writes such texts by script.
	b.visit("/console/logs?last=15m&not.method=GET")
	b.Run(chromedp.Click(`.live button`), chromedp.WaitVisible(`.live button[aria-pressed=true]`))
	w.take(request(hostile()[0], 0, time.Second, func(r *telemetry.Record) {
		fault("live " + hostile()[0])(r)
		r.Path, r.Method, r.Table, r.Caller, r.Route = hostile()[0], hostile()[1], hostile()[1], hostile()[2], hostile()[4]
	}))
	b.Run(chromedp.WaitVisible(`//*[@data-log]//small[contains(text(),"live <script>alert(1)</script>")]`))
	b.look("hostile-live")
}
