package incident

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// analyse computes the report of an incident, without its timeline.
func (s *Service) analyse(ctx context.Context, in archive.Incident, st state, now time.Time) (r Report, err error) {
	defer errs.Wrap(&err, "incident.analyse")
	q := &inquiry{archive: s.archive, aspects: aspectsOf(st.Alerts, s.cfg.Operate), slow: s.cfg.Operate.Logs.Slow, alerted: in.Opened, to: now}
	if !in.Closed.IsZero() {
		q.to = in.Closed
	}
	s.archive.Flush()
	if err := q.findBegin(ctx, st); err != nil {
		return Report{}, err
	}
	q.readTo = earlier(q.to, q.from.Add(longestRead))
	q.beforeFrom = q.from.Add(-lead)
	if err := q.count(ctx); err != nil {
		return Report{}, err
	}
	r = Report{From: q.from, To: q.to}
	if r.Causes, r.Findings, err = q.explain(ctx); err != nil {
		return Report{}, err
	}
	for i := range q.aspects {
		r.Bad += q.aspects[i].many.Total.Weight
	}
	r.Total = q.aspects[0].many.Total.Weight + q.aspects[0].others.Total.Weight
	if r.Chart, err = q.chart(ctx); err != nil {
		return Report{}, err
	}
	for _, loss := range s.objectives.Losses(q.from, q.to) {
		if loss.Bad > 0 {
			r.Lost = append(r.Lost, loss)
		}
	}
	r.Partial = q.partial
	return r, nil
}

const beginColumns = 240

// findBegin sets when the incident began. An alert comes minutes to days after the begin. The begin is when bad requests
// became frequent.
func (q *inquiry) findBegin(ctx context.Context, st state) error {
	if st.Given {
		q.from = q.alerted
		return nil
	}
	back := time.Hour
	for _, a := range st.Alerts {
		back = max(back, 2*a.Window)
	}
	from, to := q.alerted.Add(-min(back, longestBack)), q.alerted.Add(time.Second)
	counts := make([]float64, beginColumns)
	for i := range q.aspects {
		bad := q.aspects[i].bad
		bad.From, bad.To = from, to
		h, err := q.archive.Heatmap(ctx, bad, beginColumns, nil)
		if err != nil {
			return err
		}
		for c, cells := range h.Cells {
			counts[c] += cells[0]
		}
	}
	column, found := onset(counts)
	if !found {
		q.from = q.alerted.Add(-usualDelay)
		return nil
	}
	q.from = from.Add(time.Duration(column) * to.Sub(from) / beginColumns)
	return nil
}

// usualDelay is the time from the begin to the alert of an incident whose begin is not known.
const usualDelay = 5 * time.Minute

// count counts the requests of the incident, the bad ones of them, and the requests before it.
func (q *inquiry) count(ctx context.Context) (err error) {
	if q.during, err = q.archive.Counts(ctx, q.within(archive.Filter{})); err != nil {
		return err
	}
	if q.before, err = q.archive.Counts(ctx, q.earlierOn(archive.Filter{})); err != nil {
		return err
	}
	q.partial = q.during.Partial || q.before.Partial
	for i := range q.aspects {
		a := &q.aspects[i]
		if a.many, err = q.archive.Counts(ctx, q.within(a.bad)); err != nil {
			return err
		}
		if a.others, err = q.archive.Counts(ctx, q.within(a.all).Without(a.bad)); err != nil {
			return err
		}
	}
	return nil
}

const chartColumns = 60

// chart counts requests over time, the time before included.
func (q *inquiry) chart(ctx context.Context) (c Chart, err error) {
	from := q.from.Add(-max(10*time.Minute, min(lead, q.to.Sub(q.from)/2)))
	all := q.aspects[0].all
	all.From, all.To = from, q.to
	h, err := q.archive.Heatmap(ctx, all, chartColumns, nil)
	if err != nil {
		return Chart{}, err
	}
	c = Chart{From: h.From, Step: h.Step, Bad: make([]float64, chartColumns), Total: make([]float64, chartColumns)}
	for column, cells := range h.Cells {
		c.Total[column] = cells[0]
	}
	for i := range q.aspects {
		bad := q.aspects[i].bad
		bad.From, bad.To = from, q.to
		if h, err = q.archive.Heatmap(ctx, bad, chartColumns, nil); err != nil {
			return Chart{}, err
		}
		for column, cells := range h.Cells {
			c.Bad[column] += cells[0]
		}
	}
	return c, nil
}
