package trust

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Role is what a certificate lets its owner be: its organizational unit. The list is closed.
type Role string

// The roles.
const (
	Coordinator Role = "coordinator" // may do everything, and take part in Raft
	Server      Role = "server"      // of NATS, where it is not the coordinator's own
	Worker      Role = "worker"
	Client      Role = "client" // submits, watches, stops
)

// Roles returns all roles.
func Roles() []Role { return []Role{Coordinator, Server, Worker, Client} }

// Identity is what a certificate says of its owner.
type Identity struct {
	Role Role
	Name string
}

// IdentityOf returns the identity in a certificate. An error says what the certificate lacks.
func IdentityOf(cert *x509.Certificate) (Identity, error) {
	id := Identity{Name: cert.Subject.CommonName}
	if !transport.IsToken(id.Name) {
		return id, fmt.Errorf("trust: the certificate's common name %q is no name: want 1 to %d letters, digits, - and _", id.Name, transport.MaxToken)
	}
	if units := cert.Subject.OrganizationalUnit; len(units) == 1 {
		for _, r := range Roles() {
			if string(r) == units[0] {
				id.Role = r
				return id, nil
			}
		}
	}
	return id, fmt.Errorf("trust: the certificate of %s has organizational unit %q: want one role of %q", id.Name, cert.Subject.OrganizationalUnit, Roles())
}

// Covers reports whether a party may use the credential.
func (id Identity) Covers(party transport.PartyID) bool {
	rest, ok := strings.CutPrefix(string(party), id.Name)
	return ok && transport.IsToken(string(party)) && (rest == "" || rest[0] == '-')
}

// Subjects are what a party may publish on and subscribe to, NATS's wildcards allowed.
type Subjects struct{ Publish, Subscribe []string }

// SubjectsOf returns the subjects of a party of a role; nil stands for all. No other party's subject is among them.
func SubjectsOf(role Role, party transport.PartyID) (*Subjects, error) {
	switch role {
	case Coordinator:
		return nil, nil
	case Worker:
		return workerSubjects(party), nil
	case Client:
		return clientSubjects(party), nil
	}
	return nil, fmt.Errorf("trust: a %s connects to nobody", role)
}

// workerVerbs are the requests of workers.
var workerVerbs = []transport.Sealed{&transport.Register{}, &transport.Lease{}, &transport.Renew{}, &transport.Release{}, &transport.Catchup{}}

// clientVerbs are the requests of clients.
var clientVerbs = []transport.Sealed{
	&transport.Submit{}, &transport.Stop{}, &transport.Extend{}, &transport.Resume{}, &transport.DrainWorker{},
	&transport.Status{}, &transport.Runs{}, &transport.Workers{}, &transport.Pull{},
}

func workerSubjects(party transport.PartyID) *Subjects {
	s := &Subjects{Publish: requests(workerVerbs, party), Subscribe: inbox(party)}
	for _, c := range []transport.Channel{transport.Draws, transport.Statistics, transport.Events, transport.Heartbeats} {
		s.Publish = append(s.Publish, transport.Filter{Channel: c, Party: party}.String())
	}
	for _, f := range []transport.Filter{{Channel: transport.Decisions}, {Channel: transport.Notices, Party: party}} {
		s.Subscribe = append(s.Subscribe, f.String())
	}
	s.Publish = append(s.Publish, reading(transport.Buckets()...)...)
	s.Publish = append(s.Publish, writing(transport.Results)...)
	return s
}

func clientSubjects(party transport.PartyID) *Subjects {
	s := &Subjects{Publish: requests(clientVerbs, party), Subscribe: inbox(party)}
	for _, c := range []transport.Channel{transport.Progress, transport.Decisions, transport.Heartbeats} {
		s.Subscribe = append(s.Subscribe, transport.Filter{Channel: c}.String())
	}
	s.Publish = append(s.Publish, history(transport.Events)...)
	s.Publish = append(s.Publish, reading(transport.Buckets()...)...)
	s.Publish = append(s.Publish, writing(transport.Inputs)...)
	return s
}

// requests returns the subjects of a party's requests.
func requests(verbs []transport.Sealed, party transport.PartyID) []string {
	var out []string
	for _, v := range verbs {
		s := v.Subject()
		s.Party = party
		out = append(out, s.String())
	}
	return out
}

// inbox is where replies to a party come.
func inbox(party transport.PartyID) []string { return []string{"drey.inbox." + string(party) + ".>"} }

// reading returns what JetStream wants published by who reads objects. Consumers are not among it: who may make one chooses
// where the server delivers, other parties' subjects too.
func reading(buckets ...transport.Bucket) []string {
	var out []string
	for _, b := range buckets {
		stream := "OBJ_" + b.String()
		out = append(out, "$JS.API.STREAM.INFO."+stream, "$JS.API.STREAM.MSG.GET."+stream, "$JS.API.DIRECT.GET."+stream, "$JS.API.DIRECT.GET."+stream+".>")
	}
	return out
}

// writing returns what JetStream wants published by who puts objects. The right to purge is not among it, which would be one to
// purge all of them: parts of an object that was not written to its end stay.
func writing(b transport.Bucket) []string {
	return []string{"$O." + b.String() + ".C.>", "$O." + b.String() + ".M.>"}
}

// history returns what JetStream wants published by who reads a history.
func history(c transport.Channel) []string {
	stream := "drey-" + c.String()
	return []string{
		"$JS.API.STREAM.INFO." + stream, "$JS.API.CONSUMER.CREATE." + stream + ".>", "$JS.API.CONSUMER.INFO." + stream + ".>",
		"$JS.API.CONSUMER.DELETE." + stream + ".>", "$JS.API.CONSUMER.MSG.NEXT." + stream + ".>",
	}
}
