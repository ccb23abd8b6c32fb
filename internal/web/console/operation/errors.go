package operation

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// errorsPage lists the groups of errors.
type errorsPage struct {
	Ranges  []choice
	Groups  []errorRow
	More    int // groups beyond the page
	Trouble string
}

// An errorRow is a group of errors with its links.
type errorRow struct {
	archive.ErrorGroup
	Example string // address of the newest record
	Records string // address of the records
}

// listedGroups bounds the groups of a page.
const listedGroups = 200

func errorRowOf(g archive.ErrorGroup) errorRow {
	values := url.Values{"last": {"7d"}, "only": {onlyFailed}}
	if where := g.Condition(); g.Route != "" {
		values[string(where.Dimension)] = where.Values
	}
	return errorRow{g, logsPath + "/" + url.PathEscape(g.Example), addressOf(logsPath, values)}
}

func errorRanges() []chartRange {
	const day = 24 * time.Hour
	return []chartRange{{"7d", "7 days", 7 * day}, {"1d", "1 day", day}, {"1h", "1 hour", time.Hour}, {"400d", "all", 400 * day}}
}

func (p *pages) errors(q *console.Request) error {
	word := q.HTTP().URL.Query().Get("range")
	var chosen *chartRange
	var page errorsPage
	for i, r := range errorRanges() {
		current := word == r.word || (word == "" && i == 0)
		if current {
			chosen = &r
		}
		page.Ranges = append(page.Ranges, choice{r.title, addressOf(errorsPath, url.Values{"range": {r.word}}), current})
	}
	if chosen == nil {
		return errs.New(errs.Malformed, "range: the page shows 1h, 1d, 7d or 400d")
	}
	var groups []archive.ErrorGroup
	err := within(q, func(ctx context.Context) (err error) {
		groups, err = p.History.Errors(ctx, p.Now().Add(-chosen.span))
		return err
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	page.More = max(0, len(groups)-listedGroups)
	for _, g := range groups[:len(groups)-page.More] {
		page.Groups = append(page.Groups, errorRowOf(g))
	}
	return show(q, http.StatusOK, "Errors", "errors.html", page)
}
