package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
)

const costHelp = `Cost says what the work of an app costs: CPU time, bytes, statements and storage, by route, table,
key and job, and what a million requests of each cost. The prices are those of operate.costs in the
model. The figures come from telemetry.db in the data folder, so a server may be running or not.

A time is a length before now, such as 24h or 30d, a day, or a month. Days begin at midnight UTC.`

// costFlags holds the flags of cost.
type costFlags struct {
	data, time string
	json       bool
}

func newCost() *cobra.Command {
	f := &costFlags{}
	cmd := &cobra.Command{
		Use:   "cost DIR",
		Short: "Say what routes, keys and jobs cost",
		Long:  costHelp,
		Example: `  ashlar cost examples/careers
  ashlar cost examples/careers --time 2026-11
  ashlar cost examples/careers --time 30d --json`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, "data"); err != nil {
				return err
			}
			from, to, ok := costTime(f.time, time.Now())
			if !ok {
				return usage(cmd, "--time must be a length, a day or a month, such as 24h, 30d, 2026-11-26 or 2026-11, not %q", f.time)
			}
			return relativeTo(args[0], f.cost(cmd, args[0], from, to))
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.time, "time", "24h", "`time` that the costs are of")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().StringVar(&f.data, "data", "", "data `folder` (default DIR/.ashlar)")
	return cmd
}

// maxDays is about how long costs are kept.
const maxDays = 400

// costTime returns the begin and the end of a time.
func costTime(text string, now time.Time) (from, to time.Time, ok bool) {
	if month, err := time.Parse("2006-01", text); err == nil {
		return month, month.AddDate(0, 1, 0), true
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, day.AddDate(0, 0, 1), true
	}
	days, length := 0, time.Duration(0)
	if _, err := fmt.Sscanf(text, "%dd", &days); err == nil && fmt.Sprintf("%dd", days) == text && 0 < days && days <= maxDays {
		return now.AddDate(0, 0, -days), now, true
	}
	length, err := time.ParseDuration(text)
	return now.Add(-length), now, err == nil && 0 < length && length <= maxDays*24*time.Hour
}

func (f *costFlags) cost(cmd *cobra.Command, dir string, from, to time.Time) error {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	where := databaseFlags{data: f.data}
	report, err := app.Cost(ctx, loaded, where.config(dir, warnLogger(cmd)), from, to)
	if err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(costJSONOf(&report))
	}
	_, err = io.WriteString(cmd.OutOrStdout(), costText(&report))
	return err
}

const nothingCounted = `Nothing is counted yet for this time. A server writes what its work cost every minute, and when it
stops. Run this again when the app has served some requests.
`

// costText returns a report for people.
func costText(r *cost.Report) string {
	if r.Counted == 0 {
		return nothingCounted
	}
	text := &strings.Builder{}
	fmt.Fprintf(text, "%s to %s UTC, %s counted\n", minute(r.From), minute(r.To), duration(r.Counted))
	writeRows(text, r, "route or job", append(append(append([]cost.Row{}, r.Routes...), r.Jobs...), r.Rest))
	writeRows(text, r, "table", r.Tables)
	if len(r.Keys) > 1 {
		writeRows(text, r, "key", r.Keys)
	}
	fmt.Fprintf(text, "\nTogether: %s of CPU time, %s received, %s sent, %s stored: %s\n", duration(r.Total.CPU), bytesText(r.Total.In), bytesText(r.Total.Out),
		bytesText(r.Stored.Bytes()), money(r.Price.Total()))
	if r.Profiled < r.Counted/2 {
		text.WriteString("Most of the time no profile was taken, so most CPU time has no route.\n")
	}
	return text.String()
}

// writeRows writes a table of rows. What costs nothing is left out.
func writeRows(text *strings.Builder, r *cost.Report, title string, rows []cost.Row) {
	var padded strings.Builder
	table := tabwriter.NewWriter(&padded, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%s\tunits\tCPU\t±\tstatements\treceived\tsent\tstored\tprice\ta million\t\n", title)
	for i := range rows {
		row := &rows[i]
		if row.Amounts == (cost.Amounts{}) && row.Stored.Bytes() == 0 {
			continue
		}
		margin, each := "", ""
		if row.CPU > 0 && !row.Other {
			margin = fmt.Sprintf("%.0f %%", 100*row.Margin)
		}
		if row.Units > 0 && !row.Other {
			each = money(row.Million(r.Prices).Price.Total())
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", row.Name(), row.Units, duration(row.CPU), margin, row.Statements,
			bytesText(row.In), bytesText(row.Out), bytesText(row.Stored.Bytes()), money(row.Price.Total()), each)
	}
	_ = table.Flush() // a strings.Builder takes everything
	text.WriteString("\n")
	for line := range strings.Lines(padded.String()) {
		text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }

// duration writes a time with three digits.
func duration(d time.Duration) string {
	switch {
	case d >= 100*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	case d >= time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	case d >= time.Minute:
		return fmt.Sprintf("%.1f min", d.Minutes())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

// bytesText writes a number of bytes with three digits.
func bytesText(n int64) string {
	f := float64(n)
	for _, unit := range [...]string{"B", "kB", "MB", "GB"} {
		if f < 1000 {
			return strings.TrimSuffix(fmt.Sprintf("%.3g", f), ".0") + " " + unit
		}
		f /= 1000
	}
	return fmt.Sprintf("%.4g TB", f)
}

// money writes an amount with two digits after the point, or two digits that are not zero.
func money(amount float64) string {
	if amount == 0 || amount >= 0.1 {
		return fmt.Sprintf("%.2f", amount)
	}
	return fmt.Sprintf("%.2g", amount)
}

// costJSON is a report for machines. CPU time is in seconds.
type costJSON struct {
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Counted float64       `json:"counted_s"`
	Prices  pricesJSON    `json:"prices"`
	Routes  []costRowJSON `json:"routes"`
	Jobs    []costRowJSON `json:"jobs"`
	Rest    costRowJSON   `json:"rest"`
	Tables  []costRowJSON `json:"tables"`
	Keys    []costRowJSON `json:"keys"`
	Total   costRowJSON   `json:"total"`
}

type pricesJSON struct {
	CPUHour float64 `json:"cpu_hour"`
	GBOut   float64 `json:"gb_out"`
	GBMonth float64 `json:"gb_month"`
}

type costRowJSON struct {
	Name       string  `json:"name"`
	Units      int64   `json:"units"`
	CPU        float64 `json:"cpu_s"`
	Margin     float64 `json:"cpu_margin"` // 0.1: ±10 %
	Statements int64   `json:"statements"`
	Database   float64 `json:"database_s"`
	In         int64   `json:"received"`
	Out        int64   `json:"sent"`
	Stored     int64   `json:"stored"`
	Price      float64 `json:"price"`
	Million    float64 `json:"a_million"`
}

func costJSONOf(r *cost.Report) costJSON {
	total := cost.Row{Amounts: r.Total, Stored: r.Stored, Price: r.Price, Other: true}
	all := costJSON{
		From: r.From.UTC(), To: r.To.UTC(), Counted: r.Counted.Seconds(), Prices: pricesJSON(r.Prices),
		Routes: costRows(r.Prices, r.Routes), Jobs: costRows(r.Prices, r.Jobs), Rest: costRow(r.Prices, &r.Rest),
		Tables: costRows(r.Prices, r.Tables), Keys: costRows(r.Prices, r.Keys), Total: costRow(r.Prices, &total),
	}
	all.Total.Name = "everything"
	return all
}

func costRows(prices model.Costs, rows []cost.Row) []costRowJSON {
	list := make([]costRowJSON, len(rows))
	for i := range rows {
		list[i] = costRow(prices, &rows[i])
	}
	return list
}

func costRow(prices model.Costs, row *cost.Row) costRowJSON {
	one := costRowJSON{
		Name: row.Name(), Units: row.Units, CPU: row.CPU.Seconds(), Margin: row.Margin, Statements: row.Statements, Database: row.Database.Seconds(),
		In: row.In, Out: row.Out, Stored: row.Stored.Bytes(), Price: row.Price.Total(),
	}
	if !row.Other {
		one.Million = row.Million(prices).Price.Total()
	}
	return one
}
