package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// unreadAnswer is the connection of a client that does not read its answer until the end.
type unreadAnswer struct {
	*httptest.ResponseRecorder
	written func()
	end     <-chan struct{}
}

func (u unreadAnswer) Write(p []byte) (int, error) {
	u.written()
	<-u.end
	return u.ResponseRecorder.Write(p)
}

// A client that does not read its large answers keeps no other client from theirs.
func TestExhaustion_SlowReaders(t *testing.T) {
	const answer, all = 2_000_000, 20_000_000 // bytes
	db, rules := modeltest.SQLite(sqlite.Config{}).Open(t, `
ashlar: 1
name: large
tables:
  texts:
    key: int
    fields: {a: {type: text}, b: {type: text}}
    access: {read: true}
`)
	rows := record.New(db, rules, record.Config{})
	members, err := value.DecodeObject([]byte(fmt.Sprintf(`{"id":1,"a":%[1]q,"b":%[1]q}`, strings.Repeat("x", answer/2))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows.Create(context.Background(), caller.System("test"), rules.Model.Table("texts"), members); err != nil {
		t.Fatal(err)
	}
	api := New(rows, rules.Model)
	api.answers = admit.NewShares[caller.Client](all)
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	handler := receiver.Handler(web.NewMux(api.Routes()...))
	get := func(path, address string, w http.ResponseWriter) {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = address
		handler.ServeHTTP(w, r)
	}
	for _, path := range []string{"/api/texts", "/api/texts/1"} {
		t.Run(path, func(t *testing.T) {
			const most = all / answer
			end, outcome := make(chan struct{}), make(chan bool, 2*most)
			var group sync.WaitGroup
			for range 2 * most {
				group.Go(func() {
					w := unreadAnswer{httptest.NewRecorder(), sync.OnceFunc(func() { outcome <- true }), end}
					get(path, "192.0.2.1:4000", refusedAtOnce{w, outcome})
				})
			}
			unread := 0
			for range 2 * most {
				if <-outcome {
					unread++
				}
			}
			other := httptest.NewRecorder()
			get(path, "192.0.2.2:4000", other)
			if other.Code != 200 {
				t.Errorf("beside %d unread answers of %d that fit, another client gets %d %s", unread, most, other.Code, other.Body)
			}
			close(end)
			group.Wait()
			if unread >= most || unread < most/2 {
				t.Errorf("one client has %d of %d answers", unread, most)
			}
			if stats := api.Answers(); stats.Taken != 0 || stats.Refused == 0 {
				t.Errorf("afterwards: %+v", stats)
			}
		})
	}
}

// refusedAtOnce tells that an answer is a refusal, whose body does not wait.
type refusedAtOnce struct {
	unreadAnswer
	outcome chan<- bool
}

func (r refusedAtOnce) Write(p []byte) (int, error) {
	if r.Code == http.StatusServiceUnavailable {
		r.outcome <- false
		return r.ResponseRecorder.Write(p)
	}
	return r.unreadAnswer.Write(p)
}
