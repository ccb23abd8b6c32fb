package deploy

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A world is a simulated server. Load and durations drift as they do on real machines.
type world struct {
	random   *rand.Rand
	rate     float64 // requests per second of a route
	median   time.Duration
	spread   float64 // of the logarithm of durations
	errors   float64 // share
	refused  float64 // share
	perQuery float64 // statements of a request
	cpu      float64 // seconds of a request
	memory   float64
}

func newWorld(seed uint64) world {
	return world{
		random: rand.New(rand.NewPCG(seed, 1)), rate: 1, median: 8 * time.Millisecond, spread: 0.7,
		errors: 0.001, refused: 0.05, perQuery: 3, cpu: 0.002, memory: 200e6,
	}
}

// window simulates some steps. Three routes have the same load, and edit may change the second one.
func (w world) window(steps int, edit func(w *world, route string)) Window {
	out := Window{Name: "test", Step: step, Routes: map[string][]archive.Load{}, CPU: make([]float64, steps),
		Recorded: make([]float64, steps), Served: make([]float64, steps), Memory: make([]float64, steps)}
	drift := 0.0
	for i := range steps {
		drift = 0.8*drift + 0.05*w.random.NormFloat64() // the machine, the same for all routes
		busy := math.Exp(0.3 * math.Sin(float64(i)/20))
		for _, route := range []string{"GET /a", "GET /b", "GET /c"} {
			own := w
			if edit != nil {
				edit(&own, route)
			}
			load := own.load(busy, drift)
			out.Routes[route] = append(out.Routes[route], load)
			out.Served[i] += load.Count
			out.Recorded[i] += load.Count
			out.CPU[i] += load.Count*own.cpu*math.Exp(drift+0.05*w.random.NormFloat64()) + 0.1
			out.Memory[i] = own.memory * math.Exp(0.05*w.random.NormFloat64())
		}
	}
	return out
}

func (w *world) load(busy, drift float64) (l archive.Load) {
	mean := w.rate * busy * step.Seconds()
	l.Count = math.Max(0, math.Round(mean+math.Sqrt(mean)*w.random.NormFloat64()))
	for range int(l.Count) {
		switch chance := w.random.Float64(); {
		case chance < w.errors:
			l.Failed++
		case chance < w.errors+w.refused:
			l.Refused++
		}
		l.Statements += w.perQuery
		took := float64(w.median) * math.Exp(drift+w.spread*w.random.NormFloat64())
		l.Durations.Add(time.Duration(took), 1)
	}
	return l
}

const afterSteps, daySteps, hourSteps = 14, 75, 30

// audit simulates a deploy that changes the second route.
func (w world) audit(edit func(w *world, route string)) *Audit {
	after := w.window(afterSteps, edit)
	return &Audit{Measures: Judge(after, w.window(daySteps, nil), w.window(hourSteps, nil))}
}

// onB changes one route.
func onB(edit func(*world)) func(*world, string) {
	return func(w *world, route string) {
		if route == "GET /b" {
			edit(w)
		}
	}
}

func everywhere(edit func(*world)) func(*world, string) {
	return func(w *world, _ string) { edit(w) }
}

func TestDeploysThatChangeNothingAlarmNobody(t *testing.T) {
	deploys, most := 25, 1
	if effort.Nightly() {
		deploys, most = 2000, 20
	}
	for _, rate := range []float64{0.1, 1} {
		alarms := 0
		for seed := range deploys {
			w := newWorld(uint64(seed))
			w.rate = rate
			if found := w.audit(nil); len(found.Worse()) > 0 {
				alarms++
				t.Log(found.Summary())
			}
		}
		if t.Logf("%d of %d alarm", alarms, deploys); alarms > most {
			t.Errorf("at %v requests per second, %d of %d deploys that changed nothing alarm", rate, alarms, deploys)
		}
	}
}

func TestDeploysThatMakeSomethingWorseAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edit  func(*world, string)
		route string
		kind  Kind
	}{
		{"one route is slower by 40 %", onB(func(w *world) { w.median = w.median * 14 / 10 }), "GET /b", P50},
		{"one route has a long tail", onB(func(w *world) { w.spread = 1.2 }), "GET /b", P99},
		{"one route fails now and then", onB(func(w *world) { w.errors = 0.03 }), "GET /b", Errors},
		{"one route refuses", onB(func(w *world) { w.refused = 0.3 }), "GET /b", Refused},
		{"requests need more CPU time", everywhere(func(w *world) { w.cpu *= 1.4 }), "", CPU},
		{"the process needs more memory", everywhere(func(w *world) { w.memory *= 1.5 }), "", Memory},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const deploys = 10
			named := 0
			for seed := range deploys {
				worse := newWorld(uint64(seed)).audit(tt.edit).Worse()
				for _, m := range worse {
					if m.Route == tt.route && m.Kind == tt.kind {
						named++
					}
				}
			}
			if named < deploys-1 {
				t.Errorf("%d of %d are named", named, deploys)
			}
		})
	}
}

func TestMoreStatementsAreNamedAndAlarmNobody(t *testing.T) {
	found := newWorld(1).audit(onB(func(w *world) { w.perQuery = 31 }))
	if len(found.Worse()) > 0 {
		t.Errorf("it alarms: %s", found.Summary())
	}
	for _, m := range found.Measures {
		if m.Route == "GET /b" && m.Kind == Statements {
			if m.Verdict != Worse || m.String() != "statements per request of GET /b 3 → 31" {
				t.Errorf("%s: %s", m.String(), m.Verdict)
			}
			return
		}
	}
	t.Error("the statements are not named")
}

func TestImprovementsAreBetter(t *testing.T) {
	found := newWorld(1).audit(onB(func(w *world) { w.median /= 2 }))
	if len(found.Worse()) > 0 {
		t.Errorf("it alarms: %s", found.Summary())
	}
	for _, m := range found.Measures {
		if m.Route == "GET /b" && m.Kind == P50 && m.Verdict == Better {
			return
		}
	}
	t.Errorf("p50 of GET /b is not better: %+v", found.Measures)
}

func TestAChangeMustShowAgainstEachBase(t *testing.T) {
	w := newWorld(1)
	slow := onB(func(w *world) { w.median *= 2 })
	found := Audit{Measures: Judge(w.window(afterSteps, slow), w.window(daySteps, nil), w.window(hourSteps, slow))}
	if worse := found.Worse(); len(worse) > 0 {
		t.Errorf("what was slow before the deploy counts as worse: %v", worse)
	}
}

func TestTooLittleIsUnknown(t *testing.T) {
	w := newWorld(1)
	w.rate = 0.01
	for name, found := range map[string]Audit{
		"no base":      {Measures: Judge(newWorld(1).window(afterSteps, nil))},
		"few requests": {Measures: Judge(w.window(afterSteps, nil), w.window(daySteps, nil))},
		"few steps":    {Measures: Judge(newWorld(1).window(3, nil), newWorld(1).window(daySteps, nil))},
		"no steps":     {Measures: Judge(Window{}, Window{})},
	} {
		for _, m := range found.Measures {
			if m.Verdict != Unknown && m.Kind != Memory && m.Kind != Rate {
				t.Errorf("%s: %s of %q is %s", name, m.Kind, m.Route, m.Verdict)
			}
		}
	}
}

// An archive that is full keeps only failed and slow requests of long ago. Compared with them, everything looks well.
func TestStepsWithoutTheirHealthyRecordsDoNotCount(t *testing.T) {
	w := newWorld(1)
	thinned := w.window(daySteps, everywhere(func(w *world) { w.errors, w.median = 1, time.Second }))
	for i := range thinned.Served {
		thinned.Served[i] *= 20
	}
	slow := onB(func(w *world) { w.median *= 2 })
	found := Audit{Measures: Judge(w.window(afterSteps, slow), thinned, w.window(hourSteps, nil))}
	if len(found.Worse()) == 0 {
		t.Error("a slow route is not named")
	}
}
