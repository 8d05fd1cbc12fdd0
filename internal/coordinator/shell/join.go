package shell

import (
	"slices"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Membership is a coordinator.Replica: which coordinators there are.
type Membership interface {
	Members() []string
	Add(coordinator.Peer) error
	Remove(id string) error
}

var _ Membership = (*coordinator.Replica)(nil)

// Parties returns the members as parties.
func Parties(m Membership) func() []transport.PartyID {
	return func() []transport.PartyID {
		var out []transport.PartyID
		for _, id := range m.Members() {
			out = append(out, transport.PartyID(id))
		}
		return out
	}
}

// join takes a coordinator into the group in the place of another. The one that is lost goes first: those that are left agree on both
// steps without the new one. A request that comes again goes on where the one before ended.
func (r *reign) join(m *transport.Join) (transport.Message, error) {
	group, id, lost := r.cfg.Membership, string(m.Command.Party), string(m.Replaces)
	if group == nil {
		return nil, transport.Errorf(transport.Invalid, "join", "coordinator %s is alone: nobody can join it", r.cfg.Name)
	}
	members := group.Members()
	switch {
	case slices.Contains(members, id):
		return &transport.Done{}, nil
	case m.Replaces == r.cfg.Name:
		return nil, transport.Errorf(transport.Invalid, "join", "coordinator %s is not lost: it leads", lost)
	}
	if slices.Contains(members, lost) {
		if err := group.Remove(lost); err != nil {
			return nil, transport.Errorf(transport.Unavailable, "join", "%w", err)
		}
	}
	if err := group.Add(coordinator.Peer{ID: id, Addr: m.Address}); err != nil {
		return nil, transport.Errorf(transport.Unavailable, "join", "%w", err)
	}
	r.event(transport.NoRun, "coordinator joined", "id", id, "address", m.Address, "replaces", lost)
	return &transport.Done{}, nil
}
