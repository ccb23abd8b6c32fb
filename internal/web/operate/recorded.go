package operate

import (
	"cmp"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// recordedSpan is the span of the recorded profiles that a caller gets without from.
const recordedSpan = 10 * time.Minute

// recordedRoutes returns the paths of profiles that the server has recorded by itself.
func recordedRoutes(own *profile.Recorder) []web.Route {
	return []web.Route{
		{Pattern: "GET /debug/profile/cpu", Handler: func(w http.ResponseWriter, r *http.Request) error {
			from, to, err := span(r)
			if err != nil {
				return err
			}
			file, err := own.Profile(from, to)
			if err != nil {
				return err
			}
			if file == nil {
				return errs.New(errs.NotFound, "no profile of this time is kept: one is made each minute, and kept for an hour")
			}
			return web.Bytes(w, http.StatusOK, "application/octet-stream", file)
		}},
		{Pattern: "GET /debug/profile/usage", Handler: func(w http.ResponseWriter, r *http.Request) error {
			from, to, err := span(r)
			if err != nil {
				return err
			}
			return answer(w, usage(own.Usage(from, to)))
		}},
	}
}

// A row is the CPU time of work with the same labels.
type row struct {
	Route     string  `json:"route,omitempty"`
	Table     string  `json:"table,omitempty"`
	Operation string  `json:"operation,omitempty"`
	Key       string  `json:"key,omitempty"`
	Job       string  `json:"job,omitempty"`
	Rest      string  `json:"rest,omitempty"`
	Seconds   float64 `json:"cpu_seconds"`
}

func usage(list []profile.Usage) any {
	rows := make([]row, 0, len(list))
	for _, u := range list {
		rows = append(rows, row{u.Route, u.Table, u.Operation, u.Key, u.Job, u.Rest, u.CPU.Round(time.Millisecond).Seconds()})
	}
	return struct {
		Usage []row `json:"usage"`
	}{rows}
}

// span returns the span of time that the query asks for: from and to as in RFC 3339. By default it is the last ten minutes.
func span(r *http.Request) (from, to time.Time, err error) {
	query := r.URL.Query()
	to, badTo := moment(query.Get("to"), time.Now())
	from, badFrom := moment(query.Get("from"), to.Add(-recordedSpan))
	if err := cmp.Or(badFrom, badTo); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, errs.New(errs.Malformed, "from must be before to")
	}
	return from, to, nil
}

func moment(text string, usual time.Time) (time.Time, error) {
	if text == "" {
		return usual, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, errs.New(errs.Malformed, "from and to must be times such as 2026-11-27T18:00:00Z")
	}
	return at, nil
}
