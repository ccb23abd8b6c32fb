package accounttest

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	webaccount "github.com/ashlar-dev/ashlar/internal/web/account"
)

// A Node is the accounts of one process on the database of a cluster.
type Node struct {
	*account.Service
	*Cluster
	Store    store.DB
	Rows     *record.DB
	Audit    *audit.Log
	Verifier *token.Verifier

	Land func(w http.ResponseWriter, r *http.Request, a account.Arrival, err error) error // of the account pages; nil: there are none
}

// New starts the only node of a new cluster.
func New(t testing.TB, e modeltest.Engine, source string, cfg Config) *Node {
	t.Helper()
	return NewCluster(t, e, source, cfg).Node(t)
}

// Each runs a test on both engines in parallel, with a node on a database of its own.
func Each(t *testing.T, source string, cfg Config, test func(t *testing.T, n *Node)) {
	t.Helper()
	for _, e := range Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, New(t, e, source, cfg))
		})
	}
}

// Handler answers requests for routes and for those under /auth. It identifies callers as the server does.
func (n *Node) Handler(t testing.TB, logger *slog.Logger, routes ...web.Route) http.Handler {
	t.Helper()
	accounts, err := webaccount.New(n.Service, n.Verifier, n.TokenKeys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n.Land != nil {
		accounts.Land(n.Land)
	}
	receiver, err := web.NewReceiver(web.Config{Identify: accounts.Identify, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	return receiver.Handler(web.NewMux(append(accounts.Routes(), routes...)...))
}

// Client is a client at an address, with a browser's name.
func Client(address string) account.Client {
	return account.Client{Address: address, Agent: Agent}
}

const (
	Agent    = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
	Home     = "192.0.2.1"                    // address of the person that a test is about
	Password = "correct horse battery staple" // of users that NewUser makes
)

// Messages composes the waiting letters in their order. It leaves out a letter with nothing to send.
func (n *Node) Messages(t testing.TB) []Message {
	t.Helper()
	var all []Message
	for _, l := range n.Outbox.Take() {
		message, send, err := n.Compose(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if send {
			all = append(all, Message{message, l.To})
		}
	}
	return all
}

// A Message is a mail with its address.
type Message struct {
	mail.Message
	To string
}

// Codes composes the waiting letters, and returns the last code to each address.
func (n *Node) Codes(t testing.TB) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for _, m := range n.Messages(t) {
		codes[m.To] = m.Data.Code
	}
	return codes
}

// NewUser signs a user up with Password, verifies the address by code, and returns the first session.
func (n *Node) NewUser(t testing.TB, email string) *account.Grant {
	t.Helper()
	home := Client(Home)
	step, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: Password, Name: "Ada"}, home)
	if err != nil {
		t.Fatal(err)
	}
	home.Browser = step.Waits
	step, err = n.Verify(t.Context(), email, n.Codes(t)[strings.ToLower(email)], "", home)
	if err != nil || step.Grant == nil {
		t.Fatalf("Verify = %+v, %v", step, err)
	}
	return step.Grant
}

// Caller returns the caller with an access token.
func (n *Node) Caller(t testing.TB, access string) caller.Caller {
	t.Helper()
	who, err := n.Verifier.Verify(access)
	if err != nil {
		t.Fatal(err)
	}
	return who
}
