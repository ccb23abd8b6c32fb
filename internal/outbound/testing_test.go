package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a DNS server in this process. It answers with what a test says that a name has, and counts the questions.
type names struct {
	answer func(name string, question int) []netip.Addr // question counts from 0, for each name and type

	mu    sync.Mutex
	asked map[string]int
}

// resolver returns a resolver that asks the server.
func (n *names) resolver() *net.Resolver {
	n.asked = map[string]int{}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
}

// serve answers the questions of a connection, each with its length before it as over TCP.
func (n *names) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, packet); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet) != nil {
			return
		}
		n.fill(&m)
		packed, err := m.AppendPack(make([]byte, 2))
		if err != nil {
			return
		}
		binary.BigEndian.PutUint16(packed, uint16(len(packed)-2))
		if _, err := conn.Write(packed); err != nil {
			return
		}
	}
}

func (n *names) fill(m *dnsmessage.Message) {
	question := m.Questions[0]
	name := strings.TrimSuffix(question.Name.String(), ".")
	n.mu.Lock()
	key := name + question.Type.String()
	count := n.asked[key]
	n.asked[key]++
	n.mu.Unlock()
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, address := range n.answer(name, count) {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: dnsmessage.ClassINET}
		switch {
		case question.Type == dnsmessage.TypeA && address.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
		case question.Type == dnsmessage.TypeAAAA && !address.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
		}
	}
}

// errReached ends a dial whose address passed the check. No test sends a packet to the internet.
var errReached = errors.New("reached")

// A watched Egress notes the addresses that pass the check, and connects to none.
type watched struct {
	*Egress
	mu      sync.Mutex
	reached []string
}

func watch(t *testing.T, cfg Config) *watched {
	t.Helper()
	w := &watched{}
	cfg.reached = func(address string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reached = append(w.reached, address)
		return errReached
	}
	w.Egress = New(cfg)
	return w
}

func parseAll(t testing.TB, texts ...string) (all []netip.Addr) {
	t.Helper()
	for _, text := range texts {
		address, err := netip.ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, address)
	}
	return all
}
