package account

import (
	"context"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/session"
	"github.com/ashlar-dev/ashlar/internal/mail"
)

// The templates of mails.
const (
	verifyMail  = "verify"
	signInMail  = "sign-in"
	resetMail   = "reset"
	knownMail   = "known"
	inviteMail  = "invite"
	changedMail = "changed"
)

// Compose makes the mail of a queued letter, when the mail worker has come to it. It makes the code only now, and decides by
// the account whether there is anything to send. So the request that queued the letter did the same work for every address.
func (s *Service) Compose(ctx context.Context, l mail.Letter) (message mail.Message, send bool, err error) {
	defer errs.Wrap(&err, "account.Compose(%s)", l.Kind)
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			message, send, err = s.compose(w, l)
			return err
		})
	})
	return message, send, err
}

func (s *Service) compose(w *work, l mail.Letter) (mail.Message, bool, error) {
	a, err := s.findIn(w, KindUser, l.To)
	if err != nil {
		return mail.Message{}, false, err
	}
	switch why := purpose(l.Kind); why {
	case forSignUp:
		if a != nil {
			if err := s.decoy(w, why, l); err != nil {
				return mail.Message{}, false, err
			}
			return message(knownMail, mail.Data{Name: a.Name, Path: "/account/sign-in"})
		}
		return s.codeMessage(w, verifyMail, "/account/verify", why, l, &accountRow{})
	case forInvite:
		return s.codeMessage(w, inviteMail, "/account/sign-up?invited", why, l, &accountRow{})
	case forAddress:
		if a == nil || a.Verified {
			return mail.Message{}, false, s.decoy(w, why, l)
		}
		return s.codeMessage(w, verifyMail, "/account/verify", why, l, a)
	case forSignIn:
		if a == nil || a.SuspendedAt != nil {
			return mail.Message{}, false, s.decoy(w, why, l)
		}
		return s.codeMessage(w, signInMail, "/account/verify", why, l, a)
	case forReset:
		if a == nil || a.SuspendedAt != nil || s.rules.Password == nil {
			return mail.Message{}, false, s.decoy(w, why, l)
		}
		return s.codeMessage(w, resetMail, "/account/reset/confirm", why, l, a)
	}
	if l.Kind == changedMail {
		return message(changedMail, mail.Data{Name: l.Data["name"], Change: l.Data["change"], Device: l.Data["device"], Address: l.Data["address"], Keys: l.Data["keys"], At: w.now})
	}
	return mail.Message{}, false, errs.New(errs.Internal, "no letter of kind %s is known", l.Kind)
}

// codeMessage makes a code and the mail that holds it. The link has the code in its fragment, which browsers send nowhere. A
// letter about a pending sign-up or invitation says so no longer once its row has expired.
func (s *Service) codeMessage(w *work, template, path string, why purpose, l mail.Letter, a *accountRow) (mail.Message, bool, error) {
	code, err := s.newCode()
	if err != nil {
		return mail.Message{}, false, err
	}
	if kept, err := s.keepCode(w, why, l.To, a.ID, l.Data["pending"], code); err != nil || !kept {
		return mail.Message{}, false, err
	}
	link := path + "#" + url.PathEscape(l.To) + "/" + code
	return message(template, mail.Data{Name: a.Name, Code: code, Path: link, Minutes: int(s.lifeOf(why).Minutes())})
}

// decoy keeps a code that nobody knows, since no mail holds it. An attempt with a wrong code then does the same work whether the
// address has an account or not. Without it, a wrong code for a known address took 40 % longer.
func (s *Service) decoy(w *work, why purpose, l mail.Letter) error {
	_, err := s.keepCode(w, why, l.To, "", l.Data["pending"], newSecret())
	return err
}

func message(template string, data mail.Data) (mail.Message, bool, error) {
	return mail.Message{Template: template, Data: data}, true, nil
}

// tell queues a letter about a change, so that the owner notices changes by others (ASVS 6.3.7).
func (s *Service) tell(w *work, a *accountRow, change string, client Client) error {
	if a.Email == "" {
		return nil
	}
	data := map[string]string{"name": a.Name, "change": change, "device": session.Label(client.Agent), "address": client.Address}
	if change == "password" {
		keys, err := s.liveKeys(w, a.ID)
		if err != nil {
			return err
		}
		data["keys"] = keys
	}
	return s.queue(w, letter{Kind: changedMail, Email: a.Email, Data: data}, client)
}
