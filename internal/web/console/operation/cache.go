package operation

import (
	"net/http"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// cachePage says what kept answers spare.
type cachePage struct {
	span
	Kept    *record.KeptStats
	Memory  float64 // share of Most that is taken
	Bar     string
	Counted bool // requests are counted
	Sum     cacheRow
	Rows    []cacheRow
	More    int // tables beyond the page
}

// A cacheRow is what became of the reads of a table.
type cacheRow struct {
	Name     string
	Settings string // of the model
	Lists    int64
	Looked   int64 // lists that were looked for
	Found    int64 // of them
	Stale    int64 // of Found
	Read     int64 // the others of Looked
	Rate     float64
	Bar      string
	Rest     int64 // lists that were not looked for

	NotModified, Public               int64
	Bytes, Entries, Evicted, TooLarge int64

	Records string // address of its lists; "" without a log
	Missed  string // address of the lists that were read
}

// listedTables bounds the rows of the page.
const listedTables = 100

func (p *pages) cache(q *console.Request) error {
	s, err := p.spanOf(cachePath, q.HTTP().URL.Query())
	if err != nil {
		return err
	}
	kept := &s.now.Counts.Kept
	page := cachePage{span: s, Kept: kept, Counted: len(s.now.Counts.Answers) > 0, Memory: min(1, float64(kept.Bytes)/float64(max(1, kept.Most)))}
	page.Bar = percent(100 * page.Memory)
	page.Rows = p.cacheRows(&s)
	for i := range page.Rows {
		page.Sum.add(&page.Rows[i])
	}
	page.Sum.finish()
	sortBy(page.Rows, func(r cacheRow) int64 { return r.Lists })
	page.More = max(0, len(page.Rows)-listedTables)
	page.Rows = page.Rows[:len(page.Rows)-page.More]
	return show(q, http.StatusOK, "Cache", "cache.html", &page)
}

// cacheRows returns the tables that have something to show, in the order of the model.
func (p *pages) cacheRows(s *span) (rows []cacheRow) {
	answers, earlier := answersOf(&s.now.Counts), answersOf(&s.before.Counts)
	kept, before := keptOf(&s.now.Counts), keptOf(&s.before.Counts)
	for _, table := range p.Sharing.Model.All() {
		name := table.Name
		row := cacheRow{Name: name, Settings: table.Cache.String()}
		row.count(answers[name], earlier[name])
		row.Bytes, row.Entries = kept[name].Bytes, kept[name].Entries
		row.Evicted, row.TooLarge = rise(kept[name].Evicted, before[name].Evicted), rise(kept[name].TooLarge, before[name].TooLarge)
		if row.Lists == 0 && row.NotModified == 0 && row.Public == 0 && row.Entries == 0 && row.Evicted == 0 && row.TooLarge == 0 {
			continue
		}
		if p.Records != nil {
			row.Records = addressOf(logsPath, url.Values{string(archive.Table): {name}, string(archive.Operation): {"list"}})
			if row.Looked > row.Found {
				row.Missed = addressOf(logsPath, url.Values{string(archive.Table): {name}, string(archive.Cache): {"miss"}})
			}
		}
		row.finish()
		rows = append(rows, row)
	}
	return rows
}

// count adds what the counters of a table have risen by.
func (r *cacheRow) count(now, before metric.Answers) {
	r.Lists = rise(now.Lists, before.Lists)
	r.Found, r.Stale = rise(now.Kept, before.Kept), rise(now.Stale, before.Stale)
	r.Looked = r.Found + rise(now.Missed, before.Missed)
	r.NotModified, r.Public = rise(now.NotModified, before.NotModified), rise(now.Public, before.Public)
}

func (r *cacheRow) add(other *cacheRow) {
	r.Lists += other.Lists
	r.Looked += other.Looked
	r.Found += other.Found
	r.Stale += other.Stale
	r.NotModified += other.NotModified
	r.Public += other.Public
	r.Bytes += other.Bytes
	r.Entries += other.Entries
	r.Evicted += other.Evicted
	r.TooLarge += other.TooLarge
}

// finish works out what follows from the counts.
func (r *cacheRow) finish() {
	r.Rate = float64(r.Found) / float64(max(1, r.Looked))
	r.Read = r.Looked - r.Found
	r.Bar, r.Rest = percent(100*r.Rate), max(0, r.Lists-r.Looked)
}

func answersOf(l *Load) map[string]metric.Answers {
	byTable := map[string]metric.Answers{}
	for _, a := range l.Answers {
		byTable[a.Table] = a
	}
	return byTable
}

func keptOf(l *Load) map[string]record.KeptTable {
	byTable := map[string]record.KeptTable{}
	for _, t := range l.Kept.Tables {
		byTable[t.Name] = t
	}
	return byTable
}
