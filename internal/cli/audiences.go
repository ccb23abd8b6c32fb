package cli

import (
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// confusedAudiences warns of issuers whose audience is the client of a provider at the same issuer. ID tokens have that audience
// too, and many issuers give both kinds of tokens one type.
func confusedAudiences(m *model.Model) (found model.Faults) {
	if m.Accounts == nil {
		return nil
	}
	for i, issuer := range m.Accounts.Issuers {
		for _, provider := range m.Accounts.Providers {
			client := string(provider.ClientID.Value)
			if provider.Issuer == issuer.Issuer && client != "" && slices.Contains(issuer.Audience, client) {
				found = append(found, m.Fault(m.Accounts.At("issuers", strconv.Itoa(i), "audience"),
					"the audience %s is the client_id of the provider %s, so ID tokens are for it too: let the issuer name this API otherwise", client, provider.Name))
			}
		}
	}
	return found
}
