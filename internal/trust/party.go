package trust

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/drey-sampler/drey/pkg/transport"
)

// NewParty returns a name that no other process has: that of the credentials, or the default where there are none, with random
// letters behind it.
func NewParty(c *Credentials, otherwise string) (transport.PartyID, error) {
	name := otherwise
	if c != nil {
		name = c.Identity.Name
	}
	party := transport.PartyID(name + "-" + strings.ToLower(rand.Text()[:8])) // 40 bits: enough for all processes of a cluster
	if !transport.IsToken(string(party)) {
		return "", fmt.Errorf("trust: %q can't begin the name of a process: want at most %d letters, digits, - and _", name, transport.MaxToken-9)
	}
	return party, nil
}
