package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// InsideHost is the host of addresses for an Inside.
const InsideHost = "ashlar"

// insideAddress is the address of a client that is code in the process of the server. No client of the network has it, since
// theirs are IP addresses.
const insideAddress = "inside"

// An Inside answers requests of code in the process of the server, without a network. The caller is an argument: nothing in a
// request or its context says who it is. So an Inside must never serve a listener.
//
// Its requests pass the rules, and are logged and counted, as others are. They have no address, so they pass no limits of rates
// and of requests at work: whoever makes them bounds them.
type Inside struct {
	receiver *Receiver
	next     Handler
}

// Inside returns an Inside for the routes of m. None of them may answer with a stream, which would never end.
func (rc *Receiver) Inside(m *Mux) *Inside {
	return &Inside{receiver: rc, next: setHeaders(rc.takeTurn(m.Serve))}
}

// Do answers a request as a caller, like http.RoundTripper. The whole answer is in memory.
func (in *Inside) Do(r *http.Request, who caller.Caller) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	switch {
	case r.URL == nil || r.URL.Scheme != "http" || r.URL.Host != InsideHost:
		return nil, fmt.Errorf("this client reaches only the server that it runs in: write an address such as http://%s/api/orders", InsideHost)
	case len(r.Header["Authorization"]) > 0 || len(r.Header["Cookie"]) > 0:
		return nil, errors.New("this client has a caller already: send neither Authorization nor Cookie")
	}
	asked, answer := received(r), &insideAnswer{header: http.Header{}}
	if r.Body != nil {
		defer context.AfterFunc(r.Context(), func() { _ = r.Body.Close() })() // ends a Read that waits, as of an io.Pipe
	}
	err := background.Guard("a request from inside", func() error {
		defer pprof.SetGoroutineLabels(r.Context()) // the labels of the request end with it
		in.receiver.receive(answer, asked, origin{client: insideAddress, caller: who}, in.next)
		return nil
	})
	switch cause := context.Cause(r.Context()); {
	case err == nil:
		return answer.response(r), nil
	case cause != nil:
		return nil, cause
	}
	return nil, errors.New("the answer was cut: see the log") // the record has the reason
}

// received returns a request of a client as its server receives it.
func received(r *http.Request) *http.Request {
	asked := r.Clone(r.Context())
	asked.RequestURI, asked.RemoteAddr, asked.Host = asked.URL.RequestURI(), insideAddress, InsideHost
	asked.Proto, asked.ProtoMajor, asked.ProtoMinor = "HTTP/1.1", 1, 1
	if asked.Method == "" {
		asked.Method = http.MethodGet
	}
	if asked.Header == nil {
		asked.Header = http.Header{}
	}
	if asked.Body == nil || asked.Body == http.NoBody {
		asked.Body, asked.ContentLength = http.NoBody, 0
		return asked
	}
	if asked.ContentLength == 0 { // a client says with 0 that it does not know
		asked.ContentLength = -1
	}
	asked.Body = insideBody{asked.Body, r.Context()}
	return asked
}

// An insideBody is the body of a request from inside. After the end of the request's context, Read says that the client is gone.
type insideBody struct {
	io.ReadCloser
	ctx context.Context
}

func (b insideBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.ctx.Err() != nil {
		err = context.Canceled
	}
	return n, err
}

// insideAnswer is a ResponseWriter that keeps the answer.
type insideAnswer struct {
	header http.Header
	status int
	sent   http.Header // header at the time of the status
	body   bytes.Buffer
}

func (a *insideAnswer) Header() http.Header { return a.header }

func (a *insideAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 { // a 1xx is not the answer
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *insideAnswer) Write(part []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(part)
}

func (a *insideAnswer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}
}
