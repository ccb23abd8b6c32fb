package limit

import (
	"math/bits"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A State is what the tightest of the rates of a request has left.
type State struct {
	rate  *rate
	left  int64 // requests
	reset int64 // ticks until the bucket is full
}

// note notes a rate, if it has less left than the noted one.
func (s *State) note(r *rate, left, reset int64) {
	if s.rate != nil && left >= s.left {
		return
	}
	if left == 0 {
		reset = r.step - (r.depth - reset) // until there is room for one
	}
	*s = State{r, left, reset}
}

// State returns the value of the header RateLimit, such as "address";r=12;t=3, or "".
//
// The tightest limit has room for r requests. In t seconds it has room for all of its burst. If r is 0, it has room for one
// by then. After a refusal, it has room for the refused request by then, as Retry-After says.
func (r *Request) State() string {
	s := &r.tight
	if s.rate == nil {
		return ""
	}
	space := make([]byte, 0, 64)
	space = append(space, '"')
	space = append(space, s.rate.name...)
	space = append(space, `";r=`...)
	space = strconv.AppendInt(space, s.left, 10)
	space = append(space, ";t="...)
	space = strconv.AppendInt(space, Seconds(duration(s.reset)), 10)
	return string(space)
}

// Seconds returns a duration in whole seconds, rounded up.
func Seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// Policy returns the value of the header RateLimit-Policy for the rules that a request has met, such as
// "address";q=300;w=10, "caller";q=1000;w=10. Unless all is set, rules that the model does not give are left out.
func (l *Limiter) Policy(r *Request, all bool) string {
	some := r.met
	if !all {
		some &= l.shown
	}
	return l.policies.of(l, some)
}

// policies keeps the texts of policies. A model has few sets of rules that meet on a request.
type policies struct {
	known atomic.Pointer[map[rules]string]
	mu    sync.Mutex
}

// maxPolicies bounds the texts. Further ones are made each time.
const maxPolicies = 1024

func (p *policies) of(l *Limiter, some rules) string {
	known := p.known.Load()
	if known != nil {
		if text, ok := (*known)[some]; ok {
			return text
		}
	}
	text := l.join(some)
	p.mu.Lock()
	defer p.mu.Unlock()
	grown := map[rules]string{some: text}
	if known = p.known.Load(); known != nil {
		if len(*known) >= maxPolicies {
			return text
		}
		for set, other := range *known {
			grown[set] = other
		}
	}
	p.known.Store(&grown)
	return text
}

// join joins the policies of some rules.
func (l *Limiter) join(some rules) (text string) {
	for each := some; each != 0; each &= each - 1 {
		if one := l.rules[bits.TrailingZeros64(uint64(each))].policy; one != "" {
			if text != "" {
				text += ", "
			}
			text += one
		}
	}
	return text
}

// policyOf returns the policies of the rates of a rule.
func policyOf(rates []rate) (text string) {
	for i, one := range rates {
		if i > 0 {
			text += ", "
		}
		text += `"` + one.name + `";q=` + strconv.Itoa(one.Count) + ";w=" + strconv.FormatInt(Seconds(one.Window), 10)
	}
	return text
}
