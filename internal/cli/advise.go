package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/model"
)

const adviseHelp = `Advise says which indexes the model lacks, and which ones nothing uses. A server sums up its queries
by shape, without any value, in the file queries.json of its data folder. Advise runs these queries
on a copy of the database, with values from its rows. It proposes an index only if a query takes at
most half the work with it.

On PostgreSQL the copy is the schema ashlar_advise in the same database, with at most about 500,000
rows of each table. Advise drops it at the end. A server may be running. The database itself does
not change.`

// adviseFlags holds the flags of advise.
type adviseFlags struct {
	databaseFlags
	json   bool
	budget time.Duration
}

func newAdvise() *cobra.Command {
	f := &adviseFlags{}
	cmd := &cobra.Command{
		Use:   "advise DIR",
		Short: "Say which indexes the model lacks",
		Long:  adviseHelp,
		Example: `  ashlar advise examples/careers
  ashlar advise examples/careers --json`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, databaseSettings[:]...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.budget <= 0 {
				return usage(cmd, "--time must be more than 0, such as 2m, not %v", f.budget)
			}
			return relativeTo(args[0], f.advise(cmd, args[0]))
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().DurationVar(&f.budget, "time", 2*time.Minute, "longest `time` of all trials")
	f.databaseFlags.declare(cmd)
	return cmd
}

func (f *adviseFlags) advise(cmd *cobra.Command, dir string) error {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	cfg := app.AdviseConfig{Config: f.config(dir, warnLogger(cmd)), Budget: f.budget}
	if out := cmd.ErrOrStderr(); isTerminal(out) && !f.json {
		cfg.Progress = func(step string) { fmt.Fprintln(out, step) }
	}
	report, err := app.Advise(ctx, loaded, cfg)
	if err != nil {
		return err
	}
	if f.json {
		return printAdviceJSON(cmd.OutOrStdout(), report)
	}
	return printAdvice(cmd.OutOrStdout(), dir, report)
}

const nothingRecorded = `Nothing is recorded yet. A server writes what its queries were to its data folder every minute, and
when it stops. Run this again when the app has served some requests.
`

// printAdvice prints a report for people. A report is nil if nothing is recorded.
func printAdvice(out io.Writer, dir string, report *advise.Report) error {
	if report == nil {
		_, err := io.WriteString(out, nothingRecorded)
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Calls recorded since %s: %.0f.\n", report.Since.Local().Format("2006-01-02 15:04"), report.Calls)
	for i := range report.Add {
		writeAddition(&text, dir, &report.Add[i])
	}
	for i := range report.Remove {
		writeRemoval(&text, dir, &report.Remove[i])
	}
	if len(report.Add) == 0 && !report.TimedOut {
		text.WriteString("No further index would help these queries.\n")
	}
	switch {
	case report.TooYoung:
		text.WriteString("Which indexes nothing uses is said after seven days of records.\n")
	case len(report.Remove) == 0:
		text.WriteString("Every index of the model is used.\n")
	}
	for _, refused := range report.Refused {
		fmt.Fprintf(&text, "Refused %.0f times for reading too many rows: %s (%s)\n", refused.Calls, refused.Shape, refused.CallerKind)
	}
	for _, untried := range report.Untried {
		fmt.Fprintf(&text, "Not run again: %s: %s\n", untried.Shape, untried.Why)
	}
	if report.TimedOut {
		text.WriteString("The time was over before everything was tried: give it more with --time.\n")
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func writeAddition(text *strings.Builder, dir string, a *advise.Addition) {
	fmt.Fprintf(text, "\n%s: add an index on [%s]:\n\n    %s:\n      %s\n\n", placeOfTable(dir, a.Pos), strings.Join(a.Names, ", "), a.Table, a.Line)
	for i := range a.Gains {
		gain := &a.Gains[i]
		fmt.Fprintf(text, "  %s (%s)\n    %s → %s a call, %.1f times less work; %.0f calls a day, %s a day saved\n", gain.Shape, gain.CallerKind,
			milliseconds(gain.Before.Took), milliseconds(gain.After.Took), gain.Factor(), gain.Calls, seconds(gain.SavedPerDay()))
	}
	fmt.Fprintf(text, "  The index takes %s for %d rows. A write takes about %s longer, %.0f times a day.\n",
		kibibytes(a.Size), a.Rows, milliseconds(a.EachWrite()), a.Writes)
	if a.Share < 1 {
		fmt.Fprintf(text, "  It was tried on %.1f %% of the rows.\n", 100*a.Share)
	}
}

func writeRemoval(text *strings.Builder, dir string, r *advise.Removal) {
	fmt.Fprintf(text, "\n%s: remove the index on [%s] of %s: no recorded query uses it.\n  It takes %s, and each of %.0f writes a day keeps it.\n\n",
		placeOfTable(dir, r.Pos), strings.Join(r.Names, ", "), r.Table, kibibytes(r.Size), r.Writes)
}

func placeOfTable(dir string, pos model.Pos) string {
	return fmt.Sprintf("%s:%d", filepath.Join(dir, pos.File), pos.Line)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func kibibytes(n int64) string { return fmt.Sprintf("%d KiB", (n+1023)>>10) }

// adviceJSON is a report for machines.
type adviceJSON struct {
	Since    *time.Time    `json:"since"` // null if nothing is recorded
	Calls    float64       `json:"calls"`
	Add      []indexJSON   `json:"add"`
	Remove   []indexJSON   `json:"remove"`
	TooYoung bool          `json:"too_young"` // to say which indexes nothing uses
	TimedOut bool          `json:"timed_out"`
	Refused  []refusedJSON `json:"refused"` // calls that would have read more than limits.query.rows
	Untried  []untriedJSON `json:"untried"`
}

type indexJSON struct {
	Table      string     `json:"table"`
	Fields     []string   `json:"fields"`
	Line       string     `json:"line,omitempty"`
	File       string     `json:"file"`
	Row        int        `json:"row"` // of the table in the file
	Gains      []gainJSON `json:"gains,omitempty"`
	Bytes      int64      `json:"bytes"`
	WritesADay float64    `json:"writes_a_day"`
	EachWrite  float64    `json:"each_write_ms,omitempty"`
	Share      float64    `json:"share,omitempty"` // of the table's rows that it was tried on
}

type gainJSON struct {
	Shape       string  `json:"shape"`
	Caller      string  `json:"caller"`
	CallsADay   float64 `json:"calls_a_day"`
	Before      float64 `json:"before_ms"`
	After       float64 `json:"after_ms"`
	StepsBefore int64   `json:"steps_before"`
	StepsAfter  int64   `json:"steps_after"`
	SavedADay   float64 `json:"saved_a_day_s"`
}

type refusedJSON struct {
	Shape  string  `json:"shape"`
	Caller string  `json:"caller"`
	Calls  float64 `json:"calls"`
}

type untriedJSON struct {
	Shape string `json:"shape"`
	Why   string `json:"why"`
}

func printAdviceJSON(out io.Writer, report *advise.Report) error {
	all := adviceJSON{Add: []indexJSON{}, Remove: []indexJSON{}, Refused: []refusedJSON{}, Untried: []untriedJSON{}}
	if report == nil {
		return encodeAdvice(out, all)
	}
	all.Since, all.Calls, all.TooYoung, all.TimedOut = &report.Since, report.Calls, report.TooYoung, report.TimedOut
	for i := range report.Add {
		a := &report.Add[i]
		index := indexJSON{
			Table: a.Table, Fields: a.Names, Line: a.Line, File: a.Pos.File, Row: a.Pos.Line, Bytes: a.Size, WritesADay: a.Writes,
			EachWrite: inMilliseconds(a.EachWrite()), Share: a.Share,
		}
		for j := range a.Gains {
			gain := &a.Gains[j]
			index.Gains = append(index.Gains, gainJSON{
				Shape: gain.Shape, Caller: gain.CallerKind, CallsADay: gain.Calls, Before: inMilliseconds(gain.Before.Took), After: inMilliseconds(gain.After.Took),
				StepsBefore: gain.Before.Steps, StepsAfter: gain.After.Steps, SavedADay: gain.SavedPerDay().Seconds(),
			})
		}
		all.Add = append(all.Add, index)
	}
	for i := range report.Remove {
		r := &report.Remove[i]
		all.Remove = append(all.Remove, indexJSON{Table: r.Table, Fields: r.Names, File: r.Pos.File, Row: r.Pos.Line, Bytes: r.Size, WritesADay: r.Writes})
	}
	for _, refused := range report.Refused {
		all.Refused = append(all.Refused, refusedJSON{refused.Shape, refused.CallerKind, refused.Calls})
	}
	for _, untried := range report.Untried {
		all.Untried = append(all.Untried, untriedJSON(untried))
	}
	return encodeAdvice(out, all)
}

func encodeAdvice(out io.Writer, all adviceJSON) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
