package mail

import (
	"context"

	gomail "github.com/wneessen/go-mail"
)

// Probe signs in at a server and leaves. It sends no mail.
func Probe(ctx context.Context, server Server) error {
	sender := &smtpSender{server: server}
	conns := &conns{}
	defer conns.close()
	client, err := gomail.NewClient(server.host, sender.options(conns)...)
	if err != nil {
		return sender.explain(err)
	}
	stop := context.AfterFunc(ctx, conns.close)
	defer stop()
	if err := client.DialWithContext(ctx); err != nil {
		return sender.explain(err)
	}
	_ = client.Close() // the server has answered, whatever it says to a goodbye
	return nil
}
