package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// An oracle tells by brute force when expressions are due. It walks through real time minute by minute, as the daemon of
// ISC cron does, with the daemon's virtual clock: local minutes up to which fixed jobs have run. It shares no code with the
// package.
type oracle struct {
	zone *time.Location
	jobs []oracleJob
}

type oracleJob struct {
	fields   [5]map[int]bool // minute, hour, day, month, weekday
	wild     bool            // a * in minute or hour
	bothDays bool            // a * in one of the day fields
}

func newOracle(zone *time.Location, expressions []string) *oracle {
	o := &oracle{zone: zone}
	for _, text := range expressions {
		o.jobs = append(o.jobs, newOracleJob(text))
	}
	return o
}

func newOracleJob(text string) oracleJob {
	texts := strings.Fields(text)
	lows, highs := [5]int{0, 0, 1, 1, 0}, [5]int{59, 23, 31, 12, 6}
	job := oracleJob{
		wild:     strings.Contains(texts[0]+texts[1], "*"),
		bothDays: strings.Contains(texts[2], "*") || strings.Contains(texts[4], "*"),
	}
	for i, text := range texts {
		job.fields[i] = map[int]bool{}
		for part := range strings.SplitSeq(text, ",") {
			body, stepText, hasStep := strings.Cut(part, "/")
			step, low, high := 1, lows[i], highs[i]
			if hasStep {
				step, _ = strconv.Atoi(stepText)
			}
			if body != "*" {
				first, last, isRange := strings.Cut(body, "-")
				low = oracleNumber(i, first)
				if high = low; isRange {
					high = oracleNumber(i, last)
				}
			}
			for number := low; number <= high; number += step {
				if i == 4 && number == 7 {
					job.fields[i][0] = true
				} else {
					job.fields[i][number] = true
				}
			}
		}
	}
	return job
}

func oracleNumber(field int, text string) int {
	if number, err := strconv.Atoi(text); err == nil {
		return number
	}
	if field == 3 {
		return slices.Index(strings.Fields("- jan feb mar apr may jun jul aug sep oct nov dec"), strings.ToLower(text))
	}
	return slices.Index(strings.Fields("sun mon tue wed thu fri sat"), strings.ToLower(text))
}

// runs returns the runs of each expression that are not before from, and before to. There must be no change of the clock
// in the three hours before from.
func (o *oracle) runs(from, to time.Time) [][]time.Time {
	runs := make([][]time.Time, len(o.jobs))
	var now time.Time
	start := func(localMinute int64, wild, fixed bool) {
		local := time.Unix(localMinute*60, 0).UTC()
		_, month, day := local.Date()
		hour, minute, weekday := local.Hour(), local.Minute(), int(local.Weekday())
		for i := range o.jobs {
			job := &o.jobs[i]
			if (job.wild && !wild) || (!job.wild && !fixed) || !job.fields[0][minute] || !job.fields[1][hour] || !job.fields[3][int(month)] {
				continue
			}
			isDay, isWeekday := job.fields[2][day], job.fields[4][weekday]
			if (isDay && isWeekday) || (!job.bothDays && (isDay || isWeekday)) {
				if n := len(runs[i]); n == 0 || !runs[i][n-1].Equal(now) { // no moment has two runs
					runs[i] = append(runs[i], now)
				}
			}
		}
	}
	clock := func(t time.Time) int64 {
		_, offset := t.In(o.zone).Zone()
		seconds := t.Unix() + int64(offset)
		return (seconds - (seconds%60+60)%60) / 60
	}
	virtual := clock(from.Add(-time.Minute))
	for now = from; now.Before(to); now = now.Add(time.Minute) {
		shown := clock(now)
		change := shown - (virtual + 1) // minutes
		switch {
		case change == 0:
			virtual = shown
			start(shown, true, true)
		case change > 3*60 || change < -3*60: // a correction
			virtual = shown
			start(shown, true, true)
		case change > 0:
			start(shown, true, false)
			for virtual < shown {
				virtual++
				start(virtual, false, true)
			}
		default: // the virtual clock waits until the local one has caught up
			start(shown, true, false)
		}
	}
	return runs
}
