package operation_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
)

// follow clicks on a link and waits for the page behind it.
func (b *tab) follow(selector string) {
	b.Helper()
	b.Run(
		chromedp.Evaluate(`void (document.documentElement.dataset.former = '')`, nil),
		chromedp.Click(selector), chromedp.WaitNotPresent(`[data-former]`, chromedp.ByQuery), chromedp.WaitVisible(`h1`, chromedp.ByQuery),
	)
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

// row returns the texts of the cells of the first row of a table that begins with a text, with " | " between them.
func (b *tab) row(begin string) string {
	b.Helper()
	return b.Eval(fmt.Sprintf(`[...document.querySelectorAll('main tbody tr')]
		.map((row) => [...row.cells].map((cell) => cell.innerText.trim().replace(/\s+/g, ' ')).join(' | ')).find((text) => text.startsWith(%q)) ?? ''`, begin))
}

// A person looks at an app after some seconds of load, from page to page, and finds what was sent.
func TestPagesOfARunningAppInABrowser(t *testing.T) {
	c := newCareer(t)
	c.open("v1", 45*time.Minute, nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c.open("v2", 31*time.Minute, nil) // so that the deploy is audited, and objectives know half an hour
	c.serve()
	key := c.load()
	all, title := len(c.sent), c.incident()
	if !strings.HasPrefix(title, "api: ") || !strings.Contains(title, " requests failed") {
		t.Errorf("the incident is %q", title)
	}
	link, err := c.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, c.base, 1280, 900)}
	b.begin(link)

	b.Run(chromedp.WaitVisible(`[data-drawn]`))
	b.shows("incident", title, "New errors", hostileTable(), "build v1 → v2", "too few requests to compare", "audited")
	if got := b.sum("errors", "5xx"); got != failures {
		t.Errorf("the chart of errors has %d, want %d", got, failures)
	}
	if got := b.sum("requests", "all"); got < all || got > all+50 { // the pages of the console come on top
		t.Errorf("the chart of requests has %d, want %d", got, all)
	}
	if dots := b.Eval(memoryDots); dots == "0" {
		t.Error("the only value of the memory is not drawn")
	}
	b.glance("running-home")
	b.follow(`//section[h2="Last deploy"]//a[text()="Details"]`)
	b.shows("build v1 → v2", "there was no time before them to compare with")
	b.glance("running-deploys")

	b.visit("/console/home")
	b.follow(`.alerts a`)
	b.shows(title, "Likely causes", "The incident begins.", "build v1 → v2", "list next_steps")
	b.glance("running-incident")
	b.follow(`//li[contains(., "Requests with the shape list next_steps fail")]//a[text()="Records"]`)
	b.shows(fmt.Sprintf("%d records, %d failed", failures, failures))
	b.follow(`[data-log] tbody th a`)
	b.shows("GET /api/next_steps", "no such table: main."+hostile()[0], "list next_steps")
	b.glance("running-record")
	b.visit("/console/incidents")
	b.shows(title, "open")
	b.glance("running-incidents")

	b.visit("/console/logs?under=%2Fapi%2F&last=15m")
	b.shows(fmt.Sprintf("%d records, %d failed", c.count("", "/api/"), failures))
	b.glance("running-logs")
	b.slowest()
	b.Run(chromedp.WaitVisible(`.difference table`))
	for value, dimension := range map[string]string{"profiles": "table", "PATCH /api/{table}/{id}": "route", key: "key"} {
		if row := b.row(value); !strings.HasPrefix(row, value) || !strings.Contains(row, dimension) || !strings.Contains(row, fmt.Sprintf("(%d)", slowWrites)) {
			t.Errorf("what is special about the slow writes: of %s it says %q\n%s", value, row, b.Text())
		}
	}
	b.glance("running-difference")
	b.follow(`//section[@class="difference"]//a[text()="profiles"]`)
	b.shows(fmt.Sprintf("%d records", slowWrites))
	b.visit("/console/logs?under=%2Fapi%2F")
	b.follow(`//td//a[text()="anonymous"]`)
	b.shows("caller is anonymous", fmt.Sprintf("%d records", c.count("anonymous", "/api/")))
	b.follow(`//td//a[text()="next_steps"]`)
	b.shows("table is next_steps", fmt.Sprintf("%d records, %d failed", failures/2, failures/2))
	b.visit("/console/logs?job=ashlar.mail")
	b.shows("2 records", "job ashlar.mail")
	for _, text := range hostile()[:2] {
		b.visit("/console/logs?text=" + url.QueryEscape(text))
		b.shows("GET /api/", text)
	}

	last := c.sent[all-1]
	b.visit("/console/traces")
	b.glance("running-traces")
	b.visit("/console/traces?statement=salaries") // the console's own requests fill the page
	b.follow(`//tr[contains(., "/api/salaries")]//th//a`)
	if address := b.Eval(`location.pathname`); address != "/console/traces/"+last.id {
		t.Errorf("the trace of the last request %s is at %s", last.id, address)
	}
	b.Run(chromedp.Click(`//summary[contains(., "salaries")]`), chromedp.WaitVisible(`.waterfall details[open] code`))
	if sql := b.Eval(`document.querySelector('.waterfall details[open] code').innerText`); !strings.Contains(sql, `FROM "salaries"`) || !strings.Contains(sql, "ORDER BY") {
		t.Errorf("the statement of the last request is %q", sql)
	}
	b.glance("running-trace")
	b.follow(`//a[text()="Record"]`)
	b.shows(last.id, "list salaries")

	b.visit("/console/errors")
	b.shows(hostileTable())
	// SQLite refuses the statement when it prepares it, or at its first step: these are two errors.
	count := b.Eval(`String([...document.querySelectorAll('main tbody tr')].filter((row) => row.innerText.includes('record.List(next_steps)')).reduce((sum, row) => sum + Number(row.cells[1].innerText), 0))`)
	if count != fmt.Sprint(failures) {
		t.Errorf("the errors have a count of %s, want %d", count, failures)
	}
	b.glance("running-errors")
	b.follow(`main tbody th a`)
	b.shows(fmt.Sprintf("%d records, %d failed", failures, failures))

	b.visit("/console/objectives")
	b.shows(title)
	if row := b.row("api"); !strings.Contains(row, fmt.Sprintf("%d of %d", failures, all)) {
		t.Errorf("the objective is %q", row)
	}
	b.glance("running-objectives")
	b.follow(`//a[text()="What is special?"]`)
	if row := b.row("next_steps"); !strings.Contains(row, fmt.Sprintf("100 %% (%d)", failures)) {
		t.Errorf("what is special about the failures: %q\n%s", row, b.Text())
	}

	b.visit("/console/cost")
	for name, count := range map[string]int{
		"GET /api/" + listedTable: c.count("", "/api/"+listedTable), "GET /api/next_steps": failures, "PATCH /api/profiles/{id}": slowWrites, "POST /auth/sign-up": 2, "job ashlar.mail": 2,
	} {
		if row := b.row(name + " | "); !strings.HasPrefix(row, fmt.Sprintf("%s | %d | ", name, count)) {
			t.Errorf("the cost of %s is %q, want a count of %d", name, row, count)
		}
	}
	b.glance("running-cost")
	b.follow(`//nav//a[text()="Keys"]`)
	if row := b.row(key); !strings.HasPrefix(row, fmt.Sprintf("%s | %d | ", key, c.count("key", "/"))) {
		t.Errorf("the cost of the key is %q, want a count of %d", row, c.count("key", "/"))
	}

	if rows := b.Eval(`String(document.querySelectorAll('main .costs tbody tr').length)`); rows != "2" {
		t.Errorf("the costs of one key and of everything else are in %s rows:\n%s", rows, b.Text())
	}

	b.visit("/console/profiles")
	b.glance("running-profiles")
	b.follow(`//tr[contains(., "` + listedTable + `")]//th//a`)
	b.shows("Where the time of GET /api/{table} on " + listedTable + " goes")
	b.follow(`.flame a[href*="at=0&"] rect`)
	b.Run(chromedp.WaitVisible(`.trail`))
	b.Keep("operation-running-profile")

	b.visit("/console/advice")
	b.follow(`main button.main`)
	b.Run(chromedp.WaitVisible(`//p[contains(., "calls recorded since")]`))
	b.shows("Tried on a copy of the database")
	b.glance("running-advice")
}

// hostileTable is the missing table as groups of errors name it: without its numbers.
func hostileTable() string {
	return "no such table: main." + strings.ReplaceAll(hostile()[0], "1", "#")
}

// memoryDots is the number of pixels in the color of the first line of the chart of memory.
const memoryDots = `(() => {
	const [canvas, name] = [document.querySelector('#chart-memory canvas'), document.querySelector('#chart-memory .legend span')];
	const [red, green, blue] = getComputedStyle(name).color.match(/\d+/g).map(Number);
	const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
	let dots = 0;
	for (let i = 0; i < data.length; i += 4) dots += data[i] === red && data[i + 1] === green && data[i + 2] === blue;
	return String(dots);
})()`

// sum returns how many a line of a chart counts in an hour.
func (b *tab) sum(chart, line string) (n int) {
	b.Helper()
	text := b.Await(fmt.Sprintf(`fetch('/console/home/charts?range=1h').then((answer) => answer.json()).then((all) =>
		String(Math.round(all.step * all.charts.find((each) => each.id === %q).lines.find((each) => each.name === %q).values.reduce((sum, v) => sum + (v ?? 0), 0))))`, chart, line))
	if _, err := fmt.Sscan(text, &n); err != nil {
		b.Fatalf("the line %s of the chart %s: %v", line, chart, err)
	}
	return n
}

// slowest selects the records in the heat map that took longer than about 300 ms.
func (b *tab) slowest() {
	b.Helper()
	var bottom float64 // of the region, as a share of the height
	b.Run(chromedp.Evaluate(`(() => {
		const bounds = document.querySelector('.map').dataset.bounds.split(',').map(Number);
		return (bounds.length - bounds.findIndex((bound) => bound >= 300_000) - 0.5) / (bounds.length + 1);
	})()`, &bottom))
	b.drag(`.map`, 0.5, 0.005, 0.995, bottom)
}

// The table of nodes has the requests that each of two servers of a database answered.
func TestNodesOfARunningAppInABrowser(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	database := pgtest.URL(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	node := func(build, port string) *career {
		c := newCareer(t)
		c.open(build, 0, func(cfg *app.Config) { cfg.Database, cfg.LocalURL = database, "http://localhost:"+port })
		return c
	}
	other := node("v1", "8081")
	other.serve()
	const requests = 60
	for range requests {
		other.send("anonymous", "", "GET", "/api/occupations?limit=3", "", 200)
	}
	other.stop()
	c := node("v2", "8082")
	c.change(`UPDATE ashlar_telemetry SET sums = replace(sums, '"x":true', '"x":false')`) // as if it still ran
	c.serve()
	for deadline := time.Now().Add(20 * time.Second); !c.Fleet.Several(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the second node does not see the first")
		}
	}
	link, err := c.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, c.base, 1280, 900)}
	b.begin(link)
	b.shows("All nodes", "This node", "Nodes")
	if row := b.row(host + ":8081"); !strings.Contains(row, " | v1 | ") || !strings.Contains(row, fmt.Sprintf(" | %.2g/s | 0/s | ", requests/120.)) {
		t.Errorf("the row of the other node is %q", row)
	}
	if row := b.row(host + ":8082"); !strings.HasPrefix(row, host+":8082 this one | v2 | ") {
		t.Errorf("the row of this node is %q", row)
	}
	b.glance("running-nodes")
	b.follow(`//nav//a[text()="Logs"]`)
	b.shows("the others are " + host + ":8081")
	b.follow(`//nav//a[text()="Limits"]`)
	b.shows("the others are "+host+":8081", "The nodes share their limits in PostgreSQL.", "Connections to the database: group")
}
