package incident

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	lead        = time.Hour        // before the begin: what the incident is compared with, and what its timeline shows
	tail        = 15 * time.Minute // after the end, of the timeline
	longestRead = 2 * time.Hour    // of an incident that the analysis reads: causes lie at the begin
	longestBack = 24 * time.Hour   // from an alert to the begin
	fresh       = 10 * time.Second // a report of an open incident is used again for so long
)

// Bounds of a report.
const (
	maxEvents   = 300
	maxFindings = 10
	maxCauses   = 12
)

// Report explains an incident. A closed one keeps its explanation, since its records go before it does.
func (s *Service) Report(ctx context.Context, id int64) (r Report, err error) {
	defer errs.Wrap(&err, "incident.Report")
	s.reading.Lock()
	defer s.reading.Unlock()
	in, err := s.archive.Incident(ctx, id)
	if err != nil {
		return Report{}, err
	}
	st := readState(in.Details)
	now := s.cfg.Now()
	switch known := &s.recent; {
	case st.Analysis != nil:
		r = st.Analysis.report()
	case known.report.Incident.ID == id && in.State == known.report.Incident.State && now.Sub(known.at).Abs() < fresh:
		r = known.report
	default:
		if r, err = s.analyse(ctx, in, st, now); err != nil {
			return Report{}, err
		}
		r.Incident = in
		*known = cached{r, now}
		if in.State == Closed {
			s.warn("the explanation of an incident is not kept", s.keep(ctx, &r))
		}
	}
	r.Incident, r.Alerts = in, st.Alerts
	if r.Timeline, err = s.archive.Events(ctx, r.From.Add(-lead), r.To.Add(tail), maxEvents); err != nil {
		return Report{}, err
	}
	slices.Reverse(r.Timeline)
	return r, nil
}

func (a *analysis) report() Report {
	return Report{From: a.From, To: a.To, Bad: a.Bad, Total: a.Total, Causes: a.Causes, Findings: a.Findings, Lost: a.Lost, Chart: a.Chart, Partial: a.Partial}
}

// keep stores the analysis of a closed incident with it.
func (s *Service) keep(ctx context.Context, r *Report) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	in, err := s.archive.Incident(ctx, r.Incident.ID)
	if err != nil {
		return err
	}
	st := readState(in.Details)
	st.Analysis = &analysis{r.From, r.To, r.Bad, r.Total, r.Causes, r.Findings, r.Lost, r.Chart, r.Partial}
	in.Details = st.text()
	_, err = s.archive.PutIncident(ctx, in)
	return err
}
