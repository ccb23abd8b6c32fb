package session

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		stored, used, presented uint32
		want                    Verdict
	}{
		{"the first token", 1, 0, 1, Next},
		{"the first token again, the answer got lost", 2, 1, 1, Again},
		{"the second token", 2, 1, 2, Next},
		{"the first token, the second was used", 3, 2, 1, Reused},
		{"the token before the newest, which was used", 3, 3, 2, Reused},
		{"a very old token", 1000, 999, 1, Reused},
		{"a token that nobody issued", 3, 2, 4, Invalid},
		{"no token", 1, 0, 0, Invalid},
		{"the last possible token", math.MaxUint32, math.MaxUint32 - 1, math.MaxUint32, Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Judge(tt.stored, tt.used, tt.presented); got != tt.want {
				t.Errorf("Judge(%d, %d, %d) = %v, want %v", tt.stored, tt.used, tt.presented, got, tt.want)
			}
		})
	}
}

// row is a session in the database of a test.
type row struct {
	stored, used uint32
	ended        bool
}

// refresh does what a server does with a presented counter, and returns the counter of the issued token.
func (r *row) refresh(presented uint32) (uint32, Verdict) {
	verdict := Judge(r.stored, r.used, presented)
	switch verdict {
	case Next:
		r.used, r.stored = presented, r.stored+1
	case Reused:
		r.ended = true
	}
	return r.stored, verdict
}

// request is a refresh of one tab, on its way.
type request struct {
	sent     uint32
	answered bool
	answer   uint32
}

// TestHonestClientsAreNeverSignedOut walks at random through the events of a client with many tabs. Requests arrive in any
// order, and answers arrive late or never.
func TestHonestClientsAreNeverSignedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		session, store := row{stored: 1}, uint32(1)
		var flying []*request
		pick := func(t *rapid.T, answered bool) (int, *request) {
			at := rapid.IntRange(0, len(flying)).Draw(t, "request")
			if at == len(flying) || flying[at].answered != answered {
				t.Skip("no such request")
			}
			return at, flying[at]
		}
		end := func(at int) { flying = append(flying[:at], flying[at+1:]...) }
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				for _, earlier := range flying {
					if earlier.sent != store {
						t.Skip("requests with an older token have not ended")
					}
				}
				flying = append(flying, &request{sent: store})
			},
			"lose the request": func(t *rapid.T) { at, _ := pick(t, false); end(at) },
			"serve": func(t *rapid.T) {
				_, r := pick(t, false)
				issued, verdict := session.refresh(r.sent)
				if verdict != Next && verdict != Again {
					t.Fatalf("an honest tab presented %d and got %v; the session has %+v", r.sent, verdict, session)
				}
				r.answered, r.answer = true, issued
			},
			"lose the answer": func(t *rapid.T) { at, _ := pick(t, true); end(at) },
			"save the answer": func(t *rapid.T) {
				at, r := pick(t, true)
				store = r.answer
				end(at)
			},
		})
	})
}

// TestStolenTokensEndTheSession lets a thief copy a token at any time and use the copy at any later time.
func TestStolenTokensEndTheSession(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		session, store := row{stored: 1}, uint32(1)
		refresh := func(times int) {
			for range times {
				issued, verdict := session.refresh(store)
				if verdict != Next && verdict != Again {
					t.Fatalf("the client presented %d and got %v before the theft was used", store, verdict)
				}
				if lost := rapid.IntRange(0, 4).Draw(t, "lost") == 0; !lost {
					store = issued
				}
			}
		}
		refresh(rapid.IntRange(0, 20).Draw(t, "refreshes before the theft"))
		stolen := store
		refresh(rapid.IntRange(0, 20).Draw(t, "refreshes after the theft"))
		newerUsed := session.used > stolen
		if _, verdict := session.refresh(stolen); (verdict == Reused) != newerUsed {
			t.Fatalf("the thief presented %d and got %v; the session has %+v", stolen, verdict, session)
		}
		if session.ended != newerUsed {
			t.Fatalf("ended = %v; the session has %+v", session.ended, session)
		}
	})
}

// TestTwoHoldersEndTheSession lets a thief be as careful as the client: both go on from the newest token that they got.
// The session ends at the latest when one of them has refreshed twice since the other did.
func TestTwoHoldersEndTheSession(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		session := row{stored: 1}
		holders := [2]uint32{1, 1}
		used := [2]uint32{} // greatest counter that each presented with success
		for step := range 200 {
			who := rapid.IntRange(0, 1).Draw(t, "who")
			behind := used[1-who] > holders[who]
			issued, verdict := session.refresh(holders[who])
			if (verdict == Reused) != behind {
				t.Fatalf("step %d: holder of %d got %v; the other presented %d", step, holders[who], verdict, used[1-who])
			}
			if session.ended {
				return
			}
			used[who], holders[who] = holders[who], issued
		}
	})
}

func TestLabel(t *testing.T) {
	for _, tt := range []struct{ agent, want string }{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", "Chrome on Windows"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0", "Edge on Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15", "Safari on macOS"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1", "Safari on iPhone"},
		{"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0 Mobile/15E148 Safari/604.1", "Chrome on iPad"},
		{"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36", "Chrome on Android"},
		{"Mozilla/5.0 (Linux; Android 16; SM-S938B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0 Mobile Safari/537.36", "Samsung Internet on Android"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", "Chrome on ChromeOS"},
		{"curl/8.9.1", "curl"},
		{"Careers-App/2.1 (Android 16)", "Careers-App on Android"},
		{"Mozilla/5.0 (Linux; something new)", "Linux"},
		{"Mozilla/5.0", "Unknown device"},
		{"", "Unknown device"},
		{"<script>alert(1)</script>", "Unknown device"},
		{"日本語", "Unknown device"},
	} {
		if got := Label(tt.agent); got != tt.want {
			t.Errorf("Label(%q) = %q, want %q", tt.agent, got, tt.want)
		}
	}
}

func FuzzLabel(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	f.Add("\xff\x00 curl")
	f.Fuzz(func(t *testing.T, agent string) {
		label := Label(agent)
		if label == "" || len(label) > 60 {
			t.Errorf("Label(%q) = %q", agent, label)
		}
		for _, c := range []byte(label) {
			if c != ' ' && !isPlain(c) {
				t.Errorf("Label(%q) = %q, which holds %q", agent, label, c)
			}
		}
	})
}
